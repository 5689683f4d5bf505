/**
 * Builds the visualiser from src/ui into dist/ui, with a compressed copy of each file. With --if-older only when the output is missing or older
 * than a source.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";

const root = resolve(import.meta.dirname, "..");
const sources = join(root, "src/ui");
const output = join(root, "dist/ui");

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function isCurrent(): boolean {
  const page = join(output, "index.html");
  if (!existsSync(page)) return false;
  const built = statSync(page).mtimeMs;
  return [...filesIn(sources), join(root, "package-lock.json")].every(
    (file) => !existsSync(file) || statSync(file).mtimeMs <= built,
  );
}

async function build(): Promise<void> {
  const { build: viteBuild } = await import("vite");
  await viteBuild({ configFile: join(sources, "vite.config.ts"), logLevel: "warn" });
  for (const file of filesIn(output)) writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
  const page = readFileSync(join(output, "index.html"), "utf8");
  const first = filesIn(output).filter(
    (file) => file.endsWith(".gz") && page.includes(file.slice(output.length + 1, -3)),
  );
  const kib = first.reduce((sum, file) => sum + statSync(file).size, 0) / 1024;
  console.log(`ui: built into dist/ui, ${kib.toFixed(1)} KiB compressed at first load`);
}

if (!process.argv.includes("--if-older") || !isCurrent()) await build();
