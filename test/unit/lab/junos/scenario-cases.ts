import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ConfigNode, emptyConfiguration } from "../../../../src/lab/junos/config-node.ts";
import { applyText } from "../../../../src/lab/junos/curly-text.ts";
import { applySet, renderSet } from "../../../../src/lab/junos/set-lines.ts";

/** Folder with recorded router configurations; tests that need it exist only where it is given. */
export const casesFolder = process.env.SIGNALBOX_CASES;

interface DeviceConfig {
  readonly page: string;
  readonly compare: Readonly<Record<string, string>>;
}

export function routerBase(name: string): string {
  return readFileSync(join(casesFolder ?? "", "routers", `${name}.set`), "utf8").trim();
}

export function deviceConfigs(scenario: string): DeviceConfig[] {
  const parsed = JSON.parse(readFileSync(join(casesFolder ?? "", `${scenario}.json`), "utf8")) as {
    device_config: DeviceConfig[];
  };
  return parsed.device_config;
}

/** Adds what `show | compare` text says was added. */
export function applyCompare(tree: ConfigNode, compare: string): ConfigNode {
  let result = tree;
  let path: string[] = [];
  let added: string[] = [];
  const flush = () => {
    if (added.length === 0) return;
    const levels = levelsOf(path);
    const text = [...levels.map((level) => `${level} {`), ...added, "}".repeat(levels.length)].join("\n");
    result = applySet(result, renderSet(applyText(emptyConfiguration, text).tree).join("\n")).tree;
    added = [];
  };
  for (const line of compare.split("\n")) {
    const header = /^\[edit ?(.*)\]/.exec(line.trim());
    if (header) {
      flush();
      path = header[1] ? header[1].split(" ") : [];
    } else if (line.startsWith("+")) added.push(line.slice(1));
  }
  flush();
  return result;
}

function levelsOf(path: readonly string[]): string[] {
  const levels: string[] = [];
  for (let index = 0; index < path.length; index++) {
    const name = path[index] ?? "";
    levels.push(["unit", "group", "family"].includes(name) ? `${name} ${path[++index]}` : name);
  }
  return levels;
}

/** Without what a comparison is not about: scrambled keys, trailing blanks, the closing prompt, empty lines. */
export function normalizeCompare(text: string): string {
  return text
    .replace(/"\$9\$[^"]*"/g, '"KEY"')
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && line !== "[edit]")
    .join("\n")
    .concat("\n");
}
