/** Stands where a secret is not shown. */
export const MASK = "***";

/** How a sealed value begins (src/adapters/secrets/sealing.ts makes it). */
export const SEAL = /sb[123]~/;

/** A sealed value as it may stand in any text, also where its end was cut off. */
export const SEALED = /sb(?:[12]~[A-Za-z0-9_-]{8,}|3~[A-Za-z0-9_-]{8,}\.?[A-Za-z0-9_-]*)~?/g;
