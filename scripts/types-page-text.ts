import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { loadTemplates } from "../src/adapters/templates/load-templates.ts";
import type { TypeFile } from "../src/catalogue/type-file.ts";
import { fieldRows } from "./types-page-fields.ts";
import { table } from "./types-page-table.ts";
import { workLines } from "./types-page-work.ts";

const templates = join(resolve(import.meta.dirname, ".."), "templates");

/** What docs/types.md must hold: every type of a folder of templates, the built-in one when none is given. */
export function typesPageText(folder: string = templates): string {
  // Loaded, so that what is written was checked; read again, because expressions are best shown as they are written.
  const { catalogue } = loadTemplates(folder);
  const files = [...catalogue.types.keys()]
    .sort()
    .map((type) => parse(readFileSync(join(folder, type, "type.yaml"), "utf8")) as TypeFile);
  return [
    "# Resource types\n",
    "Written by `npm run types-table` from `templates/`; a test compares the page. How a type is written is told by [templates](templates.md), how values look",
    "by `/openapi.json`.\n",
    overview(files),
    "A field that clients set is set by POST (create) or by PUT too (update); the others are the system's. Tenants see infrastructure only where their own",
    "resources name it.\n",
    ...files.map((file) => section(file, files)),
  ].join("\n");
}

function overview(files: readonly TypeFile[]): string {
  const rows = files.map((file) => {
    const handlers = Object.values(file.handlers ?? {});
    const works = handlers.filter(({ handler }) => handler === "heat_worker");
    const on = [
      ...(works.some(({ routers }) => routers !== undefined) ? ["routers"] : []),
      ...(works.some(({ objects }) => (objects ?? []).some(({ action }) => action !== "find")) ? ["controller"] : []),
    ];
    const kinds = new Set(handlers.flatMap(({ targets = [] }) => targets.map(({ kind }) => kind)));
    return [
      `[${file.type}](#${file.type})`,
      file.title,
      file.infrastructure === true ? "infrastructure" : "tenant",
      on.join(", "),
      [...kinds].join(", "),
    ];
  });
  return `${table(["type", "what it is", "whose", "works on", "watches"], rows)}\n`;
}

function section(file: TypeFile, files: readonly TypeFile[]): string {
  const of = file.parent === undefined ? "" : ` It is part of ${link(file.parent)}.`;
  const whose = file.infrastructure === true ? " Infrastructure." : "";
  const fields = table(["field", "type", "set in", "needed", "relation", "meaning"], fieldRows(file));
  const lines = workLines(file, files).map((line) => `- ${line}`);
  return [
    `## ${file.type}\n`,
    `${file.title}. At \`/v2.0/${file.collection}\`.${of}${whose}\n`,
    `${fields}\n`,
    ...lines,
    "",
  ].join("\n");
}

function link(type: string): string {
  return `[${type}](#${type})`;
}
