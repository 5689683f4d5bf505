import { chmodSync, mkdirSync, type Stats, statSync } from "node:fs";
import type { Logger } from "../actors/ports.ts";
import { SignalboxError } from "../errors.ts";
import type { Configuration } from "./configuration.ts";

const OTHERS = 0o007;
const GROUP_WRITES = 0o020;
const GROUP_READS = 0o040;
/** Settings, at whatever depth, that name a file with a secret in it. */
const SECRET_FILES = /^(key_file|password_file|token_file|tokens_file|nkey_seed_file|credentials_file)$/;
/** Settings that hold a secret themselves. */
const SECRETS = /^(password|token|community|authKey|privKey)$/;
const URL_WITH_PASSWORD = /^[a-z][a-z0-9+.-]*:\/\/[^/@\s]*:[^/@\s]+@/i;

/**
 * Refuses a file with a secret in it that others can read. Its group may read it only where it belongs to root: so it is with credentials of
 * systemd and with volumes of Kubernetes that have an fsGroup. What is not there is left to whoever reads it.
 * @param setting what named it, for the message
 * @throws SB_CONFIG_INVALID naming the file, its mode and what to run
 */
export function requirePrivateFile(path: string, setting: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile() || isPrivate(found)) return;
  const mode = (found.mode & 0o7777).toString(8).padStart(4, "0");
  throw new SignalboxError(
    "SB_CONFIG_INVALID",
    `${path} (${setting}) holds a secret and is open to others: mode ${mode}`,
    {
      advice: `Run chmod 600 ${path}, and change the secret if somebody may have read it.`,
    },
  );
}

/** Nobody but its owner has access, but for a group that may read what is root's. */
export function isPrivate({ mode, uid }: Pick<Stats, "mode" | "uid">): boolean {
  return (mode & (OTHERS | GROUP_WRITES)) === 0 && ((mode & GROUP_READS) === 0 || uid === 0);
}

/**
 * Refuses every file with secrets that the configuration or the environment names and others can read, the configuration file too when it
 * holds secrets itself.
 * @throws SB_CONFIG_INVALID
 */
export function requirePrivateFiles(
  configuration: Configuration,
  options: { file: string | undefined; env: Readonly<Record<string, string | undefined>> },
): void {
  const { file, env } = options;
  let holdsSecret: string | undefined;
  const visit = (value: unknown, path: readonly string[]): void => {
    if (typeof value === "object" && value !== null) {
      for (const [name, inner] of Object.entries(value)) visit(inner, [...path, name]);
    } else if (typeof value === "string") {
      const setting = path.join(".");
      const name = path.findLast((part) => !/^\d+$/.test(part)) ?? "";
      if (SECRET_FILES.test(name)) requirePrivateFile(value, setting);
      if ((SECRETS.test(name) && value !== "") || URL_WITH_PASSWORD.test(value)) holdsSecret ??= setting;
    }
  };
  visit(configuration, []);
  if (file !== undefined && holdsSecret !== undefined)
    requirePrivateFile(file, `the configuration, with ${holdsSecret}`);
  for (const name of ["SIGNALBOX_KEY_FILE", "SIGNALBOX_OLD_KEYS_FILE"]) {
    const path = env[name];
    if (path) requirePrivateFile(path, name);
  }
}

/**
 * Makes the data directory, or closes it to others: it holds the log, the documents and the key that seals.
 * @throws SB_CONFIG_INVALID when it is somebody else's and open to others
 */
export function preparePrivateDirectory(directory: string, logger: Logger): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const mode = statSync(directory).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  try {
    chmodSync(directory, 0o700);
  } catch (cause) {
    throw new SignalboxError(
      "SB_CONFIG_INVALID",
      `the data directory ${directory} is open to others (mode 0${mode.toString(8)}) and belongs to another user`,
      {
        cause,
        advice: `Name a directory within it, which is made with mode 0700, or run chmod 700 ${directory} as its owner.`,
      },
    );
  }
  logger.warn(
    { directory, mode: `0${mode.toString(8)}` },
    "the data directory was open to others; it has mode 0700 now",
  );
}
