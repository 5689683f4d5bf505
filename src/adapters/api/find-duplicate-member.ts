import { escapePointer } from "./envelope.ts";
import { endOfString } from "./measure-json.ts";

interface Level {
  /** Pointer to the object or list. */
  readonly pointer: string;
  /** Names seen in an object; undefined in a list. */
  readonly names: Set<string> | undefined;
  /** Name of the member that is being read. */
  name: string;
  /** Index of the item that is being read. */
  index: number;
}

/**
 * Finds the first member that an object has twice, as a JSON pointer. JSON.parse silently takes the last one, others take the first: what
 * was meant is anybody's guess (RFC 8259 section 4).
 * @param bytes JSON in UTF-8, already checked
 */
export function findDuplicateMember(bytes: Buffer): string | undefined {
  const open: Level[] = [];
  let level: Level | undefined;
  let nameComes = false;
  const enter = (names: Set<string> | undefined) => {
    level = { pointer: level === undefined ? "" : pointerOf(level), names, name: "", index: 0 };
    open.push(level);
    nameComes = names !== undefined;
  };
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]) {
      case 0x7b: // {
        enter(new Set());
        break;
      case 0x5b: // [
        enter(undefined);
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        level = open.at(-1);
        nameComes = false;
        break;
      case 0x2c: // ,
        nameComes = level?.names !== undefined;
        if (level !== undefined) level.index += 1;
        break;
      case 0x22: {
        // "
        const end = endOfString(bytes, at);
        if (nameComes && level?.names !== undefined) {
          level.name = JSON.parse(bytes.toString("utf8", at, end + 1)) as string;
          if (level.names.has(level.name)) return pointerOf(level);
          level.names.add(level.name);
          nameComes = false;
        }
        at = end;
      }
    }
  }
  return undefined;
}

function pointerOf({ pointer, names, name, index }: Level): string {
  return `${pointer}/${names === undefined ? index : escapePointer(name)}`;
}
