import { randomBytes } from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SignalboxError } from "../../errors.ts";

export interface LoadedKey {
  /** 32 bytes. */
  readonly key: Buffer;
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
 * @throws SB_CONFIG_INVALID when both variables are set, the file cannot be read or the key has not 32 bytes
 */
export async function loadKey(options: {
  env: Readonly<Record<string, string | undefined>>;
  dataDirectory: string;
}): Promise<LoadedKey> {
  const { SIGNALBOX_KEY: text, SIGNALBOX_KEY_FILE: file } = options.env;
  if (text && file) {
    throw new SignalboxError("SB_CONFIG_INVALID", "SIGNALBOX_KEY and SIGNALBOX_KEY_FILE are both set", {
      advice: "Set one of them.",
    });
  }
  if (text) return { key: parseKey(text, "SIGNALBOX_KEY"), source: "environment", created: false };
  if (file) return { key: await readKey(file), source: "key-file", path: file, created: false };
  const path = join(options.dataDirectory, "key");
  const made = await makeKey(options.dataDirectory, path);
  return { key: made ?? (await readKey(path)), source: "data-directory", path, created: made !== undefined };
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

async function readKey(path: string): Promise<Buffer> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new SignalboxError("SB_CONFIG_INVALID", `The key file ${path} cannot be read`, { cause });
  }
  return parseKey(text, path);
}

function parseKey(text: string, origin: string): Buffer {
  const trimmed = text.trim();
  if (/^[0-9a-fA-F]{64}$/.test(trimmed)) return Buffer.from(trimmed, "hex");
  if (/^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)) return Buffer.from(trimmed, "base64");
  // The text itself is not repeated: it may be a key with a slip in it.
  throw new SignalboxError("SB_CONFIG_INVALID", `${origin} holds no key`, {
    advice: "A key is 32 bytes as 64 hex digits or in base64, as `openssl rand -hex 32` makes it.",
  });
}
