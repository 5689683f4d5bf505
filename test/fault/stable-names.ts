import type { Outcome } from "./outcome.ts";

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** What an outcome is named from. */
type Named = Pick<Outcome, "acknowledged" | "documents" | "objects">;

/**
 * Makes texts of different runs comparable: an id becomes the name of what it stands for, which is the same in every run;
 * what is random besides (MAC addresses, which come from ids, and sealed secrets) becomes a word.
 */
export class StableNames {
  /** What is there twice: nothing but the id tells the two apart. */
  readonly alike: string[] = [];
  readonly #names = new Map<string, string>();

  constructor({ acknowledged, documents, objects }: Named) {
    for (const { type, id, alias } of acknowledged) this.#name(id, `<${type} ${alias.slice(0, 8)}>`);
    this.#nameByText(
      [...documents].flatMap(([key, value]) => {
        const [, type, id] = /^\/config\/v2\.0\/([^/]+)\/([^/]+)$/.exec(key) ?? [];
        return type === undefined || id === undefined ? [] : [{ id, kind: type, value }];
      }),
    );
    this.#nameByText(objects.map(({ kind, uuid: id, fqName }) => ({ id, kind, value: fqName })));
  }

  /** The text with names for ids. An id of nothing known becomes `<?>`. */
  stable(text: string): string {
    return text
      .replaceAll(uuid, (id) => this.#names.get(id) ?? "<?>")
      .replaceAll(/\bfa:16:3e(:[0-9a-f]{2}){3}\b/g, "<mac>")
      .replaceAll(/sb[123]~[A-Za-z0-9_.-]+~/g, "<sealed>");
  }

  /** JSON with names for ids, its members in order; JSON texts within it too. */
  json(value: unknown): string {
    return this.stable(JSON.stringify(value, sortedMembers, 1));
  }

  /** The same for data whose lists have no order either. */
  unorderedJson(value: unknown): string {
    const unordered = (each: unknown): unknown => {
      if (typeof each === "string") return this.stable(each);
      if (typeof each !== "object" || each === null) return each;
      if (Array.isArray(each)) return each.map((item) => JSON.stringify(unordered(item))).sort();
      return Object.fromEntries(Object.entries(each).map(([name, member]) => [name, unordered(member)]));
    };
    return JSON.stringify(unordered(value), sortedMembers, 1);
  }

  #name(id: string, name: string): void {
    if (!this.#names.has(id)) this.#names.set(id, name);
  }

  /** Names what has no name yet by what it is, once all others in it have theirs. */
  #nameByText(all: ReadonlyArray<{ id: string; kind: string; value: unknown }>): void {
    const unnamed = all.filter(({ id }) => !this.#names.has(id));
    const texts = unnamed.map(({ id, kind, value }) => ({ id, kind, text: `${kind} ${this.json(value)}` }));
    texts.sort((one, other) => (one.text < other.text ? -1 : 1));
    for (const [at, { id, kind, text }] of texts.entries()) {
      if (text === texts[at - 1]?.text) this.alike.push(text);
      this.#names.set(id, `<${kind} #${at + 1}>`);
    }
  }
}

function sortedMembers(_name: string, value: unknown): unknown {
  if (typeof value === "string" && value.startsWith("{")) return JSON.stringify(JSON.parse(value), sortedMembers);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
