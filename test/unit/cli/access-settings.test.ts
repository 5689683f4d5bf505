import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { entryOf, rateOf } from "../../../src/cli/access-settings.ts";
import { readConfiguration } from "../../../src/cli/configuration.ts";
import { requestSourceOf } from "../../../src/cli/http-settings.ts";
import { startLab, startSystem } from "../../../src/cli/start-system.ts";

const local = ["127.0.0.1", "127.8.8.8", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "localhost", "LOCALHOST."];
const reachable = [
  "0.0.0.0",
  "::",
  "10.0.0.1",
  "gateway.example",
  "::ffff:10.0.0.1",
  "127.0.0.1.example",
  "localhost.example",
];
const wanted = { tokens_file: "tokens.yaml" };

describe("who may come in without a token", () => {
  it.each(local)("over HTTP at %s: this machine's own programs", (http) => {
    expect(entryOf({}, { http, nats: false })).toBe("local");
  });

  it.each(reachable)("over HTTP at %s: nobody, unless it is said", (http) => {
    expect(() => entryOf({}, { http, nats: false })).toThrow(
      expect.objectContaining({
        code: "SB_CONFIG_INVALID",
        message: expect.stringContaining(http),
        advice: expect.stringMatching(/access\.tokens_file.*listen on 127\.0\.0\.1.*`access: open`/),
      }),
    );
    expect(entryOf({ open: true }, { http, nats: true })).toBe("open");
    expect(entryOf(wanted, { http, nats: true })).toBe("tokens");
    expect(entryOf({ jwt: { key_file: "key" } }, { http, nats: true })).toBe("tokens");
  });

  it.each([...local, undefined])("over NATS beside HTTP at %s: nobody, unless it is said", (http) => {
    expect(() => entryOf({}, { http, nats: true })).toThrow(
      expect.objectContaining({
        code: "SB_CONFIG_INVALID",
        message: expect.stringContaining("NATS"),
        advice: expect.stringMatching(/access\.tokens_file.*`access: open`/),
      }),
    );
    expect(() => entryOf({ open: false, requests_per_second: 1 }, { http, nats: true })).toThrow("NATS");
    expect(entryOf({ open: true }, { http, nats: true })).toBe("open");
  });

  it("not both: tokens that nobody looks at are a mistake", () => {
    expect(() => entryOf({ ...wanted, open: true }, { http: "127.0.0.1", nats: false })).toThrow("open");
  });
});

describe("a program whose configuration leaves access out", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "signalbox-access-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const start = async (configuration: object, host = "127.0.0.1", lab = false) => {
    const config = join(folder, "signalbox.json");
    await writeFile(config, JSON.stringify(configuration), { mode: 0o600 });
    const more = { lab, timing: "instant", plainSecrets: true, logLevel: "silent" } as const;
    return startSystem({ config, data: join(folder, "data"), http: { host, port: 0 }, ...more });
  };

  it("does not start with NATS, and says what to set before it has asked any server", async () => {
    const stores = { nats: { servers: ["127.0.0.1:1"] }, etcd: { endpoints: ["http://127.0.0.1:1"] } };
    await expect(start(stores)).rejects.toMatchObject({
      code: "SB_CONFIG_INVALID",
      message: expect.stringContaining("over NATS"),
      advice: expect.stringContaining("`access: open`"),
    });
  });

  it("does not start where others reach it, with or without a lab, nor does a lab alone", async () => {
    for (const lab of [false, true])
      await expect(start({}, "0.0.0.0", lab)).rejects.toMatchObject({ code: "SB_CONFIG_INVALID" });
    await expect(startLab({ http: { host: "0.0.0.0", port: 0 }, timing: "instant" })).rejects.toMatchObject({
      code: "SB_USAGE",
      advice: expect.stringContaining("--open"),
    });
  });

  it("is open when it says so, in short or at length", async () => {
    for (const access of ["open", { open: true }]) {
      await writeFile(join(folder, "open.json"), JSON.stringify({ access }), { mode: 0o600 });
      expect(readConfiguration(join(folder, "open.json")).access).toEqual({ open: true });
    }
    await writeFile(join(folder, "closed.json"), JSON.stringify({ access: "closed" }), { mode: 0o600 });
    expect(() => readConfiguration(join(folder, "closed.json"))).toThrow("access");
  });
});

describe("the hosts that requests may be for", () => {
  it("any only where every request brings a token, or where there is nothing to be had", () => {
    const hosts = (host: string, entry: "tokens" | "open" | "local" | undefined, allowed?: string[]) =>
      requestSourceOf(allowed === undefined ? {} : { allowed_hosts: allowed }, host, entry).hosts;
    expect(hosts("0.0.0.0", "tokens")).toBe("any");
    expect(hosts("0.0.0.0", undefined)).toBe("any");
    expect(hosts("0.0.0.0", "open")).toEqual([]);
    expect(hosts("gateway.example", "open")).toEqual(["gateway.example"]);
    expect(hosts("127.0.0.1", "tokens")).toEqual([]);
    expect(hosts("127.0.0.1", "local", ["a.example"])).toEqual(["a.example"]);
    expect(hosts("0.0.0.0", "tokens", ["a.example"])).toEqual(["a.example"]);
  });

  it("what a proxy passes on is taken unless nobody needs a token for being local", () => {
    expect((["tokens", "open", "local"] as const).map((entry) => requestSourceOf({}, "::1", entry).noProxies)).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe("the rate of a token", () => {
  it("is no limit unless it is set, and allows twice as much at once", () => {
    expect(rateOf({})).toBeUndefined();
    expect(rateOf({ requests_per_second: 20 })).toEqual({ perSecond: 20, burst: 40 });
    expect(rateOf({ requests_per_second: 0.1, burst: 3 })).toEqual({ perSecond: 0.1, burst: 3 });
  });
});
