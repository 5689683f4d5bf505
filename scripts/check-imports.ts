import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/**
 * Holds the table of rooms (docs/architecture.md): which folder may import which. `types` marks rooms from which only types may come.
 * Prints one line for each import that breaks it and exits 1 when there is one.
 */
interface Room {
  readonly path: string;
  readonly may: readonly string[];
  readonly types?: readonly string[];
}

const ROOMS: readonly Room[] = [
  { path: "src/xml", may: [] },
  { path: "src/errors.ts", may: [] },
  // Both actors and adapters tell of what is away, and wait, in the same way.
  { path: "src/outages", may: ["src/errors.ts"], types: ["src/actors"] },
  { path: "src/machines", may: [], types: ["src/catalogue"] },
  { path: "src/catalogue", may: ["src/xml", "src/errors.ts"], types: ["src/machines"] },
  { path: "src/actors", may: ["src/machines", "src/catalogue", "src/xml", "src/errors.ts", "src/outages"] },
  { path: "src/adapters/templates", may: ["src/catalogue", "src/xml", "src/errors.ts"], types: ["src/actors"] },
  {
    path: "src/adapters",
    may: ["src/xml", "src/errors.ts", "src/outages"],
    types: ["src/actors", "src/catalogue", "src/machines"],
  },
  { path: "src/lab", may: ["src/adapters", "src/xml", "src/errors.ts"], types: ["src/actors"] },
  // It knows the HTTP API only, by its own types.
  { path: "src/ui", may: [] },
  { path: "src/cli", may: ["src"] },
  { path: "src/main.ts", may: ["src"] },
];

/** The one adapters' folder from which others take: both transports of the gateway have the same bodies, schemas and errors. */
const SHARED = "api";

const IMPORT = /^\s*(import|export)\s+(type\s+)?([^;]*?)\s*from\s+"(\.[^"]+)"|import\("(\.[^"]+)"\)/gm;

const root = resolve(import.meta.dirname, "..");
const broken: string[] = [];
for (const entry of readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
  const file = join(entry.parentPath, entry.name);
  const name = relative(root, file);
  const room = ROOMS.find(({ path }) => name === path || name.startsWith(`${path}/`));
  if (room === undefined) {
    broken.push(`${name}: is in no room of the table`);
    continue;
  }
  for (const match of readFileSync(file, "utf8").matchAll(IMPORT)) {
    const target = relative(root, resolve(dirname(file), match[4] ?? match[5] ?? ""));
    const onlyTypes = match[2] !== undefined || /^\{(\s*type\s+[^,}]+,?)+\s*\}$/.test(match[3] ?? "");
    const inside = (path: string) => target === path || target.startsWith(`${path}/`);
    if (inside(room.path) || room.may.some(inside)) continue;
    if (onlyTypes && (room.types ?? []).some(inside)) continue;
    broken.push(`${name}: may not import ${target}${onlyTypes ? "" : " (values)"}`);
  }
  // Within the adapters, each folder stands alone.
  const folder = /^src\/adapters\/([^/]+)\//.exec(name)?.[1];
  for (const match of folder === undefined ? [] : readFileSync(file, "utf8").matchAll(IMPORT)) {
    const target = relative(root, resolve(dirname(file), match[4] ?? match[5] ?? ""));
    const other = /^src\/adapters\/([^/]+)\//.exec(target)?.[1];
    if (other === undefined || other === folder || other === SHARED) continue;
    broken.push(`${name}: adapters do not import one another (${target})`);
  }
}
for (const line of broken) console.error(line);
console.log(broken.length === 0 ? "imports: every room keeps to the table" : `imports: ${broken.length} broken`);
process.exitCode = broken.length === 0 ? 0 : 1;
