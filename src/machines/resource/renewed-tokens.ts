/** Plain data with every token in its texts replaced. What holds none is the same object as before. */
export function renewed<T>(value: T, tokens: Readonly<Record<string, string>>): T {
  return replaced(value, Object.entries(tokens)) as T;
}

function replaced(value: unknown, tokens: ReadonlyArray<readonly [string, string]>): unknown {
  if (typeof value === "string") {
    return tokens.reduce((text, [old, present]) => (text.includes(old) ? text.replaceAll(old, present) : text), value);
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => replaced(item, tokens));
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, member, replaced(member, tokens)] as const);
  return members.some(([, before, after]) => before !== after)
    ? Object.fromEntries(members.map(([name, , after]) => [name, after]))
    : value;
}
