import { type ConfigNode, editPath, identityText, shownWords } from "./config-node.ts";
import { renderStatement, type ShownNode, shownChildren, wordsOf } from "./curly-text.ts";

/**
 * The differences between two trees as `show | compare` writes them: a header for each level at which something
 * changed, then `-` and `+` lines indented by the depth of the level. In lists whose order counts, the entry before an
 * added one is shown as context (`group CloudGW1 { ... }`).
 * @returns "" when nothing differs
 */
export function compareText(before: ConfigNode, after: ConfigNode): string {
  const blocks: string[] = [];
  walk(before, after, [], 0, blocks);
  return blocks.map((block) => `${block}\n`).join("\n");
}

function walk(before: ConfigNode, after: ConfigNode, path: readonly string[], depth: number, blocks: string[]): void {
  if (before === after) return;
  const indent = " ".repeat(depth + 2);
  const lines: string[] = [];
  const deeper: Array<() => void> = [];
  const old = new Map(shownChildren(before).map((shown) => [identity(shown), shown]));
  const now = shownChildren(after);
  const present = new Set(now.map(identity));
  const emit = (sign: string, shown: ShownNode) => {
    lines.push(...renderStatement(shown, indent).map((line) => sign + line));
  };
  for (const [id, shown] of old) if (!present.has(id)) emit("-", shown);
  const moved = movedEntries([...old.values()], now);
  let previous: ShownNode | undefined;
  let newRun = false;
  for (const shown of now) {
    const was = old.get(identity(shown));
    const { node } = shown;
    if (!was) {
      const ordered = node.statement.userOrdered && previous?.node.name === node.name;
      if (ordered && previous && !newRun) lines.push(` ${indent}${context(previous)}`);
      emit("+", shown);
      newRun = true;
    } else {
      newRun = false;
      if (was.node.value !== node.value) {
        emit("-", was);
        emit("+", shown);
      } else {
        if (was.node.inactive !== node.inactive) {
          lines.push(`!${indent}${node.inactive ? "inactive" : "active"}: ${context(shown)}`);
        } else if (moved.has(identity(shown))) lines.push(`!${indent}${context(shown)}`);
        const levels = 1 + shown.joined.length;
        deeper.push(() => walk(was.node, node, [...path, ...wordsOf(shown)], depth + levels, blocks));
      }
    }
    previous = shown;
  }
  if (lines.length > 0) blocks.push([editPath(path), ...lines].join("\n"));
  for (const next of deeper) next();
}

const identity = (shown: ShownNode): string => [...shown.joined, shown.node].map(identityText).join("/");

const context = (shown: ShownNode): string =>
  `${wordsOf(shown).join(" ")}${shown.node.children.length > 0 ? " { ... }" : ";"}`;

/** Entries of ordered lists that stand after other entries than before, as far as both configurations have them. */
function movedEntries(old: readonly ShownNode[], now: readonly ShownNode[]): Set<string> {
  const ordered = (all: readonly ShownNode[]) => all.filter((shown) => shown.node.statement.userOrdered).map(identity);
  const before = ordered(old);
  const after = ordered(now);
  const kept = new Set(after.filter((id) => before.includes(id)));
  const wasAt = before.filter((id) => kept.has(id));
  const isAt = after.filter((id) => kept.has(id));
  const moved = new Set<string>();
  let index = 0;
  for (const id of isAt) {
    while (moved.has(wasAt[index] ?? "")) index++;
    if (wasAt[index] === id) index++;
    else moved.add(id);
  }
  return moved;
}

/** The differences as lines of `set` and `delete` that turn `before` into `after`. */
export function compareSet(before: ConfigNode, after: ConfigNode): string[] {
  const deletes: string[] = [];
  const sets: string[] = [];
  const difference = (a: ConfigNode, b: ConfigNode, path: readonly string[]) => {
    if (a === b) return;
    const old = new Map(a.children.map((child) => [identityText(child), child]));
    const present = new Set(b.children.map(identityText));
    for (const [id, child] of old) {
      if (!present.has(id)) deletes.push(["delete", ...path, ...shownWords(child)].join(" "));
    }
    for (const child of b.children) {
      const was = old.get(identityText(child));
      const words = [...path, ...shownWords(child)];
      if (!was || was.value !== child.value) addAll(child, words);
      else {
        if (was.inactive !== child.inactive) {
          sets.push([child.inactive ? "deactivate" : "activate", ...words].join(" "));
        }
        difference(was, child, words);
      }
    }
  };
  const addAll = (node: ConfigNode, words: readonly string[]) => {
    if (node.children.length === 0) sets.push(["set", ...words].join(" "));
    for (const child of node.children) addAll(child, [...words, ...shownWords(child)]);
    if (node.inactive) sets.push(["deactivate", ...words].join(" "));
  };
  difference(before, after, []);
  return [...deletes, ...sets];
}
