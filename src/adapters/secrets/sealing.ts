import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import type { Secrets } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";

// sb3~<id of the key><base64url of the place>.<base64url of nonce, tag and ciphertext>~ : none of its characters is escaped by XML, JSON
// or nunjucks, so a token survives in any text that is rendered around it. 28 bytes at least make 38 characters. Of before: sb2~...~ has
// no place, sb1~...~ no id of a key either.
const token =
  /sb(?:1~([A-Za-z0-9_-]{38,})|2~([A-Za-z0-9_-]{8})([A-Za-z0-9_-]{38,})|3~([A-Za-z0-9_-]{8})([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{38,}))~/g;
const wholeToken = /^sb(1~[A-Za-z0-9_-]{38,}|2~[A-Za-z0-9_-]{46,}|3~[A-Za-z0-9_-]{9,}\.[A-Za-z0-9_-]{38,})~$/;
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
  const openToken = ({ format, id, body, place }: Token): Opened | undefined => {
    for (const by of id === undefined ? keys : [byId.get(id)]) {
      const plain = by && opened(by, body, `${format}${id ?? ""}${place ?? ""}`);
      if (by !== undefined && plain !== undefined) return { plain, by };
    }
    return undefined;
  };

  const sealWith = (plain: string, nonce: Uint8Array, place: string | undefined): string => {
    const format = place === undefined ? "sb2" : "sb3";
    const cipher = createCipheriv("aes-256-gcm", sealer.bytes, nonce, { authTagLength: tagBytes });
    // Bound into every seal, so that a token of another format or for another place does not pass for this one.
    cipher.setAAD(Buffer.from(`${format}${sealer.id}${place ?? ""}`));
    const ciphertext = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
    const body = Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString("base64url");
    const named = place === undefined ? "" : `${Buffer.from(place).toString("base64url")}.`;
    return `${format}~${sealer.id}${named}${body}~`;
  };

  return {
    keyId: sealer.id,
    seal: (plain, place) => sealWith(plain, randomBytes(nonceBytes), place),
    open: (text) =>
      text.replace(token, (...match: string[]) => {
        const parts = tokenOf(match);
        const result = openToken(parts);
        if (result !== undefined) return result.plain;
        const which = parts.id === undefined || byId.has(parts.id) ? "" : ` (${parts.id})`;
        throw new SignalboxError(
          "SB_SECRET_UNREADABLE",
          `A sealed value was sealed with another key${which}, or was altered`,
        );
      }),
    isSealed: (text) => wholeToken.test(text),
    placesIn: (text) => [...text.matchAll(token)].map((match) => tokenOf(match).place),
    keysIn: (text) =>
      [...text.matchAll(token)].map((match) => {
        const parts = tokenOf(match);
        if (parts.id !== undefined && !byId.has(parts.id)) return parts.id;
        return openToken(parts)?.by.id ?? "unknown";
      }),
    renewed: (text, placeOf = () => undefined) => {
      const found = new Map<string, string>();
      for (const match of text.matchAll(token)) {
        const [whole] = match;
        if (found.has(whole)) continue;
        const parts = tokenOf(match);
        const place = parts.place ?? placeOf(whole);
        if (parts.id === sealer.id && place === parts.place) continue;
        const result = openToken(parts);
        // A nonce that follows from the old token is as good as a random one: no other plaintext gets it. So what was alike stays alike.
        if (result !== undefined) found.set(whole, sealWith(result.plain, nonceFor(sealer, whole), place));
      }
      return found;
    },
  };
}

interface Token {
  readonly format: string;
  /** Undefined in the first version. */
  readonly id: string | undefined;
  readonly place: string | undefined;
  readonly body: string;
}

function tokenOf([whole = "", first, secondId, secondBody, id, place = "", body = ""]: readonly (
  | string
  | undefined
)[]): Token {
  const format = whole.slice(0, 3);
  if (first !== undefined) return { format, id: undefined, place: undefined, body: first };
  if (secondId !== undefined) return { format, id: secondId, place: undefined, body: secondBody ?? "" };
  return { format, id, place: Buffer.from(place, "base64url").toString("utf8"), body };
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
  placesIn: () => [],
  keysIn: () => [],
  renewed: () => new Map(),
};
