import type { Json } from "../ports.ts";
import { MASK, SEALED } from "../sealed-form.ts";

// Compared without case, hyphens and underscores, at the end of the name.
const SECRET_NAME = /(password|passwd|passphrase|secret|authenticationkey|privatekey|apikey|md5|md5key|credentials)$/;
const SECRET_ELEMENT =
  /(<(?:[\w-]*password|[\w-]*secret|authentication-key|md5|pre-shared-key|ascii-text|plain-text-password)(?:\s[^>]*)?>)([^<]+)(<)/g;
/** Shorter values stand in the middle of many a word. */
const SHORTEST = 4;

/** Takes secrets out of what is shown: sealed ones by their form, those that a lab keeps in the clear by the name of their field. */
export class SecretMask {
  readonly #names: ReadonlySet<string>;

  /** @param names of the fields that the resource types call secret */
  constructor(names: Iterable<string>) {
    this.#names = new Set([...names].map(plainName));
  }

  /** A copy without secrets; a value that stands under a secret's name is hidden wherever else it occurs in it. */
  value(value: Json): Json {
    const hidden = new Set<string>();
    this.#gather(value, hidden);
    return this.#masked(value, hidden);
  }

  /** A text without sealed secrets, and without those in elements with the name of a secret. */
  text(text: string): string {
    return text.replace(SEALED, MASK).replace(SECRET_ELEMENT, `$1${MASK}$3`);
  }

  #isSecret(name: string): boolean {
    const plain = plainName(name);
    return this.#names.has(plain) || SECRET_NAME.test(plain);
  }

  #gather(value: Json, hidden: Set<string>): void {
    if (typeof value !== "object" || value === null) return;
    if (isList(value)) {
      for (const item of value) this.#gather(item, hidden);
      return;
    }
    for (const [name, field] of Object.entries(value)) {
      if (this.#isSecret(name)) note(field, hidden);
      else this.#gather(field ?? null, hidden);
    }
    const named = namedValue(value);
    if (named !== undefined && this.#isSecret(named.name)) note(named.value, hidden);
  }

  #masked(value: Json, hidden: ReadonlySet<string>): Json {
    if (typeof value === "string") {
      let text = this.text(value);
      for (const secret of hidden) text = text.replaceAll(secret, MASK);
      return text;
    }
    if (typeof value !== "object" || value === null) return value;
    if (isList(value)) return value.map((item) => this.#masked(item, hidden));
    const copy: Record<string, Json> = {};
    const named = namedValue(value);
    const hidesValue = named !== undefined && this.#isSecret(named.name);
    for (const [name, field] of Object.entries(value)) {
      if (field === undefined) continue;
      const isSecret = this.#isSecret(name) || (hidesValue && name === named.field);
      copy[name] = isSecret && field !== null && field !== "" ? MASK : this.#masked(field, hidden);
    }
    return copy;
  }
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Parameters and outputs carry their name beside their value. */
function namedValue(value: { readonly [key: string]: Json | undefined }) {
  const { param, output_key: key } = value;
  if (typeof param === "string") return { name: param, field: "value", value: value["value"] };
  if (typeof key === "string") return { name: key, field: "output_value", value: value["output_value"] };
  return undefined;
}

function note(value: Json | undefined, hidden: Set<string>): void {
  if (typeof value === "string" && value.length >= SHORTEST) hidden.add(value);
}

function plainName(name: string): string {
  return name.replace(/[-_]/g, "").toLowerCase();
}
