import type { Random } from "../../actors/ports.ts";
import { suffixAlphabet } from "./system-random.ts";

/**
 * Chance that repeats: the same seed gives the same run. For simulation only, never for keys.
 * Generator: sfc32 (PractRand, C. Doty-Humphrey), its state filled from the seed by splitmix32.
 */
export class SeededRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param seed a whole number; its low 32 bits count */
  constructor(seed: number) {
    let state = seed >>> 0;
    const fill = () => {
      state = (state + 0x9e3779b9) >>> 0;
      let mixed = state ^ (state >>> 16);
      mixed = Math.imul(mixed, 0x21f0aaad);
      mixed ^= mixed >>> 15;
      mixed = Math.imul(mixed, 0x735a2d97);
      return (mixed ^ (mixed >>> 15)) >>> 0;
    };
    this.#a = fill();
    this.#b = fill();
    this.#c = fill();
    for (let i = 0; i < 12; i += 1) this.#next();
  }

  uuid(): string {
    const bytes = this.bytes(16);
    // Version 4 and the variant of RFC 9562 section 5.4.
    bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
    const hex = Buffer.from(bytes).toString("hex");
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
  }

  suffix(length: number): string {
    return Array.from({ length }, () => suffixAlphabet[Math.floor(this.fraction() * suffixAlphabet.length)]).join("");
  }

  fraction(): number {
    return this.#next() / 2 ** 32;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i += 1) bytes[i] = this.#next() >>> 24;
    return bytes;
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0;
    this.#counter = (this.#counter + 1) >>> 0;
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0;
    this.#b = (this.#c + (this.#c << 3)) >>> 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0;
    return sum;
  }
}
