import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { Description, Operation, Schema } from "./api-description.ts";
import type { GeneratedRequest } from "./generate-requests.ts";
import type { KnownId } from "./schema-values.ts";

export interface FuzzReport {
  readonly sent: number;
  /** How many were answered with each status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** A line for each answer that must not be. */
  readonly failures: readonly string[];
}

const AT_ONCE = 8;
/** What a generator cannot know: the ids that there are, looked up anew now and then. */
const LOOK_EVERY = 250;

/** Sends requests and looks at each answer: no 5xx, errors are problems, and what is answered is as described. */
export async function sendRequests(
  url: string,
  description: Description,
  requests: readonly GeneratedRequest[],
): Promise<FuzzReport> {
  const statuses: Record<string, number> = {};
  const failures: string[] = [];
  const answers = new DescribedAnswers(description);
  let known = new Map<string, string[]>();
  let next = 0;
  const work = async () => {
    for (let at = next++; at < requests.length; at = next++) {
      if (at % LOOK_EVERY === 0) known = await knownIds(url, description);
      const request = requests[at];
      if (request === undefined) break;
      const { path, init } = prepared(request, known);
      const shown = `#${at} ${init.method} ${path.slice(0, 300)} ${String(init.body ?? "").slice(0, 300)}`;
      try {
        const response = await fetch(`${url}${path}`, init);
        const text = await response.text();
        statuses[response.status] = (statuses[response.status] ?? 0) + 1;
        const wrong = answers.mistakeIn(request.operation, response, text);
        if (wrong !== undefined) failures.push(`${shown}: ${response.status} ${wrong} ${text.slice(0, 400)}`);
      } catch (error) {
        failures.push(`${shown}: no answer: ${String((error as Error).cause ?? error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { sent: requests.length, statuses, failures };
}

/** Ids by type and by collection. */
async function knownIds(url: string, { operations }: Description): Promise<Map<string, string[]>> {
  const known = new Map<string, string[]>();
  const page = await pageOf<{ schemas: Array<{ id: string; plural: string }> }>(`${url}/gohan/v0.1/schemas`);
  for (const { id: type, plural } of page.schemas) {
    if (!operations.some(({ path }) => path === `/v2.0/${plural}`)) continue;
    const list = await pageOf<Record<string, Array<{ id: string }>>>(`${url}/v2.0/${plural}?fields=id&limit=100`);
    const ids = (list[plural] ?? []).map(({ id }) => id);
    known.set(type, ids).set(plural, ids);
  }
  return known;
}

async function pageOf<T>(url: string): Promise<T> {
  const response = await fetch(url);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${url} answers ${response.status} ${text}`);
  return JSON.parse(text) as T;
}

function prepared(
  { operation, id, query, headers, body }: GeneratedRequest,
  known: ReadonlyMap<string, string[]>,
): { path: string; init: RequestInit & { method: string } } {
  const real = (value: unknown) => withIds(value, known);
  const text = (value: unknown) => {
    const given = real(value);
    return wellFormed(typeof given === "string" ? given : (JSON.stringify(given) ?? ""));
  };
  const words = query.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map(
      (each) => `${encodeURIComponent(wellFormed(name))}=${encodeURIComponent(text(each))}`,
    ),
  );
  // A dot or two by themselves are taken out of a path by whoever sends it.
  const segment = encodeURIComponent(text(id)).replace(/^\.{0,2}$/, "none");
  const types = [...known.keys()];
  const type = types[segment.length % Math.max(1, types.length)] ?? "none";
  const path =
    operation.path.replace("{type}", type).replace("{id}", segment) + (words.length === 0 ? "" : `?${words.join("&")}`);
  const content =
    body === undefined ? undefined : "text" in body ? body.text : (JSON.stringify(real(body.json)) ?? undefined);
  const sendsBody = content !== undefined && operation.method !== "GET";
  const contentType = sendsBody ? { "content-type": "application/json" } : {};
  return {
    path,
    init: {
      method: operation.method,
      headers: { ...headers, ...contentType },
      ...(sendsBody ? { body: content } : {}),
    },
  };
}

/** What percent-encoding can carry: no half characters. */
function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, "?");
}

function withIds(value: unknown, known: ReadonlyMap<string, string[]>): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => withIds(each, known));
  if (typeof value !== "object" || value === null) return value;
  const { knownId, type } = value as Partial<KnownId>;
  if (typeof knownId === "number" && typeof type === "string") {
    const ids = known.get(type) ?? [];
    return ids[knownId % Math.max(1, ids.length)] ?? "00000000-0000-4000-8000-000000000000";
  }
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, withIds(member, known)]));
}

/** Holds answers against the description. */
class DescribedAnswers {
  readonly #ajv: Ajv2020;
  readonly #compiled = new Map<Schema, ValidateFunction>();

  constructor({ document }: Description) {
    this.#ajv = new Ajv2020({ strict: false, validateFormats: false });
    this.#ajv.addSchema({ ...document, $id: "signalbox:/openapi" });
  }

  /** What is wrong with an answer; undefined: nothing. */
  mistakeIn({ answers }: Operation, response: Response, text: string): string | undefined {
    const { status } = response;
    if (status >= 500) return "is an error of ours";
    const type = response.headers.get("content-type") ?? "";
    if (status >= 400) return type.startsWith("application/problem+json") ? undefined : `is no problem but ${type}`;
    if (!Object.hasOwn(answers, String(status))) return "is not described";
    const schema = answers[String(status)];
    if (schema === undefined) return undefined;
    const validate = this.#compiled.get(schema) ?? this.#ajv.compile(absolute(schema) as Schema);
    this.#compiled.set(schema, validate);
    return validate(JSON.parse(text)) ? undefined : `is not as described: ${this.#ajv.errorsText(validate.errors)}`;
  }
}

/** References of the document, as they are to be followed from outside of it. */
function absolute(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(absolute);
  if (typeof part !== "object" || part === null) return part;
  return Object.fromEntries(
    Object.entries(part).map(([name, value]) => [
      name,
      name === "$ref" && typeof value === "string" ? `signalbox:/openapi${value}` : absolute(value),
    ]),
  );
}
