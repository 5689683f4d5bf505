import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SignalboxError } from "../../errors.ts";
import { isObject } from "./json-value.ts";
import type { StoredObject } from "./object-store.ts";

const VERSION = 1;

/**
 * Reads the objects of an earlier run; none when there is no file yet.
 * @throws SB_DATA_VERSION when the file is of another version or damaged
 */
export function readStateFile(file: string): StoredObject[] {
  if (!existsSync(file)) return [];
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new SignalboxError("SB_DATA_VERSION", `The lab controller's state ${file} is not JSON`, { cause });
  }
  if (!isObject(content) || content.version !== VERSION || !Array.isArray(content.objects))
    throw new SignalboxError("SB_DATA_VERSION", `The lab controller's state ${file} is not of version ${VERSION}`);
  return content.objects as unknown as StoredObject[];
}

/**
 * Writes all objects. The rename makes it all or nothing for a process that is killed; a power failure is not the lab's
 * concern, so nothing is flushed to the disk.
 */
export function writeStateFile(file: string, objects: readonly StoredObject[]): void {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.new`;
  writeFileSync(draft, JSON.stringify({ version: VERSION, objects }));
  renameSync(draft, file);
}
