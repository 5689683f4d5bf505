import fc from "fast-check";
import type { Json } from "../../../src/actors/ports.ts";

/** Any JSON object; without -0, which JSON text does not know, and without __proto__, which object literals do not. */
export const jsonDocument: fc.Arbitrary<Json> = fc
  .dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 })
  .map((value) => JSON.parse(JSON.stringify(value)));
