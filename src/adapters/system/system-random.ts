import { randomBytes, randomInt, randomUUID } from "node:crypto";
import type { Random } from "../../actors/ports.ts";

/** The characters of `Random.suffix`. */
export const suffixAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

/** Chance from the operating system, fit for keys. */
export const systemRandom: Random = {
  uuid: () => randomUUID(),
  suffix: (length) => Array.from({ length }, () => suffixAlphabet[randomInt(suffixAlphabet.length)]).join(""),
  // 48 bits, the most that randomInt gives.
  fraction: () => randomInt(2 ** 48 - 1) / (2 ** 48 - 1),
  bytes: (length) => new Uint8Array(randomBytes(length)),
};
