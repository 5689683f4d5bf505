/** A sealed value as it may stand in any text (src/adapters/secrets/sealing.ts makes it), also where its end was cut off. */
export const SEALED = /sb[12]~[A-Za-z0-9_-]{8,}~?/g;
