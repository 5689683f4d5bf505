import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Child } from "./child-process.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-log-level-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** Levels of the lines that `up` logs from its start to its end. */
async function levelsLogged(configured: string, ...options: string[]): Promise<string[]> {
  const config = join(folder, "signalbox.yaml");
  await writeFile(config, `log: { level: ${configured} }\n`);
  const data = join(folder, "data");
  const up = new Child("src/main.ts", ["up", "--http", "127.0.0.1:0", "--config", config, "--data", data, ...options]);
  await up.says(/Signalbox is up at/);
  up.stop("SIGTERM");
  const { code, out } = await up.done;
  expect(code).toBe(0);
  return [...new Set([...out.matchAll(/^\{"level":"(\w+)"/gm)].map((match) => match[1] ?? ""))].sort();
}

it("the configuration file says what is logged", async () => {
  expect(await levelsLogged("error")).toEqual([]);
});

it("--log-level wins over the configuration file", async () => {
  expect(await levelsLogged("error", "--log-level", "info")).toEqual(["info", "warn"]);
});
