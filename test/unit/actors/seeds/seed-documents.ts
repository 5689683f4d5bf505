import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A document of a seed, or a write of a run; `value: null` deletes. */
export interface Write {
  readonly key: string;
  readonly value: unknown;
}

type Resource = Readonly<Record<string, unknown>>;
type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };

/** The documents of a seed (000 to 003) in the order in which it shows them. */
export function seedDocuments(seed: "000" | "001" | "002" | "003"): Write[] {
  return JSON.parse(readFileSync(join(import.meta.dirname, "../../../fixtures/seeds", `${seed}.json`), "utf8"));
}

const NAME = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b/g;
const JOB = /((?:create|modify|delete):\w+:\w+:[^:\s"]+:\d+):[a-z0-9]{5}\b/g;

/**
 * Documents with what differs from run to run taken out, so that two lists are equal exactly when there is a renaming, one to one, of
 * resource and tenant ids that turns one into the other: each id is numbered by where it appears first. Job ids lose their random ends.
 * The order of object keys and of `params` does not count (reference: parameters); JSON texts inside documents are read.
 */
export function canonical(documents: readonly Write[]): unknown[] {
  const numbers = new Map<string, string>();
  const rename = (id: string) => {
    const known = numbers.get(id) ?? `<id ${numbers.size + 1}>`;
    numbers.set(id, known);
    return known;
  };
  const text = (value: string) => value.replace(JOB, "$1:*").replace(NAME, rename);
  const walk = (value: Tree, name: string): Tree => {
    if (typeof value === "string") {
      const isJson = name === "heat_outputs" || name === "state_monitoring";
      return isJson ? walk(JSON.parse(value) as Tree, "") : text(value);
    }
    if (Array.isArray(value)) {
      const items = name === "params" ? [...value].sort(byParam) : value;
      return items.map((item) => walk(item, ""));
    }
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.keys(value)
        .sort()
        .map((key) => [text(key), walk(value[key] ?? null, key)]),
    );
  };
  return documents.map(({ key, value }) => ({ key: text(key), value: walk(value as Tree, "") }));
}

function byParam(a: Tree, b: Tree): number {
  return paramOf(a).localeCompare(paramOf(b));
}

function paramOf(entry: Tree): string {
  return String((entry as { param?: unknown }).param);
}

/** The config body that a list of documents begins with. */
export function bodyOf(documents: readonly Write[]): Resource {
  const config = documents.find(({ key }) => key.startsWith("/config/"))?.value as { body?: Resource } | undefined;
  if (config?.body === undefined) throw new Error("there is no config document");
  return config.body;
}
