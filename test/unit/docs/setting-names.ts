interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  /** Of a record: the pattern of its names to what they hold. */
  readonly patternProperties?: Readonly<Record<string, Schema>>;
}

/** The settings of a schema that hold a value: `netconf.driver`; `<name>` stands for any name. */
export function settingsOf(schema: unknown, path: readonly string[] = []): string[] {
  const { properties = {}, patternProperties = {} } = schema as Schema;
  const named = Object.values(patternProperties).map((each) => ["<name>", each] as const);
  const members = [...Object.entries(properties), ...named];
  if (members.length === 0) return [path.join(".")];
  return members.flatMap(([name, member]) => settingsOf(member, [...path, name]));
}
