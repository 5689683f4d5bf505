/**
 * Lists in package-lock.json every platform's build of an optional native package.
 *
 * npm leaves a build out of the lockfile when the registry it asked does not serve that build (a
 * mirror often has only its own platform), and `npm ci` then refuses the lockfile as incomplete.
 * Run after `npm install`: `npm run lockfile`.
 */
import { readFileSync, writeFileSync } from "node:fs";

type LockedPackage = {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  optionalDependencies?: Record<string, string>;
};
type Lockfile = { packages: Record<string, LockedPackage> };

const SYSTEMS = new Set(["android", "darwin", "freebsd", "linux", "openharmony", "win32"]);

/** `os` and `cpu` from a build's name, such as `@biomejs/cli-linux-arm64-musl`; undefined for other names. */
function platformOf(name: string): { os: string[]; cpu: string[] } | undefined {
  const words = name.split("/").at(-1)?.split("-") ?? [];
  const at = words.findIndex((word) => SYSTEMS.has(word));
  const system = words[at];
  const cpu = words[at + 1];
  if (system === undefined || cpu === undefined) return undefined;
  return { os: [system], cpu: [cpu] };
}

const file = new URL("../package-lock.json", import.meta.url);
const lockfile = JSON.parse(readFileSync(file, "utf8")) as Lockfile;
let added = 0;
for (const locked of Object.values(lockfile.packages)) {
  for (const [name, version] of Object.entries(locked.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`;
    const platform = platformOf(name);
    const exact = /^\d+\.\d+\.\d+$/.test(version);
    if (lockfile.packages[place] !== undefined || platform === undefined || !exact) continue;
    lockfile.packages[place] = {
      version,
      ...platform,
      ...(locked.dev === true && { dev: true }),
      optional: true,
    };
    added += 1;
  }
}
lockfile.packages = Object.fromEntries(Object.entries(lockfile.packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lockfile, null, 2)}\n`);
console.log(`package-lock.json: ${added} entries added`);
