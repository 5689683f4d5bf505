import type { Json } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";

/** A range of etcd keys: `from` <= key < `to`. */
export interface KeyRange {
  readonly from: Buffer;
  readonly to: Buffer;
}

/** Documents as etcd holds them: the key is the namespace and the document's key, the value is JSON, both in UTF-8. */
export class DocumentCodec {
  readonly #namespace: string;
  /** What every key in etcd starts with: the namespace up to and with a slash. */
  readonly #root: string;

  /** @param namespace "", or text that starts with a slash */
  constructor(namespace: string) {
    this.#namespace = namespace;
    this.#root = namespace.endsWith("/") ? namespace : `${namespace}/`;
  }

  /** A key that may always be read: no document has it. */
  get root(): Buffer {
    return Buffer.from(this.#root);
  }

  /** @throws SB_STORE_FAILED for a key that does not start with a slash (below the namespace) or is not well-formed Unicode */
  encodeKey(key: string): Buffer {
    const full = this.#namespace + key;
    if (!full.startsWith(this.#root) || !isWellFormed(key)) {
      throw new SignalboxError("SB_STORE_FAILED", `The key ${JSON.stringify(key.slice(0, 60))} cannot be stored`, {
        transient: false,
        advice: "A key is well-formed Unicode and starts with a slash.",
      });
    }
    return Buffer.from(full);
  }

  decodeKey(key: Buffer): string {
    return key.toString("utf8").slice(this.#namespace.length);
  }

  /** The keys that start with `prefix`; those greater than `after` when it is given. */
  range(prefix: string, after?: string): KeyRange {
    const full = this.#namespace + prefix;
    // A shorter prefix would also hold keys of namespaces whose names begin with this one's.
    const start = Buffer.from(this.#root.startsWith(full) ? this.#root : full);
    const past = after === undefined ? undefined : Buffer.from(`${this.#namespace}${after}\u0000`);
    return { from: past !== undefined && past.compare(start) > 0 ? past : start, to: prefixEnd(start) };
  }

  encodeValue(value: Json): Buffer {
    return Buffer.from(JSON.stringify(value));
  }

  /** @throws SB_STORE_FAILED naming the key when somebody else has written something that is no JSON document */
  decodeValue(key: string, value: Buffer): Json {
    const text = value.toString("utf8");
    try {
      const json = JSON.parse(text) as Json;
      if (json !== null) return json;
    } catch {
      // Reported below, with the null that is no document either.
    }
    throw new SignalboxError("SB_STORE_FAILED", `The value of ${key} is not a JSON document`, {
      transient: false,
      advice: "Something else writes to these keys: correct or delete the key, or use a namespace of its own.",
    });
  }
}

/** The least key that is greater than all keys that start with `prefix`, which is not empty. */
function prefixEnd(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  // The bytes of UTF-8 text are below 0xff.
  end.writeUInt8(end.readUInt8(end.length - 1) + 1, end.length - 1);
  return end;
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
