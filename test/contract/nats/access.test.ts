import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nkeys } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { NatsOptions } from "../../../src/adapters/nats/options.ts";
import { type Authority, makeAuthority } from "../../servers/certificates.ts";
import { type NatsServerOptions, type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";
import { makeCredentials } from "./credentials.ts";
import { all, LogBook, Opened } from "./opened.ts";

describe("access to NATS", () => {
  const opened = new Opened();
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "signalbox-access-"));
    opened.later(() => rm(folder, { recursive: true }));
  });
  afterEach(() => opened.close());

  const start = async (options: NatsServerOptions): Promise<RunningNatsServer> => {
    const server = await startNatsServer(options);
    opened.later(() => server.stop());
    return server;
  };
  const file = async (name: string, content: string) => {
    const path = join(folder, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  };
  const opens = async (server: RunningNatsServer, options: Partial<NatsOptions>) => {
    const { log } = await opened.stores(server.address, options);
    expect((await log.append("a", 1, { expectedSeq: 0, messageId: "m1" })).seq).toBe(1);
  };
  const isRefused = async (server: RunningNatsServer, options: Partial<NatsOptions>, code = "SB_STORE_AUTH") => {
    await expect(opened.stores(server.address, options)).rejects.toMatchObject({ code, transient: false });
  };

  describe("by password", () => {
    const config = () => `authorization { user: signalbox, password: "p w" }`;

    it("opens with the right one, also from a file", async () => {
      const server = await start({ config });
      await opens(server, { user: "signalbox", passwordFile: await file("password", "p w\n") });
    });

    it.each([
      ["another password", { user: "signalbox", password: "wrong" }],
      ["another user", { user: "somebody", password: "p w" }],
      ["no login", {}],
    ])("is refused with %s, at once", async (_, login) => {
      await isRefused(await start({ config }), { ...login, timeouts: { openMs: 60_000 } });
    });
  });

  it("by token, from a file", async () => {
    const server = await start({ config: () => "authorization { token: abc123 }" });
    await opens(server, { tokenFile: await file("token", "abc123\n") });
    await isRefused(server, { token: "abc124" });
  });

  it("by nkey", async () => {
    const user = nkeys.createUser();
    const seed = (pair: typeof user) => Buffer.from(pair.getSeed()).toString();
    const server = await start({ config: () => `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }` });
    await opens(server, { nkeySeedFile: await file("user.nk", `${seed(user)}\n`) });
    await isRefused(server, { nkeySeedFile: await file("other.nk", seed(nkeys.createUser())) });
  });

  it("by credentials", async () => {
    const credentials = makeCredentials();
    const server = await start({ config: () => credentials.config });
    await opens(server, { credentialsFile: await file("user.creds", credentials.user) });
    await isRefused(server, { credentialsFile: await file("other.creds", makeCredentials().user) });
    await isRefused(server, { credentialsFile: await file("no.creds", "nothing") }, "SB_CONFIG_INVALID");
  });

  it("takes a new password from the file after the server has changed it", async () => {
    const passwordFile = await file("password", "old");
    const authorization = (password: string) => `authorization { user: a, password: ${password} }`;
    const server = await start({ config: () => "include login.conf", files: { "login.conf": authorization("old") } });
    const book = new LogBook();
    const { log } = await opened.stores(server.address, { user: "a", passwordFile, logger: book.logger });
    const { seq } = await log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    await server.kill();
    await server.replaceFile("login.conf", authorization("new"));
    await server.start();
    const appending = log.append("a", 2, { expectedSeq: seq, messageId: "m2" });
    await writeFile(passwordFile, "new");
    expect((await appending).seq).toBe(seq + 1);
  });

  it("needs no more permissions than the documentation lists", async () => {
    const publish = '["$JS.API.>", "$JS.ACK.>", "signalbox.>", "_INBOX.>"]';
    const subscribe = '["_INBOX.>", "signalbox.rpc.>", "signalbox.event.>"]';
    const permissions = `{ publish: ${publish}, subscribe: ${subscribe} }`;
    const server = await start({
      config: () => `authorization { users: [ { user: a, password: a, permissions: ${permissions} } ] }`,
    });
    const book = new LogBook();
    const login = { user: "a", password: "a", logger: book.logger };
    const { log, queues, bus, healthy, drain } = await opened.stores(server.address, login);
    const { seq } = await log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
    await log.append("a", 2, { expectedSeq: seq, messageId: "m2" });
    expect(await all(log.read(1))).toHaveLength(2);
    expect(await all(log.lastOfEach())).toHaveLength(1);
    await log.purge("a");
    const queue = queues.queue("jobs");
    await queue.offer({ id: "a", body: 1 });
    const signal = new AbortController().signal;
    await (await queue.take(signal)).nak(0);
    const delivery = await queue.take(signal);
    await delivery.inProgress();
    await delivery.ack();
    bus.subscribe("news", () => undefined);
    bus.respond("svc", async () => "answer");
    await bus.publish("news", 1);
    expect(await bus.request("svc", 1, { timeoutMs: 10_000 })).toBe("answer");
    expect(await healthy()).toBeUndefined();
    await drain();
    expect(book.told).toEqual([]);
  });

  it("says what the user may not do", async () => {
    const server = await start({
      config: () =>
        'authorization { users: [ { user: a, password: a, permissions: { publish: ["$JS.API.>"], subscribe: "_INBOX.>" } } ] }',
    });
    const book = new LogBook();
    const { log } = await opened.stores(server.address, { user: "a", password: "a", logger: book.logger });
    await expect(log.append("a", 1, { expectedSeq: 0, messageId: "m1" })).rejects.toMatchObject({
      code: "SB_STORE_AUTH",
      transient: false,
    });
    expect(book.lines).toContainEqual(
      expect.objectContaining({ fields: { operation: "publish", subject: "signalbox.log.a" } }),
    );
  });

  describe("over TLS", () => {
    let authority: Authority;
    let server: RunningNatsServer;
    const tls = (more = "") => ({
      config: (files: string) =>
        `tls { cert_file: "${files}/server.pem", key_file: "${files}/server.key", ca_file: "${files}/ca.pem"${more} }`,
    });
    const startTls = async (more?: string) => {
      authority = await makeAuthority("Test CA");
      const { certificate, key } = await authority.issue({ ip: "127.0.0.1", name: "localhost" });
      const files = { "server.pem": certificate, "server.key": key, "ca.pem": authority.certificate };
      server = await start({ ...tls(more), files });
    };

    it("opens with the authority's certificate, as text or file", async () => {
      await startTls();
      await opens(server, { tls: { ca: authority.certificate } });
      const other = await opened.stores(server.address, {
        tls: { caFile: await file("ca.pem", authority.certificate) },
      });
      expect(await other.log.position()).toBe(1);
    });

    it.each([
      ["by default", {}],
      ["with another authority", { tls: { ca: "other" } }],
    ])("does not trust an unknown certificate %s", async (_, options) => {
      await startTls();
      const ca = (await makeAuthority("Other CA")).certificate;
      const opening = opened.stores(server.address, "tls" in options ? { tls: { ca } } : {});
      await expect(opening).rejects.toMatchObject({
        code: "SB_STORE_UNREACHABLE",
        transient: false,
        message: expect.stringMatching(/over TLS: .*certificate/),
      });
    });

    it("shows a client certificate where the server asks for one", async () => {
      await startTls(", verify: true");
      const mine = await authority.issue({ name: "signalbox" });
      const theirs = await (await makeAuthority("Other CA")).issue({ name: "somebody" });
      const ca = authority.certificate;
      await opens(server, { tls: { ca, certificate: mine.certificate, key: mine.key } });
      for (const [tls, message] of [
        [{ ca }, "asks for a client certificate"],
        [{ ca, certificate: theirs.certificate, key: theirs.key }, "does not accept the client certificate"],
      ] as const) {
        await expect(opened.stores(server.address, { tls, timeouts: { connectMs: 500 } })).rejects.toMatchObject({
          code: "SB_STORE_AUTH",
          transient: false,
          message: expect.stringContaining(message),
        });
      }
    });

    it("says that the server has no TLS", async () => {
      const plain = await start({});
      await isRefused(plain, { tls: {} }, "SB_CONFIG_INVALID");
    });
  });

  it("waits for a server that starts later", async () => {
    const server = await start({});
    await server.kill();
    const opening = opened.stores(server.address);
    await server.start();
    expect(await (await opening).log.position()).toBe(0);
  });

  it("gives up on a server that does not start", async () => {
    const server = await start({});
    await server.kill();
    await expect(opened.stores(server.address, { timeouts: { openMs: 100 } })).rejects.toMatchObject({
      code: "SB_STORE_UNREACHABLE",
      transient: true,
      message: expect.stringContaining(server.address),
    });
  });
});
