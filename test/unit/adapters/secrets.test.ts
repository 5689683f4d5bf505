import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import nunjucks from "nunjucks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadKey } from "../../../src/adapters/secrets/load-key.ts";
import { keyIdOf, plainSecrets, sealing } from "../../../src/adapters/secrets/sealing.ts";
import { element, parseXml, serializeXml } from "../../../src/xml/element.ts";

const secrets = sealing(Buffer.alloc(32, 7));

describe("sealing", () => {
  it("opens what it sealed, wherever the token stands in a text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string(), fc.string(), (secret, before, after) => {
        const sealed = secrets.seal(secret, "router/1/password");
        expect(secrets.isSealed(sealed)).toBe(true);
        expect(secrets.open(sealed)).toBe(secret);
        expect(secrets.open(`${before} ${sealed}${sealed} ${after}`)).toBe(`${before} ${secret}${secret} ${after}`);
      }),
    );
  });

  it("never seals alike and shows nothing of the secret", () => {
    const tokens = Array.from({ length: 50 }, () => secrets.seal("lab123", "router/1/password"));
    expect(new Set(tokens).size).toBe(50);
    expect(tokens.join()).not.toContain("lab123");
  });

  it("makes tokens that JSON, XML and nunjucks leave as they are", () => {
    fc.assert(
      fc.property(fc.string(), (secret) => {
        const sealed = secrets.seal(secret, "router/1/password");
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
    for (const text of ["", "plain", "sb1~", "sb2~", "sb1~short~", "see sb2~x~ there"]) {
      expect(secrets.isSealed(text)).toBe(false);
      expect(secrets.open(text)).toBe(text);
    }
    expect(secrets.isSealed(`x ${secrets.seal("y", "router/1/password")}`)).toBe(false);
  });

  it("refuses another key and any altered token", () => {
    const sealed = secrets.seal("lab123", "router/1/password");
    expect(() => sealing(Buffer.alloc(32, 8)).open(sealed)).toThrow(
      expect.objectContaining({ code: "SB_SECRET_UNREADABLE", advice: expect.stringContaining("SIGNALBOX_KEY") }),
    );
    for (const at of [4, 11, 12, 25, 40, 50]) {
      const altered = sealed.slice(0, at) + (sealed[at] === "A" ? "B" : "A") + sealed.slice(at + 1);
      expect(() => secrets.open(altered)).toThrow(expect.objectContaining({ code: "SB_SECRET_UNREADABLE" }));
    }
  });

  it("refuses a key of another length", () => {
    expect(() => sealing(Buffer.alloc(16))).toThrow(expect.objectContaining({ code: "SB_CONFIG_INVALID" }));
  });

  it("can be left out", () => {
    expect(plainSecrets.open(plainSecrets.seal("lab123", "router/1/password"))).toBe("lab123");
    expect(plainSecrets.isSealed(secrets.seal("x", "router/1/password"))).toBe(false);
    expect(plainSecrets.renewed(secrets.seal("x", "router/1/password")).size).toBe(0);
  });
});

describe("several keys", () => {
  const [oldKey, newKey, otherKey] = [7, 8, 9].map((byte) => Buffer.alloc(32, byte)) as [Buffer, Buffer, Buffer];
  const both = sealing(newKey, [oldKey]);
  // Sealed with the old key by the program's first version, whose tokens do not name their key.
  const first = "sb1~v6ZSwkm-5-soq_51BMPryjC78KRkNIPCUpUlmmKgobFwvZWJVA~";
  const unreadable = expect.objectContaining({ code: "SB_SECRET_UNREADABLE" });

  it("have ids that tell them apart and do not give them away", () => {
    const ids = [oldKey, newKey, otherKey].map(keyIdOf);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{8}$/);
    expect([secrets.keyId, both.keyId]).toEqual(ids.slice(0, 2));
    expect(oldKey.toString("base64url")).not.toContain(ids[0]);
  });

  it("open what each has sealed, in one text; the first one seals", () => {
    expect(
      both.open(`${secrets.seal("old", "router/1/password")} ${both.seal("new", "router/1/password")} ${first}`),
    ).toBe("old new of before");
    expect(secrets.open(first)).toBe("of before");
    expect(sealing(newKey).open(both.seal("new", "router/1/password"))).toBe("new");
    expect(() => sealing(newKey).open(secrets.seal("old", "router/1/password"))).toThrow(unreadable);
    expect(() => sealing(newKey).open(first)).toThrow(unreadable);
  });

  it("are named for each token", () => {
    const text = `${secrets.seal("a", "router/1/password")}${first} ${both.seal("b", "router/1/password")} ${sealing(otherKey).seal("c", "router/1/password")}`;
    expect(both.keysIn(text)).toEqual([keyIdOf(oldKey), keyIdOf(oldKey), keyIdOf(newKey), keyIdOf(otherKey)]);
    expect(sealing(newKey).keysIn(first)).toEqual(["unknown"]);
    expect(both.keysIn("no token")).toEqual([]);
  });

  it("renew what a former one has sealed, always alike, and nothing else", () => {
    const [one, two, own] = [
      secrets.seal("alike", "router/1/password"),
      secrets.seal("alike", "router/1/password"),
      both.seal("own", "router/1/password"),
    ];
    const renewed = both.renewed(
      `<a>${one}</a>${own}${two}${one}${first}${sealing(otherKey).seal("c", "router/1/password")}`,
    );
    expect([...renewed.keys()]).toEqual([one, two, first]);
    expect([...renewed.values()].map((token) => sealing(newKey).open(token))).toEqual(["alike", "alike", "of before"]);
    expect(renewed.get(one)).not.toBe(renewed.get(two));
    expect(sealing(newKey, [oldKey, otherKey]).renewed(one).get(one)).toBe(renewed.get(one));
    expect(both.renewed([...renewed.values()].join("")).size).toBe(0);
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
    expect(loaded).toEqual({ key: bytes, former: [], source: "environment", created: false });
  });

  it("reads the file that is named", async () => {
    const path = join(directory, "secret-key");
    await writeFile(path, `${bytes.toString("base64")}\n`);
    const loaded = await loadKey({ env: { SIGNALBOX_KEY_FILE: path }, dataDirectory: directory });
    expect(loaded).toEqual({ key: bytes, former: [], source: "key-file", path, created: false });
  });

  it("makes a key file that only its owner reads, and finds it again", async () => {
    const dataDirectory = join(directory, "data");
    const first = await loadKey({ env: {}, dataDirectory });
    expect(first).toMatchObject({ source: "data-directory", path: join(dataDirectory, "key"), created: true });
    expect((await stat(join(dataDirectory, "key"))).mode & 0o777).toBe(0o600);
    expect(await loadKey({ env: {}, dataDirectory })).toEqual({ ...first, created: false });
  });

  it("takes several keys: the first of a file seals, those of the variables are former ones", async () => {
    const keys = [1, 2, 3, 4].map((byte) => Buffer.alloc(32, byte));
    const text = (each: readonly Buffer[], between: string) => each.map((key) => key.toString("hex")).join(between);
    const path = join(directory, "secret-key");
    await writeFile(path, `${text(keys.slice(0, 2), "\n")}\n`);
    const olds = join(directory, "old-keys");
    await writeFile(olds, `${text(keys, "\r\n")}\n`);
    const [key, ...former] = keys;
    const load = (env: Record<string, string>) => loadKey({ env, dataDirectory: directory });
    expect(await load({ SIGNALBOX_KEY_FILE: path })).toMatchObject({ key, former: keys.slice(1, 2) });
    for (const between of [",", " ", ", ", "\n"]) {
      const env = { SIGNALBOX_KEY: text(keys.slice(0, 1), ""), SIGNALBOX_OLD_KEYS: text(keys.slice(1), between) };
      expect(await load(env)).toMatchObject({ key, former });
    }
    expect(await load({ SIGNALBOX_KEY: text(keys.slice(0, 1), ""), SIGNALBOX_OLD_KEYS_FILE: olds })).toMatchObject({
      key,
      former,
    });
    for (const env of [
      { SIGNALBOX_OLD_KEYS: "a", SIGNALBOX_OLD_KEYS_FILE: olds },
      { SIGNALBOX_KEY: text(keys.slice(0, 2), " ") },
      { SIGNALBOX_KEY: text(keys.slice(0, 1), ""), SIGNALBOX_OLD_KEYS: "hunter2" },
    ]) {
      const message = expect.not.stringContaining("hunter2");
      await expect(load(env)).rejects.toMatchObject({ code: "SB_CONFIG_INVALID", message });
    }
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
