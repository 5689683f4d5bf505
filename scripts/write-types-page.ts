/**
 * Writes docs/types.md, the tables of all resource types, from templates/. Run it after a change of a type: `npm run types-table`;
 * a test compares the file.
 */
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { typesPageText } from "./types-page-text.ts";

const file = join(resolve(import.meta.dirname, ".."), "docs", "types.md");
const text = typesPageText();
writeFileSync(file, text);
console.log(`docs/types.md: ${text.length} characters`);
