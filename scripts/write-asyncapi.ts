/**
 * Writes docs/asyncapi.yaml, the description of the API on NATS, from the types under templates/. Run it after a change of a type:
 * `npx tsx scripts/write-asyncapi.ts`; a test compares the file.
 */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { asyncApiText } from "./asyncapi-text.ts";

const file = join(resolve(import.meta.dirname, ".."), "docs", "asyncapi.yaml");
const text = asyncApiText();
writeFileSync(file, text);
console.log(`docs/asyncapi.yaml: ${text.length} characters`);
