import fc, { type Arbitrary } from "fast-check";
import type { Description, Operation, Parameter } from "./api-description.ts";
import { idOf, junk, valuesOf } from "./schema-values.ts";

/** A request before it is known which resources there are. */
export interface GeneratedRequest {
  readonly operation: Operation;
  readonly id: unknown;
  /** Names and values; the values are texts or stand for one. */
  readonly query: ReadonlyArray<readonly [string, unknown]>;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, text that is sent as it is, or nothing. */
  readonly body: { readonly json: unknown } | { readonly text: string } | undefined;
}

/** Requests of all operations of an API, valid and not; the same ones for the same seed. */
export function generateRequests(description: Description, count: number, seed: number): GeneratedRequest[] {
  // Made once: to make them takes longer than to draw from them.
  const requests = new Map(description.operations.map((each) => [each, requestOf(description, each)]));
  const writes = description.operations.filter(({ method }) => method !== "GET");
  const operation = fc.oneof(fc.constantFrom(...description.operations), fc.constantFrom(...writes));
  return fc.sample(
    operation.chain((each) => requests.get(each) ?? requestOf(description, each)),
    { numRuns: count, seed },
  );
}

function requestOf({ document }: Description, operation: Operation): Arbitrary<GeneratedRequest> {
  const type = typeOf(operation);
  const valid = operation.body === undefined ? fc.constant(undefined) : valuesOf(document, operation.body);
  return fc.record({
    operation: fc.constant(operation),
    id: fc.oneof({ weight: 8, arbitrary: idOf(type) }, { weight: 1, arbitrary: fc.uuid() }, junk),
    query: queryOf(document, operation),
    headers: headersOf(operation),
    body: valid.chain((json) => bodyOf(json)),
  });
}

/** The type whose resources are at a path such as `/v2.0/ports/{id}`: the last word of the names of its operations' schemas. */
function typeOf({ path }: Operation): string {
  return /^\/v2\.0\/([^/]+)/.exec(path)?.[1] ?? "";
}

function queryOf(document: Description["document"], { parameters }: Operation): Arbitrary<Array<[string, unknown]>> {
  const known = parameters.filter((parameter) => parameter.in === "query");
  const value = (parameter: Parameter) =>
    fc.oneof({ weight: 7, arbitrary: valuesOf(document, parameter.schema) }, { weight: 1, arbitrary: junk });
  const one: Arbitrary<[string, unknown]> =
    known.length === 0
      ? fc.tuple(fc.string({ minLength: 1, maxLength: 8 }), junk)
      : fc.oneof(
          {
            weight: 12,
            arbitrary: fc
              .constantFrom(...known)
              .chain((parameter) => value(parameter).map((each): [string, unknown] => [parameter.name, each])),
          },
          { weight: 1, arbitrary: fc.tuple(fc.string({ minLength: 1, maxLength: 8 }), junk) },
        );
  const none = fc.constant<Array<[string, unknown]>>([]);
  const most = known.length === 0 ? 1 : 4;
  return fc.oneof(
    { weight: known.length === 0 ? 30 : 2, arbitrary: none },
    { weight: 2, arbitrary: fc.array(one, { minLength: 1, maxLength: most }) },
  );
}

function headersOf({ parameters }: Operation): Arbitrary<Record<string, string>> {
  const names = parameters.filter((parameter) => parameter.in === "header").map(({ name }) => name);
  const printable = fc.stringMatching(/^[!-~]{1,20}$/);
  const tag = fc.oneof(fc.constantFrom('"1"', '"2"', "*", 'W/"1"', "1", '"x", "1"'), printable);
  const values = names.map((name) => [name.toLowerCase(), name === "If-Match" ? tag : printable] as const);
  return fc
    .record(Object.fromEntries(values), { requiredKeys: [] })
    .chain((headers) =>
      fc.oneof({ weight: 2, arbitrary: fc.constant({}) }, fc.constant(headers as Record<string, string>)),
    );
}

/** Mostly as it should be; else with a member more, less or other, as another JSON, or as no JSON at all. */
function bodyOf(json: unknown): Arbitrary<GeneratedRequest["body"]> {
  const asIs: Arbitrary<GeneratedRequest["body"]> = fc.constant(json === undefined ? undefined : { json });
  const broken: Arbitrary<GeneratedRequest["body"]> = fc.oneof(
    junk.map((other) => ({ json: other })),
    fc.string({ maxLength: 60 }).map((text) => ({ text })),
    fc.constant(undefined),
    fc.nat(200).map((end) => ({ text: (JSON.stringify(json) ?? "{").slice(0, end) })),
  );
  return fc.oneof(
    { weight: 8, arbitrary: asIs },
    {
      weight: 3,
      arbitrary: fc.tuple(fc.nat(50), fc.nat(3), junk).map(([at, how, value]) => mutated(json, at, how, value)),
    },
    { weight: 1, arbitrary: broken },
  );
}

function mutated(json: unknown, at: number, how: number, value: unknown): GeneratedRequest["body"] {
  if (typeof json !== "object" || json === null) return json === undefined ? undefined : { json: value };
  const copy = structuredClone(json) as Record<string, unknown>;
  // The resource is inside its envelope; of a list the first one.
  const [inner] = Object.values(copy).flat();
  const target = typeof inner === "object" && inner !== null ? (inner as Record<string, unknown>) : copy;
  const names = Object.keys(target);
  const name = names[at % Math.max(1, names.length)] ?? "more";
  if (how === 0) delete target[name];
  else if (how === 1) target[`${name}x`] = value;
  else target[name] = value;
  return { json: copy };
}
