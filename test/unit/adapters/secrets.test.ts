import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import nunjucks from "nunjucks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadKey } from "../../../src/adapters/secrets/load-key.ts";
import { plainSecrets, sealing } from "../../../src/adapters/secrets/sealing.ts";
import { element, parseXml, serializeXml } from "../../../src/xml/element.ts";

const secrets = sealing(Buffer.alloc(32, 7));

describe("sealing", () => {
  it("opens what it sealed, wherever the token stands in a text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), fc.string(), (secret, before, after) => {
        const sealed = secrets.seal(secret);
        expect(secrets.isSealed(sealed)).toBe(true);
        expect(secrets.open(sealed)).toBe(secret);
        expect(secrets.open(`${before} ${sealed}${sealed} ${after}`)).toBe(`${before} ${secret}${secret} ${after}`);
      }),
    );
  });

  it("never seals alike and shows nothing of the secret", () => {
    const tokens = Array.from({ length: 50 }, () => secrets.seal("lab123"));
    expect(new Set(tokens).size).toBe(50);
    expect(tokens.join()).not.toContain("lab123");
  });

  it("makes tokens that JSON, XML and nunjucks leave as they are", () => {
    fc.assert(
      fc.property(fc.string(), (secret) => {
        const sealed = secrets.seal(secret);
        expect(JSON.stringify(sealed)).toBe(`"${sealed}"`);
        expect(new nunjucks.Environment(null, { autoescape: true }).renderString("{{ s }}", { s: sealed })).toBe(
          sealed,
        );
        expect(parseXml(serializeXml(element("k", sealed))).text).toBe(sealed);
        expect(serializeXml(element("k", sealed))).toContain(sealed);
      }),
      { numRuns: 30 },
    );
  });

  it("leaves text without a token alone", () => {
    for (const text of ["", "plain", "sb1~", "sb1~short~", "see sb1~x~ there"]) {
      expect(secrets.isSealed(text)).toBe(false);
      expect(secrets.open(text)).toBe(text);
    }
    expect(secrets.isSealed(`x ${secrets.seal("y")}`)).toBe(false);
  });

  it("refuses another key and any altered token", () => {
    const sealed = secrets.seal("lab123");
    expect(() => sealing(Buffer.alloc(32, 8)).open(sealed)).toThrow(
      expect.objectContaining({ code: "SB_SECRET_UNREADABLE", advice: expect.stringContaining("SIGNALBOX_KEY") }),
    );
    for (const at of [4, 10, 25, 40]) {
      const altered = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
      expect(() => secrets.open(altered)).toThrow(expect.objectContaining({ code: "SB_SECRET_UNREADABLE" }));
    }
  });

  it("refuses a key of another length", () => {
    expect(() => sealing(Buffer.alloc(16))).toThrow(expect.objectContaining({ code: "SB_CONFIG_INVALID" }));
  });

  it("can be left out", () => {
    expect(plainSecrets.open(plainSecrets.seal("lab123"))).toBe("lab123");
    expect(plainSecrets.isSealed(secrets.seal("x"))).toBe(false);
  });
});

describe("loadKey", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "signalbox-key-"));
  });
  afterEach(() => rm(directory, { recursive: true }));
  const bytes = Buffer.from(Array.from({ length: 32 }, (_, n) => n * 7 + 1));

  it.each([["hex"], ["base64"], ["base64url"]] as const)("takes %s from the environment", async (encoding) => {
    const loaded = await loadKey({ env: { SIGNALBOX_KEY: bytes.toString(encoding) }, dataDirectory: directory });
    expect(loaded).toEqual({ key: bytes, source: "environment", created: false });
  });

  it("reads the file that is named", async () => {
    const path = join(directory, "secret-key");
    await writeFile(path, `${bytes.toString("base64")}\n`);
    const loaded = await loadKey({ env: { SIGNALBOX_KEY_FILE: path }, dataDirectory: directory });
    expect(loaded).toEqual({ key: bytes, source: "key-file", path, created: false });
  });

  it("makes a key file that only its owner reads, and finds it again", async () => {
    const dataDirectory = join(directory, "data");
    const first = await loadKey({ env: {}, dataDirectory });
    expect(first).toMatchObject({ source: "data-directory", path: join(dataDirectory, "key"), created: true });
    expect((await stat(join(dataDirectory, "key"))).mode & 0o777).toBe(0o600);
    expect(await loadKey({ env: {}, dataDirectory })).toEqual({ ...first, created: false });
  });

  it("refuses what is no key without repeating it", async () => {
    const attempt = loadKey({ env: { SIGNALBOX_KEY: "hunter2" }, dataDirectory: directory });
    await expect(attempt).rejects.toMatchObject({
      code: "SB_CONFIG_INVALID",
      message: expect.not.stringContaining("hunter2"),
    });
    const missing = loadKey({ env: { SIGNALBOX_KEY_FILE: join(directory, "none") }, dataDirectory: directory });
    await expect(missing).rejects.toMatchObject({ code: "SB_CONFIG_INVALID" });
    const both = loadKey({ env: { SIGNALBOX_KEY: "a", SIGNALBOX_KEY_FILE: "b" }, dataDirectory: directory });
    await expect(both).rejects.toMatchObject({ code: "SB_CONFIG_INVALID" });
    await writeFile(join(directory, "key"), "");
    await expect(loadKey({ env: {}, dataDirectory: directory })).rejects.toMatchObject({ code: "SB_CONFIG_INVALID" });
    expect(await readFile(join(directory, "key"), "utf8")).toBe("");
  });
});
