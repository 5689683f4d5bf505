export type Schema = { readonly [word: string]: unknown };

export interface Parameter {
  readonly name: string;
  readonly in: "query" | "header" | "path";
  readonly schema: Schema;
}

/** One method of one path, as the OpenAPI document describes it. */
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  /** Undefined: it takes none. */
  readonly body: Schema | undefined;
  /** Schemas of JSON answers by status. */
  readonly answers: Readonly<Record<string, Schema | undefined>>;
}

export interface Description {
  readonly document: Schema;
  readonly operations: readonly Operation[];
}

/** Answers go on until the client leaves. */
const ENDLESS = new Set(["/signalbox/v1/documents/watch", "/signalbox/v1/events", "/signalbox/v1/devices/events"]);
const METHODS = ["get", "post", "put", "delete"];

interface Described {
  readonly parameters?: readonly object[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses?: Readonly<Record<string, { readonly content?: Readonly<Record<string, { schema: Schema }>> }>>;
}

/** The operations of an OpenAPI document, with what its references lead to. */
export function describedBy(document: Schema): Description {
  const operations: Operation[] = [];
  for (const [path, item] of Object.entries(document["paths"] as Record<string, Record<string, Described>>)) {
    if (ENDLESS.has(path)) continue;
    const shared = (item["parameters"] ?? []) as readonly object[];
    for (const method of METHODS) {
      const described = item[method];
      if (described === undefined) continue;
      const parameters = [...shared, ...(described.parameters ?? [])].map(
        (parameter) => resolved(document, parameter) as unknown as Parameter,
      );
      operations.push({
        method: method.toUpperCase(),
        path,
        parameters: parameters.filter(({ name }) => name !== "follow"),
        body: described.requestBody?.content["application/json"]?.schema,
        answers: Object.fromEntries(
          Object.entries(described.responses ?? {}).map(([status, answer]) => [
            status,
            answer.content?.["application/json"]?.schema,
          ]),
        ),
      });
    }
  }
  return { document, operations };
}

/** What a `$ref` leads to; anything else is itself. */
export function resolved(document: Schema, part: object): Schema {
  const reference = (part as Schema)["$ref"];
  if (typeof reference !== "string") return part as Schema;
  const steps = reference.replace("#/", "").split("/");
  return steps.reduce<unknown>((at, step) => (at as Schema)[step], document) as Schema;
}
