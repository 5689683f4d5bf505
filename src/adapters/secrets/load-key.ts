import { randomBytes } from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SignalboxError } from "../../errors.ts";

export interface LoadedKey {
  /** The one that seals, 32 bytes. */
  readonly key: Buffer;
  /** Those that have sealed before and only open now. */
  readonly former: readonly Buffer[];
  /** Where it came from: SIGNALBOX_KEY, the file that SIGNALBOX_KEY_FILE names, or the file `key` in the data directory. */
  readonly source: "environment" | "key-file" | "data-directory";
  /** The file it was read from or written to. */
  readonly path?: string;
  /** It was made just now: whoever loses it loses what is sealed with it. */
  readonly created: boolean;
}

/**
 * Finds the key that secrets are sealed with: SIGNALBOX_KEY (64 hex digits, or base64 of 32 bytes), else the file that
 * SIGNALBOX_KEY_FILE names, else the file `key` in the data directory, which is made (mode 0600) when it does not exist.
 * Of several keys in a file, one a line, the first seals; the others are former ones, as are those of SIGNALBOX_OLD_KEYS (with spaces
 * or commas between them) and of the file that SIGNALBOX_OLD_KEYS_FILE names.
 * @throws SB_CONFIG_INVALID when a variable is set together with the one that names a file, a file cannot be read or a key has not 32 bytes
 */
export async function loadKey(options: {
  env: Readonly<Record<string, string | undefined>>;
  dataDirectory: string;
}): Promise<LoadedKey> {
  const { SIGNALBOX_KEY: text, SIGNALBOX_KEY_FILE: file } = options.env;
  const { SIGNALBOX_OLD_KEYS: oldText, SIGNALBOX_OLD_KEYS_FILE: oldFile } = options.env;
  requireOne("SIGNALBOX_KEY", text, file);
  requireOne("SIGNALBOX_OLD_KEYS", oldText, oldFile);
  const old = oldText ? parseKeys(oldText, "SIGNALBOX_OLD_KEYS") : oldFile ? await readKeys(oldFile) : [];
  const loaded = (keys: readonly Buffer[], origin: string) => {
    const [key, ...former] = [...keys, ...old];
    if (key === undefined || keys.length === 0) throw noKey(origin);
    return { key, former: former.filter((each) => !each.equals(key)) };
  };
  if (text) {
    return {
      ...loaded([parseKey(text.trim(), "SIGNALBOX_KEY")], "SIGNALBOX_KEY"),
      source: "environment",
      created: false,
    };
  }
  if (file) return { ...loaded(await readKeys(file), file), source: "key-file", path: file, created: false };
  const path = join(options.dataDirectory, "key");
  const made = await makeKey(options.dataDirectory, path);
  const keys = made === undefined ? await readKeys(path) : [made];
  return { ...loaded(keys, path), source: "data-directory", path, created: made !== undefined };
}

function requireOne(name: string, text: string | undefined, file: string | undefined): void {
  if (!text || !file) return;
  throw new SignalboxError("SB_CONFIG_INVALID", `${name} and ${name}_FILE are both set`, {
    advice: "Set one of them.",
  });
}

/** Makes the key file; undefined when there is one already. */
async function makeKey(directory: string, path: string): Promise<Buffer | undefined> {
  const key = randomBytes(32);
  try {
    await mkdir(directory, { recursive: true });
    const handle = await open(path, "wx", 0o600);
    try {
      await handle.writeFile(`${key.toString("hex")}\n`);
      // What is sealed with it may be on the disk sooner than the key otherwise.
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") return undefined;
    throw new SignalboxError("SB_CONFIG_INVALID", `The key file ${path} cannot be made`, { cause });
  }
  return key;
}

async function readKeys(path: string): Promise<Buffer[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new SignalboxError("SB_CONFIG_INVALID", `The key file ${path} cannot be read`, { cause });
  }
  return parseKeys(text, path);
}

function parseKeys(text: string, origin: string): Buffer[] {
  return text.split(/[\s,]+/).flatMap((each) => (each === "" ? [] : [parseKey(each, origin)]));
}

function parseKey(text: string, origin: string): Buffer {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, "hex");
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(text)) return Buffer.from(text, "base64");
  throw noKey(origin);
}

/** The text itself is not repeated: it may be a key with a slip in it. */
function noKey(origin: string): SignalboxError {
  return new SignalboxError("SB_CONFIG_INVALID", `${origin} holds no key`, {
    advice: "A key is 32 bytes as 64 hex digits or in base64, as `openssl rand -hex 32` makes it.",
  });
}
