import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SignalboxError } from "../../errors.ts";
import { type ConfigNode, emptyConfiguration } from "./config-node.ts";
import { applyText } from "./curly-text.ts";
import { applySet } from "./set-lines.ts";

/** The folder of the product's own base configurations; the same from `src/lab/junos` and from `dist/lab/junos`. */
export const productBaseDirectory = join(dirname(fileURLToPath(import.meta.url)), "../../../templates/_lab");

/** Reads configuration text, as `set` lines or with braces. @throws RpcFailure */
export function parseConfiguration(text: string): ConfigNode {
  const isSet = /^\s*(?:#[^\n]*\n\s*)*(?:set|deactivate|delete)\s/u.test(text) || text.trim() === "";
  return (isSet ? applySet(emptyConfiguration, text) : applyText(emptyConfiguration, text)).tree;
}

/**
 * The base configuration of a router: `<name>.set` of the directory.
 * @throws SB_CONFIG_INVALID when the file cannot be read, with the line that is wrong
 */
export function loadBaseConfiguration(name: string, directory: string = productBaseDirectory): ConfigNode {
  const text = readBaseText(name, directory);
  try {
    return parseConfiguration(text);
  } catch (cause) {
    throw unusable(name, directory, cause);
  }
}

/** The text of that file. @throws SB_CONFIG_INVALID when it cannot be read */
export function readBaseText(name: string, directory: string): string {
  try {
    return readFileSync(join(directory, `${name}.set`), "utf8");
  } catch (cause) {
    throw unusable(name, directory, cause);
  }
}

function unusable(name: string, directory: string, cause: unknown): SignalboxError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SignalboxError("SB_CONFIG_INVALID", `base configuration ${join(directory, `${name}.set`)}: ${why}`, {
    cause,
  });
}
