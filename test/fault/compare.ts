/** How two sets of named texts differ, one line each: what is missing, what is too much, and the first line that differs. */
export function differences(wanted: ReadonlyMap<string, string>, found: ReadonlyMap<string, string>): string[] {
  const lines: string[] = [];
  for (const [name, text] of wanted) {
    const other = found.get(name);
    if (other === undefined) lines.push(`missing: ${name}`);
    else if (other !== text) lines.push(`${name}: ${firstDifference(text, other)}`);
  }
  for (const name of found.keys()) if (!wanted.has(name)) lines.push(`too much: ${name}`);
  return lines;
}

function firstDifference(wanted: string, found: string): string {
  const [ours, theirs] = [wanted.split("\n"), found.split("\n")];
  const at = ours.findIndex((line, index) => line !== theirs[index]);
  const line = at === -1 ? ours.length : at;
  return `line ${line + 1} is "${theirs[line] ?? "(nothing)"}" and not "${ours[line] ?? "(nothing)"}"`;
}

/** The values of a list that stand in it more than once. */
export function doubles(list: Iterable<string>): string[] {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const value of list) {
    if (seen.has(value)) twice.add(value);
    seen.add(value);
  }
  return [...twice];
}

/** How often each value stands in a list. */
export function counts(list: Iterable<string>): Map<string, string> {
  const found = new Map<string, number>();
  for (const value of list) found.set(value, (found.get(value) ?? 0) + 1);
  return new Map([...found].map(([value, count]) => [value, String(count)]));
}
