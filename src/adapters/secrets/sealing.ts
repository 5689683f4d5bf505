import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { Secrets } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";

// sb1~<base64url of nonce, tag and ciphertext>~ : none of its characters is escaped by XML, JSON or nunjucks, so a token
// survives in any text that is rendered around it. 28 bytes at least make 38 characters.
const token = /sb1~([A-Za-z0-9_-]{38,})~/g;
const wholeToken = /^sb1~[A-Za-z0-9_-]{38,}~$/;
const nonceBytes = 12;
const tagBytes = 16;
// Bound into every seal, so that a token of another format with the same key does not pass for one of this.
const format = Buffer.from("sb1");

/**
 * Seals with AES-256-GCM (NIST SP 800-38D), a random nonce each time: the same secret never looks the same twice.
 * `isSealed` tells by the form of the whole text; only `open` tells whether it is genuine.
 * @param key 32 bytes
 */
export function sealing(key: Uint8Array): Secrets {
  if (key.length !== 32) throw new SignalboxError("SB_CONFIG_INVALID", `The key has ${key.length} bytes, not 32`);

  const openToken = (body: string): string => {
    const bytes = Buffer.from(body, "base64url");
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes), { authTagLength: tagBytes });
    decipher.setAAD(format);
    decipher.setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(nonceBytes + tagBytes)), decipher.final()]).toString("utf8");
    } catch (cause) {
      throw new SignalboxError("SB_SECRET_UNREADABLE", "A sealed value was sealed with another key, or was altered", {
        cause,
      });
    }
  };

  return {
    seal(plain) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: tagBytes });
      cipher.setAAD(format);
      const ciphertext = Buffer.concat([cipher.update(plain, "utf8"), cipher.final()]);
      return `sb1~${Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString("base64url")}~`;
    },
    open: (text) => text.replace(token, (_, body: string) => openToken(body)),
    isSealed: (text) => wholeToken.test(text),
  };
}

/** Leaves secrets as they are: for a lab where they are none. */
export const plainSecrets: Secrets = {
  seal: (plain) => plain,
  open: (text) => text,
  isSealed: () => false,
};
