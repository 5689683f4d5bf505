import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Scenario } from "../../../src/cli/scenario-file.ts";

/** Where a secret was found, and how it was written there. */
export interface Found {
  readonly secret: string;
  readonly as: string;
  readonly where: string;
}

/** Secrets that stand nowhere else, and a search for them in whatever bytes, in every encoding that is likely. */
export class KnownSecrets {
  readonly #forms: Array<{ secret: string; as: string; bytes: Buffer }> = [];
  /** Files and texts that were searched, and their bytes. */
  searched = { places: 0, bytes: 0 };

  /**
   * A new secret. Letters and digits are its heart, which XML, JSON and URLs leave as they are: what they escape stands around it.
   * @param purpose what it is the secret of
   */
  make(purpose: string): string {
    const heart = randomBytes(24).toString("base64").replaceAll(/[+/]/g, "x");
    const forms: ReadonlyArray<readonly [string, Buffer]> = [
      ["utf8", Buffer.from(heart)],
      ["utf16le", Buffer.from(heart, "utf16le")],
      ["utf16be", Buffer.from(heart, "utf16le").swap16()],
      ["hex", Buffer.from(Buffer.from(heart).toString("hex"))],
      ["HEX", Buffer.from(Buffer.from(heart).toString("hex").toUpperCase())],
      ["backwards", Buffer.from([...heart].reverse().join(""))],
      ...[0, 1, 2].map((at) => [`base64 from byte ${at}`, Buffer.from(base64Within(heart, at))] as const),
    ];
    this.#forms.push(...forms.map(([as, bytes]) => ({ secret: purpose, as, bytes })));
    return `<&"${heart}`;
  }

  /** A scenario in which every field of those types and names has a new secret. */
  planted(scenario: Scenario, fields: ReadonlyMap<string, readonly string[]>): Scenario {
    const requests = scenario.requests.map((request) => {
      const [[type, body] = ["", {}]] = Object.entries((request.body ?? {}) as Record<string, object>);
      const secret = (fields.get(type) ?? []).filter((name) => name in body);
      const planted = Object.fromEntries(secret.map((name) => [name, this.make(`${type}.${name}`)]));
      return secret.length === 0 ? request : { ...request, body: { [type]: { ...body, ...planted } } };
    });
    return { ...scenario, requests } as Scenario;
  }

  /** What the secrets are of. */
  get purposes(): ReadonlySet<string> {
    return new Set(this.#forms.map(({ secret }) => secret));
  }

  inBytes(where: string, bytes: Buffer): Found[] {
    this.searched = { places: this.searched.places + 1, bytes: this.searched.bytes + bytes.length };
    return this.#forms.flatMap(({ secret, as, bytes: form }) => (bytes.includes(form) ? [{ secret, as, where }] : []));
  }

  inText(where: string, text: string): Found[] {
    return this.inBytes(where, Buffer.from(text));
  }

  /** @param except names of folders that are left out */
  async inFolder(folder: string, except: readonly string[] = []): Promise<Found[]> {
    const entries = await readdir(folder, { withFileTypes: true });
    const found = entries.map(async (entry): Promise<Found[]> => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return except.includes(entry.name) ? [] : this.inFolder(path, except);
      return entry.isFile() ? this.inBytes(path, withoutPadding(await readFile(path))) : [];
    });
    return (await Promise.all(found)).flat();
  }
}

/** The characters of base64 that follow from the text alone, when so many bytes modulo three stand before it. */
function base64Within(text: string, at: number): string {
  const encoded = Buffer.concat([Buffer.alloc(at), Buffer.from(text)]).toString("base64url");
  return encoded.slice(Math.ceil((at * 8) / 6), Math.floor(((at + text.length) * 8) / 6));
}

/** Logs are made as long as they may become, with zeros. */
function withoutPadding(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end -= 1;
  return bytes.subarray(0, end);
}
