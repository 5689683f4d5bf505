import { escapePointer } from "./envelope.ts";

interface Level {
  /** Pointer to the object or list. */
  readonly pointer: string;
  /** Names seen in an object; undefined in a list. */
  readonly names: Set<string> | undefined;
  /** Name or index of the member that is being read. */
  member: string;
}

const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs;

/**
 * Finds the first member that an object has twice, as a JSON pointer. JSON.parse silently takes the last one, others take the first: what
 * was meant is anybody's guess (RFC 8259 section 4).
 * @param text JSON, already checked
 */
export function findDuplicateMember(text: string): string | undefined {
  const open: Level[] = [];
  let nameComes = false;
  const here = () => {
    const level = open.at(-1);
    return level === undefined ? "" : `${level.pointer}/${level.member}`;
  };
  for (const [word] of text.matchAll(token)) {
    const level = open.at(-1);
    switch (word) {
      case "{":
        open.push({ pointer: here(), names: new Set(), member: "" });
        nameComes = true;
        break;
      case "[":
        open.push({ pointer: here(), names: undefined, member: "0" });
        nameComes = false;
        break;
      case "}":
      case "]":
        open.pop();
        nameComes = false;
        break;
      case ",":
        nameComes = level?.names !== undefined;
        if (level !== undefined && !nameComes) level.member = String(Number(level.member) + 1);
        break;
      case ":":
        nameComes = false;
        break;
      default:
        if (!nameComes || level?.names === undefined) break;
        level.member = escapePointer(JSON.parse(word) as string);
        if (level.names.has(level.member)) return here();
        level.names.add(level.member);
    }
  }
  return undefined;
}
