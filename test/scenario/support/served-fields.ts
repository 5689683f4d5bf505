import type { TestSystem } from "./running-system.ts";

export type Body = Record<string, unknown>;
type Operation = "create" | "update";

/** A field as `/gohan/v0.1/schemas` describes it. */
export interface ServedField {
  readonly type: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly permission?: readonly Operation[];
  readonly unique?: boolean;
  readonly relation?: string;
  readonly refers_to?: string;
  readonly secret?: boolean;
  readonly pattern?: string;
  readonly items?: ServedField;
  readonly properties?: Readonly<Record<string, ServedField>>;
}

/** A type of the catalogue, with all its resources and a body that a POST would take if its unique values were free. */
export interface ServedType {
  readonly type: string;
  readonly collection: string;
  readonly fields: Readonly<Record<string, ServedField>>;
  readonly required: readonly string[];
  readonly resources: readonly Body[];
  readonly valid: Body;
}

interface Page {
  readonly schemas: ReadonlyArray<{
    id: string;
    plural: string;
    schema: { properties: Record<string, ServedField>; required: string[] };
  }>;
}

/** The catalogue as it is served. */
export async function servedTypes(system: TestSystem): Promise<ServedType[]> {
  const { schemas } = await system.get<Page>("/gohan/v0.1/schemas");
  const types: ServedType[] = [];
  for (const { id, plural, schema } of schemas) {
    const { properties: fields, required } = schema;
    // The same ones come first each time.
    const order = fields["name"] === undefined ? "" : "?sort_key=name";
    const list = await system.get<Record<string, Body[]>>(`/v2.0/${plural}${order}`);
    const resources = list[plural] ?? [];
    types.push({ type: id, collection: plural, fields, required, resources, valid: validBody(fields, resources[0]) });
  }
  return types;
}

function validBody(fields: ServedType["fields"], shown: Body = {}): Body {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, field]): Array<[string, unknown]> => {
      const value = field.secret ? "a-secret" : shown[name];
      return field.permission?.includes("create") && value !== null && value !== undefined ? [[name, value]] : [];
    }),
  );
}

export function typesOf(field: ServedField): readonly string[] {
  return typeof field.type === "string" ? [field.type] : field.type;
}

/** A place in a body, and how to put a value there. */
export interface Place {
  /** JSON pointer below the resource, such as `/fixed_ips/0/ip_address`. */
  readonly pointer: string;
  readonly field: ServedField;
  /** The value of the top-level field with `value` at the place. */
  with(value: unknown): unknown;
}

/** Every place of a field at which a text may stand: the field, the items of a list, the members of an object, names included. */
export function textPlaces(name: string, field: ServedField, valid: unknown): Place[] {
  return placesOf(`/${name}`, field, valid, (value) => value);
}

function placesOf(pointer: string, field: ServedField, valid: unknown, put: (value: unknown) => unknown): Place[] {
  const types = typesOf(field);
  if (types.includes("string")) return [{ pointer, field, with: put }];
  if (types.includes("array")) {
    const [first] = Array.isArray(valid) ? valid : [];
    return placesOf(`${pointer}/0`, field.items ?? { type: "string" }, first, (value) => put([value]));
  }
  if (!types.includes("object")) return [];
  const object = (typeof valid === "object" ? valid : null) as Body | null;
  if (field.properties !== undefined) {
    return Object.entries(field.properties).flatMap(([name, member]) =>
      placesOf(`${pointer}/${name}`, member, object?.[name], (value) => put({ ...object, [name]: value })),
    );
  }
  return placesOf(`${pointer}/key`, field.items ?? { type: "string" }, undefined, (value) => put({ key: value }));
}
