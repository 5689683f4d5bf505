import { createCipheriv, randomBytes } from "node:crypto";
import type { Secrets } from "../../../../src/actors/ports.ts";
import { keyIdOf, sealing } from "../../../../src/adapters/secrets/sealing.ts";

/** Seals as the program did before a seal said what it is for: `sb2~<id of the key><nonce, tag, ciphertext>~`. */
export function sealSecond(key: Uint8Array, plain: string): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
  cipher.setAAD(Buffer.from(`sb2${keyIdOf(key)}`));
  const ciphertext = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
  return `sb2~${keyIdOf(key)}${Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString("base64url")}~`;
}

/** A process of that version. */
export function secondVersion(key: Uint8Array): Secrets {
  return { ...sealing(key), seal: (plain) => sealSecond(key, plain) };
}
