import { chmod, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Configuration } from "../../../src/cli/configuration.ts";
import {
  isPrivate,
  preparePrivateDirectory,
  requirePrivateFile,
  requirePrivateFiles,
} from "../../../src/cli/private-files.ts";
import { RecordingLogger } from "../http/recording-logger.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-private-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, mode: number): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, "secret");
  await chmod(path, mode);
  return path;
}

const refused = expect.objectContaining({ code: "SB_CONFIG_INVALID" });

describe("a file with a secret", () => {
  it.each([0o644, 0o604, 0o660, 0o620, 0o602, 0o601, 0o666, 0o777])("is refused with mode %o", async (mode) => {
    const path = await file("key", mode);
    expect(() => requirePrivateFile(path, "SIGNALBOX_KEY_FILE")).toThrow(
      expect.objectContaining({
        code: "SB_CONFIG_INVALID",
        message: expect.stringMatching(new RegExp(`${path} \\(SIGNALBOX_KEY_FILE\\).*0${mode.toString(8)}`)),
        advice: expect.stringContaining(`chmod 600 ${path}`),
      }),
    );
  });

  it.each([0o600, 0o400])("is taken with mode %o", async (mode) => {
    const path = await file("key", mode);
    expect(() => requirePrivateFile(path, "key")).not.toThrow();
  });

  it("is judged where a link leads to", async () => {
    await symlink(await file("open", 0o644), join(folder, "link"));
    expect(() => requirePrivateFile(join(folder, "link"), "key")).toThrow(refused);
  });

  it("that is not there is left to who reads it", () => {
    expect(() => requirePrivateFile(join(folder, "none"), "key")).not.toThrow();
  });

  it.each([
    // Credentials of systemd, and a volume of Kubernetes with an fsGroup.
    { mode: 0o100440, uid: 0, isTaken: true },
    { mode: 0o100640, uid: 0, isTaken: true },
    { mode: 0o100440, uid: 10001, isTaken: false },
    { mode: 0o100460, uid: 0, isTaken: false },
    { mode: 0o100444, uid: 0, isTaken: false },
    { mode: 0o100400, uid: 10001, isTaken: true },
  ])("may be its group's to read where it is root's: $mode of $uid", ({ mode, uid, isTaken }) => {
    expect(isPrivate({ mode, uid })).toBe(isTaken);
  });
});

describe("the files that a configuration names", () => {
  const settings = (path: string): [string, Configuration][] => [
    ["access.tokens_file", { access: { tokens_file: path } }],
    ["access.jwt.key_file", { access: { jwt: { key_file: path } } }],
    ["nats.password_file", { nats: { servers: ["nats://n"], user: "u", password_file: path } }],
    ["nats.token_file", { nats: { servers: ["nats://n"], token_file: path } }],
    ["nats.nkey_seed_file", { nats: { servers: ["nats://n"], nkey_seed_file: path } }],
    ["nats.credentials_file", { nats: { servers: ["nats://n"], credentials_file: path } }],
    ["nats.tls.key_file", { nats: { servers: ["nats://n"], tls: { key_file: path } } }],
    ["etcd.password_file", { etcd: { endpoints: ["https://e"], password_file: path } }],
    ["etcd.tls.key_file", { etcd: { endpoints: ["https://e"], tls: { key_file: path } } }],
  ];
  it.each(settings("").map(([setting], at) => [setting, at] as const))("%s", async (setting, at) => {
    const path = await file("secret", 0o640);
    await chmod(path, 0o644);
    const [, configuration = {}] = settings(path)[at] ?? [];
    const check = () => requirePrivateFiles(configuration, { file: undefined, env: {} });
    expect(check).toThrow(expect.objectContaining({ message: expect.stringContaining(`(${setting})`) }));
    await chmod(path, 0o600);
    expect(check).not.toThrow();
  });

  it.each(["SIGNALBOX_KEY_FILE", "SIGNALBOX_OLD_KEYS_FILE"])("%s", async (name) => {
    const path = await file("key", 0o644);
    expect(() => requirePrivateFiles({}, { file: undefined, env: { [name]: path } })).toThrow(refused);
  });

  it("certificates and public keys may be everybody's", async () => {
    const path = await file("ca.pem", 0o644);
    const configuration: Configuration = {
      access: { jwt: { jwks_file: path } },
      nats: { servers: ["tls://n"], tls: { ca_file: path, certificate_file: path } },
    };
    expect(() => requirePrivateFiles(configuration, { file: undefined, env: {} })).not.toThrow();
  });

  it.each<[string, Configuration]>([
    ["nats.password", { nats: { servers: ["nats://n"], user: "u", password: "p" } }],
    ["nats.token", { nats: { servers: ["nats://n"], token: "t" } }],
    ["nats.servers.0", { nats: { servers: ["nats://u:p@n"] } }],
    ["etcd.password", { etcd: { endpoints: ["https://e"], user: "u", password: "p" } }],
    ["snmp.communities.default.community", { snmp: { communities: { default: { version: "2c", community: "c" } } } }],
  ])("the configuration file itself when it has %s", async (setting, configuration) => {
    const path = await file("signalbox.yaml", 0o644);
    const check = () => requirePrivateFiles(configuration, { file: path, env: {} });
    expect(check).toThrow(expect.objectContaining({ message: expect.stringContaining(setting) }));
    await chmod(path, 0o600);
    expect(check).not.toThrow();
  });

  it("a configuration without secrets may be everybody's to read", async () => {
    const path = await file("signalbox.yaml", 0o644);
    const configuration: Configuration = { log: { level: "info" }, nats: { servers: ["nats://n:4222"] } };
    expect(() => requirePrivateFiles(configuration, { file: path, env: {} })).not.toThrow();
  });
});

describe("the data directory", () => {
  it("is made for its owner alone, whatever the umask", async () => {
    const logger = new RecordingLogger();
    preparePrivateDirectory(join(folder, "a", "data"), logger);
    expect((await stat(join(folder, "a", "data"))).mode & 0o777).toBe(0o700);
    expect(logger.lines).toEqual([]);
  });

  it.each([0o755, 0o770, 0o701])("is closed to others when it has mode %o, and that is said", async (mode) => {
    const logger = new RecordingLogger();
    const data = join(folder, "data");
    await mkdir(data);
    await chmod(data, mode);
    preparePrivateDirectory(data, logger);
    expect((await stat(data)).mode & 0o777).toBe(0o700);
    expect(logger.lines).toMatchObject([{ level: "warn", fields: { mode: `0${mode.toString(8)}` } }]);
  });
});
