import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import type { Secrets } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";

// sb2~<id of the key><base64url of nonce, tag and ciphertext>~ : none of its characters is escaped by XML, JSON or nunjucks, so a
// token survives in any text that is rendered around it. 28 bytes at least make 38 characters. sb1~...~ has no id.
const token = /sb(?:1~([A-Za-z0-9_-]{38,})|2~([A-Za-z0-9_-]{8})([A-Za-z0-9_-]{38,}))~/g;
const wholeToken = /^sb(1~[A-Za-z0-9_-]{38,}|2~[A-Za-z0-9_-]{46,})~$/;
const nonceBytes = 12;
const tagBytes = 16;

interface Key {
  readonly id: string;
  readonly bytes: Uint8Array;
}

interface Opened {
  readonly plain: string;
  readonly by: Key;
}

/** Eight characters that tell two keys apart and nothing of either. */
export function keyIdOf(key: Uint8Array): string {
  return createHmac("sha256", key).update("signalbox key id").digest("base64url").slice(0, 8);
}

/**
 * Seals with AES-256-GCM (NIST SP 800-38D), a random nonce each time: the same secret never looks the same twice.
 * `isSealed` tells by the form of the whole text; only `open` tells whether it is genuine.
 * @param present the key that seals, 32 bytes
 * @param former keys that only open what they have sealed
 */
export function sealing(present: Uint8Array, former: readonly Uint8Array[] = []): Secrets {
  const keys = [present, ...former].map((bytes): Key => {
    if (bytes.length !== 32) throw new SignalboxError("SB_CONFIG_INVALID", `The key has ${bytes.length} bytes, not 32`);
    return { id: keyIdOf(bytes), bytes };
  });
  const sealer: Key = { id: keyIdOf(present), bytes: present };
  const byId = new Map(keys.map((key) => [key.id, key]));

  /** Undefined: none of the keys has sealed it, or it was altered. */
  const openToken = (oldBody: string | undefined, id: string, body: string): Opened | undefined => {
    if (oldBody !== undefined) {
      for (const by of keys) {
        const plain = opened(by, oldBody, "sb1");
        if (plain !== undefined) return { plain, by };
      }
      return undefined;
    }
    const by = byId.get(id);
    const plain = by && opened(by, body, `sb2${id}`);
    return by === undefined || plain === undefined ? undefined : { plain, by };
  };

  const sealWith = (plain: string, nonce: Uint8Array): string => {
    const cipher = createCipheriv("aes-256-gcm", sealer.bytes, nonce, { authTagLength: tagBytes });
    // Bound into every seal, so that a token of another format with the same key does not pass for one of this.
    cipher.setAAD(Buffer.from(`sb2${sealer.id}`));
    const ciphertext = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
    return `sb2~${sealer.id}${Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString("base64url")}~`;
  };

  return {
    keyId: sealer.id,
    seal: (plain) => sealWith(plain, randomBytes(nonceBytes)),
    open: (text) =>
      text.replace(token, (_, oldBody: string | undefined, id: string, body: string) => {
        const result = openToken(oldBody, id, body);
        if (result !== undefined) return result.plain;
        const which = id === undefined || byId.has(id) ? "" : ` (${id})`;
        throw new SignalboxError(
          "SB_SECRET_UNREADABLE",
          `A sealed value was sealed with another key${which}, or was altered`,
        );
      }),
    isSealed: (text) => wholeToken.test(text),
    keysIn: (text) =>
      [...text.matchAll(token)].map(([, oldBody, id = "", body = ""]) => {
        if (oldBody === undefined && !byId.has(id)) return id;
        return openToken(oldBody, id, body)?.by.id ?? "unknown";
      }),
    renewed: (text) => {
      const found = new Map<string, string>();
      for (const [whole, oldBody, id = "", body = ""] of text.matchAll(token)) {
        if (found.has(whole) || (oldBody === undefined && id === sealer.id)) continue;
        const result = openToken(oldBody, id, body);
        // A nonce that follows from the old token is as good as a random one: no other plaintext gets it. So what was alike stays alike.
        if (result !== undefined) found.set(whole, sealWith(result.plain, nonceFor(sealer, whole)));
      }
      return found;
    },
  };
}

function opened({ bytes: key }: Key, body: string, format: string): string | undefined {
  const bytes = Buffer.from(body, "base64url");
  const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(format));
  decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}

function nonceFor(key: Key, oldToken: string): Uint8Array {
  const of = createHash("sha256").update(oldToken).digest();
  return createHmac("sha256", key.bytes).update("signalbox reseal").update(of).digest().subarray(0, nonceBytes);
}

/** Leaves secrets as they are: for a lab where they are none. */
export const plainSecrets: Secrets = {
  keyId: "",
  seal: (plain) => plain,
  open: (text) => text,
  isSealed: () => false,
  keysIn: () => [],
  renewed: () => new Map(),
};
