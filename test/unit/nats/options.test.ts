import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectionOptions } from "../../../src/adapters/nats/connection-options.ts";
import { type NatsAccess, type StreamSettings, settingsOf } from "../../../src/adapters/nats/options.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

const servers = ["127.0.0.1:4222"];
const open = () => false;

describe("NATS options", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "signalbox-nats-options-"));
    await writeFile(join(folder, "secret"), "from the file\n");
  });
  afterAll(() => rm(folder, { recursive: true }));

  const login = (access: Partial<NatsAccess>, closed = open) => {
    const { authenticator } = connectionOptions({ servers, ...access }, closed);
    if (typeof authenticator !== "function") throw new Error("no authenticator");
    return authenticator("nonce");
  };

  it("has defaults", () => {
    expect(settingsOf({ servers, clock: systemClock, random: systemRandom, logger: silentLogger })).toMatchObject({
      namespace: "signalbox",
      storage: "file",
      replicas: 1,
      historyPerSubject: 1000,
      maxBytes: -1,
    });
  });

  it.each<[string, StreamSettings, string]>([
    ["a namespace with dots", { namespace: "a.b" }, 'namespace "a.b"'],
    ["an empty namespace", { namespace: "" }, "namespace"],
    ["an even number of replicas", { replicas: 2 }, "replicas are 2"],
    ["no history", { historyPerSubject: 0 }, "kept per subject are 0"],
    ["a broken history", { historyPerSubject: 1.5 }, "1.5"],
  ])("refuses %s", (_, settings, message) => {
    const options = { servers, clock: systemClock, random: systemRandom, logger: silentLogger, ...settings };
    expect(() => settingsOf(options)).toThrow(
      expect.objectContaining({ code: "SB_CONFIG_INVALID", message: expect.stringContaining(message) }),
    );
  });

  it.each<[string, Partial<NatsAccess>, string]>([
    ["no server", { servers: [] }, "no NATS server"],
    ["another scheme", { servers: ["http://a:4222"] }, "http://a:4222"],
    ["no port after the colon", { servers: ["a:"] }, '"a:"'],
    ["a password without a user", { password: "p" }, "without a user"],
    ["two logins", { user: "u", password: "p", token: "t" }, "more than one login"],
    ["a password and a file with it", { user: "u", password: "p", passwordFile: "f" }, "both given"],
    ["a certificate without its key", { tls: { certificate: "c" } }, "given together"],
    ["a password file that is not there", { user: "u", passwordFile: "/nowhere/p" }, "/nowhere/p"],
    ["a credentials file that is not there", { credentialsFile: "/nowhere/c" }, "/nowhere/c"],
    ["a CA file that is not there", { tls: { caFile: "/nowhere/ca" } }, "/nowhere/ca"],
  ])("refuses %s", (_, access, message) => {
    expect(() => connectionOptions({ servers, ...access }, open)).toThrow(
      expect.objectContaining({ code: "SB_CONFIG_INVALID", message: expect.stringContaining(message) }),
    );
  });

  it("does not repeat a password that stands in an address", () => {
    expect(() => connectionOptions({ servers: ["nats://u:secret@a:4222"] }, open)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("secret") }),
    );
  });

  it.each(["a", "a:4222", "nats://a:4222", "tls://a.example:4222", "[::1]:4222", "192.0.2.1"])("takes %s", (server) => {
    expect(connectionOptions({ servers: [server] }, open).servers).toEqual([server]);
  });

  it("speaks TLS to a tls:// address", () => {
    expect(connectionOptions({ servers: ["tls://a:4222"] }, open).tls).toEqual({});
    expect(connectionOptions({ servers }, open)).not.toHaveProperty("tls");
  });

  it("logs in as told", () => {
    expect(login({})).toBeUndefined();
    expect(login({ user: "u", password: "p" })).toEqual({ user: "u", pass: "p" });
    expect(login({ token: "t" })).toEqual({ auth_token: "t" });
    expect(login({ user: "u", passwordFile: join(folder, "secret") })).toEqual({ user: "u", pass: "from the file" });
  });

  it("reads a file again for each connection, and keeps what it held while it is away", async () => {
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "one");
    const { authenticator } = connectionOptions({ servers, tokenFile }, open);
    if (typeof authenticator !== "function") throw new Error("no authenticator");
    await writeFile(tokenFile, "two\n");
    expect(authenticator()).toEqual({ auth_token: "two" });
    await rm(tokenFile);
    expect(authenticator()).toEqual({ auth_token: "two" });
  });

  it("makes no connection after it was closed", () => {
    expect(() => login({}, () => true)).toThrow("closed meanwhile");
  });
});
