import type { Etcd3 } from "etcd3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EtcdOptions } from "../../src/adapters/etcd/open.ts";
import { SignalboxError } from "../../src/errors.ts";
import { Collected, Opened } from "../contract/etcd/open-store.ts";
import { type Authority, makeAuthority } from "../servers/certificates.ts";
import { type EtcdServerOptions, type RunningEtcd, startEtcd } from "../servers/etcd.ts";

let opened: Opened;
beforeEach(() => {
  opened = new Opened();
});
afterEach(() => opened.close());

async function server(options: EtcdServerOptions = {}): Promise<RunningEtcd> {
  const etcd = await startEtcd(options);
  opened.later(() => etcd.stop());
  return etcd;
}

/** The error with which opening a store fails. */
async function refusal(endpoint: string, options: Partial<EtcdOptions>): Promise<SignalboxError> {
  try {
    await opened.store(endpoint, { timeouts: { requestMs: 1000, openMs: 1000 }, ...options });
  } catch (error) {
    if (error instanceof SignalboxError) return error;
    throw error;
  }
  throw new Error("it opened");
}

describe("user and password", () => {
  const admin = { username: "root", password: "admin-word" };
  const login = { user: "signalbox", password: "store-word" };

  /** An etcd whose user `signalbox` may read and write below /app. */
  async function guarded(): Promise<RunningEtcd & { admin: Etcd3 }> {
    const etcd = await server();
    const { auth } = opened.admin(etcd.endpoint);
    await auth.userAdd({ name: "root", password: admin.password });
    await auth.userGrantRole({ user: "root", role: "root" });
    await auth.roleAdd({ name: "app" });
    await auth.roleGrantPermission({
      name: "app",
      perm: { permType: "Readwrite", key: Buffer.from("/app"), range_end: Buffer.from("/apq") },
    });
    await auth.userAdd({ name: login.user, password: login.password });
    await auth.userGrantRole({ user: login.user, role: "app" });
    await auth.authEnable();
    return Object.assign(etcd, { admin: opened.admin(etcd.endpoint, { auth: admin }) });
  }

  it("lets in who has them, for documents, watches and leases", async () => {
    const { endpoint } = await guarded();
    const { documents, healthy } = await opened.store(endpoint, { ...login, namespace: "/app" });
    const watched = new Collected(documents, "/", 1);
    const lease = await documents.lease(30_000);
    await documents.transaction({ writes: [{ key: "/a", value: 1, lease: lease.id }] });
    await lease.keepAlive();
    await watched.told("/a", 1);
    await lease.revoke();
    await watched.told("/a", null);
    expect(await healthy()).toBeUndefined();
    await watched.stop();
  });

  it("refuses a wrong password, an unknown user and nobody, at once and for good", async () => {
    const { endpoint } = await guarded();
    for (const wrong of [{ ...login, password: "guess" }, { user: "nobody", password: "guess" }, {}]) {
      const error = await refusal(endpoint, { namespace: "/app", ...wrong });
      expect(error).toMatchObject({ code: "SB_STORE_AUTH", transient: false });
      expect(error.report).not.toContain("guess");
    }
  });

  it("refuses a user when etcd has no authentication", async () => {
    const { endpoint } = await server();
    const error = await refusal(endpoint, login);
    expect(error).toMatchObject({ code: "SB_STORE_AUTH" });
    expect(error.advice).toContain("auth enable");
  });

  it("says which permission is missing outside the role's keys, to a watcher too", async () => {
    const { endpoint, admin: root } = await guarded();
    expect(await refusal(endpoint, { ...login, namespace: "/other" })).toMatchObject({ code: "SB_STORE_AUTH" });
    const { documents } = await opened.store(endpoint, { ...login, namespace: "/app" });
    await documents.transaction({ writes: [{ key: "/a", value: 1 }] });
    await root.auth.userRevokeRole({ name: login.user, role: "app" });
    const refused = { code: "SB_STORE_AUTH", transient: false };
    await expect(documents.get("/a")).rejects.toMatchObject(refused);
    await expect(documents.transaction({ writes: [{ key: "/a", value: 2 }] })).rejects.toMatchObject(refused);
    await expect(new Collected(documents, "/", 1).ended).rejects.toMatchObject(refused);
  });

  it("logs in again when the server has forgotten the login, and its watchers miss nothing", async () => {
    const etcd = await guarded();
    const { documents } = await opened.store(etcd.endpoint, { ...login, namespace: "/app" });
    const watched = new Collected(documents, "/", 1);
    await documents.transaction({ writes: [{ key: "/a", value: 1 }] });
    await watched.told("/a", 1);
    // Simple tokens live in the server's memory.
    await etcd.kill();
    await etcd.start();
    await documents.transaction({ writes: [{ key: "/a", value: 2 }] });
    await watched.told("/a", 2);
    await etcd.admin.auth.userChangePassword({ name: login.user, password: login.password });
    await documents.transaction({ writes: [{ key: "/a", value: 3 }] });
    await watched.told("/a", 3);
    await watched.stop();
  });
});

