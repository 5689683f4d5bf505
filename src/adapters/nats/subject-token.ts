import { createHash } from "node:crypto";

/** Longest token that an id becomes as it is; NATS limits a line of its protocol to 4096 bytes. */
const longest = 512;

/**
 * Any text as one token of a subject, or as the name of a stream: letters, digits, _ and - stay, other bytes become =XX. Different
 * texts give different tokens; a long one is known by its SHA-256.
 */
export function subjectToken(text: string): string {
  const token = text.replace(/[^A-Za-z0-9_-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `=${byte.toString(16).padStart(2, "0")}`).join(""),
  );
  if (token.length > 0 && token.length <= longest) return token;
  return `==${createHash("sha256").update(text).digest("hex")}`;
}
