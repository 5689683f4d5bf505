import type { FieldSchema } from "../src/catalogue/field-schema.ts";
import type { TypeFile } from "../src/catalogue/type-file.ts";

/** Fields that mean the same in every type. One that says what it is itself is not looked up here. */
const common: Readonly<Record<string, string>> = {
  id: "its id",
  name: "for people",
  description: "for people",
  tenant_id: "the tenant it belongs to",
  tags: "for clients",
  status: "`PENDING_CREATE`, `ACTIVE`, `PENDING_UPDATE`, `PENDING_DELETE`, `MONITORING_UNAVAILABLE` or `ERROR`",
  orchestration_state: "what has become of its last version",
  operational_state: "what monitoring sees: `UP`, `FAIL` or `NO_STATE`",
};

/** A row for each field: name, type, when clients set it, whether they must, what it refers to, what it means. */
export function fieldRows(file: TypeFile): string[][] {
  return Object.entries(file.fields).map(([name, raw]) => {
    const field = raw as unknown as FieldSchema;
    const { writable = [] } = raw;
    return [
      `\`${name}\``,
      typeOf(field),
      writable.join(", "),
      field.required === true ? "yes" : "",
      relationsOf(field).join(", "),
      meaningOf(file, name, field),
    ];
  });
}

/** The type with what narrows it. */
function typeOf(field: FieldSchema): string {
  const types = typeof field.type === "string" ? [field.type] : field.type;
  const words = types.join(" or ");
  const inner = field.items === undefined ? "" : ` of ${typeOf(field.items)}`;
  const members = Object.entries(field.properties ?? {}).map(([name, member]) => `\`${name}\`: ${typeOf(member)}`);
  const narrowed = [
    ...(members.length === 0 ? [] : [`{${members.join(", ")}}`]),
    ...(field.format === undefined ? [] : [field.format]),
    ...(field.enum === undefined ? [] : [field.enum.map((value) => `\`${value}\``).join(", ")]),
    ...range("", field.minimum, field.maximum),
    ...range(" characters", field.minLength, field.maxLength),
    ...(field.pattern === undefined ? [] : [`\`${field.pattern}\``]),
  ];
  return [words + inner, ...narrowed].join("; ");
}

function range(unit: string, least: number | undefined, most: number | undefined): string[] {
  if (least === undefined && most === undefined) return [];
  if (most === undefined) return [`at least ${least}${unit}`];
  return [least === undefined ? `at most ${most}${unit}` : `${least} to ${most}${unit}`];
}

function relationsOf(field: FieldSchema): string[] {
  const target = field.relation ?? field.refers_to;
  const inner = [...(field.items ? [field.items] : []), ...Object.values(field.properties ?? {})];
  return [...(target === undefined ? [] : [`[${target}](#${target})`]), ...inner.flatMap(relationsOf)];
}

function meaningOf(file: TypeFile, name: string, field: FieldSchema): string {
  const derived = file.derive?.[name];
  const pool = Object.entries(file.pools ?? {}).find(([, rule]) => rule.bitmap === name || rule.addresses === name);
  const said = field.description ?? (derived === undefined && pool === undefined ? common[name] : undefined);
  const isConstant = field.default === null || field.default === undefined || field.default === "";
  return [
    ...(said === undefined ? [] : [said]),
    ...(derived === undefined ? [] : [derivation(derived, field.writable ?? [])]),
    ...(pool === undefined
      ? []
      : [pool[1].bitmap === name ? `what is taken of the pool \`${pool[0]}\`` : `ranges of the pool \`${pool[0]}\``]),
    ...(field.unique === true ? ["unique"] : []),
    ...(field.secret === true ? ["secret: sealed, shown as `***`"] : []),
    ...(isConstant ? [] : [`default \`${JSON.stringify(field.default)}\``]),
  ].join("; ");
}

function derivation(rule: unknown, writable: readonly string[]): string {
  const unlessGiven = writable.includes("create") ? ", unless it is given" : "";
  if (typeof rule === "object" && rule !== null && "claim" in rule) {
    const { claim, of, allocate } = rule as { claim: string; of: string; allocate?: boolean };
    const what = allocate === false ? "the number that is given, taken from" : "the lowest free number of";
    return `${what} the pool \`${claim}\` of \`${of}\`${allocate === false ? "" : unlessGiven}`;
  }
  return `\`${typeof rule === "string" ? rule : JSON.stringify(rule)}\`${unlessGiven}`;
}