it("does not go through the proxy of http_proxy", async () => {
  const { endpoint } = await server();
  const before = process.env["http_proxy"];
  // Nobody listens on port 1.
  process.env["http_proxy"] = "http://127.0.0.1:1";
  try {
    const { documents } = await opened.store(endpoint);
    expect(await documents.range("/")).toEqual([]);
  } finally {
    if (before === undefined) delete process.env["http_proxy"];
    else process.env["http_proxy"] = before;
  }
});

describe("TLS", () => {
  let authority: Authority;
  let stranger: Authority;
  beforeEach(async () => {
    authority = await makeAuthority("store-authority");
    stranger = await makeAuthority("somebody-else");
  });

  it("works with the server's authority and a client certificate", async () => {
    const tls = await authority.issue({ name: "etcd", ip: "127.0.0.1" });
    const { endpoint } = await server({ tls: { ...tls, clientCa: authority.certificate } });
    const client = await authority.issue({ name: "signalbox" });
    const { documents, healthy } = await opened.store(endpoint, { tls: { ca: authority.certificate, ...client } });
    const watched = new Collected(documents, "/", 1);
    await documents.transaction({ writes: [{ key: "/a", value: 1 }] });
    await watched.told("/a", 1);
    expect(await healthy()).toBeUndefined();
    await watched.stop();
  });

  it("refuses a client without a certificate, and one of another authority", async () => {
    const tls = await authority.issue({ name: "etcd", ip: "127.0.0.1" });
    const { endpoint } = await server({ tls: { ...tls, clientCa: authority.certificate } });
    const ca = authority.certificate;
    for (const wrong of [{ ca }, { ca, ...(await stranger.issue({ name: "signalbox" })) }]) {
      const error = await refusal(endpoint, { tls: wrong });
      expect(error).toMatchObject({ code: "SB_STORE_UNREACHABLE" });
      expect(error.report).toContain("client certificate");
    }
  });

  it("does not talk to a server of another authority, of another name, or without TLS", async () => {
    const tls = await authority.issue({ name: "etcd" });
    const { endpoint } = await server({ tls });
    const ca = authority.certificate;
    for (const wrong of [{ ca: stranger.certificate, serverName: "etcd" }, { ca }, {}]) {
      const error = await refusal(endpoint, { tls: wrong });
      expect(error).toMatchObject({ code: "SB_STORE_UNREACHABLE" });
      expect(error.report).toContain("certificate");
    }
    await refusal(endpoint.replace("https:", "http:"), {});
    const { endpoint: plain } = await server();
    expect((await refusal(plain.replace("http:", "https:"), { tls: { ca } })).report).toContain("http or https");
    const { documents } = await opened.store(endpoint, { tls: { ca, serverName: "etcd" } });
    expect(await documents.range("/")).toEqual([]);
  });

  it("takes user and password over TLS", async () => {
    const tls = await authority.issue({ name: "etcd", ip: "127.0.0.1" });
    const { endpoint } = await server({ tls });
    const credentials = { rootCertificate: Buffer.from(authority.certificate) };
    const { auth } = opened.admin(endpoint, { credentials });
    await auth.userAdd({ name: "root", password: "admin-word" });
    await auth.userGrantRole({ user: "root", role: "root" });
    await auth.authEnable();
    const secure = { tls: { ca: authority.certificate } };
    const { documents } = await opened.store(endpoint, { ...secure, user: "root", password: "admin-word" });
    expect(await documents.transaction({ writes: [{ key: "/a", value: 1 }] })).toMatchObject({ committed: true });
    expect(await refusal(endpoint, { ...secure, user: "root", password: "x" })).toMatchObject({
      code: "SB_STORE_AUTH",
    });
  });
});
