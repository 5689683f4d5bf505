import { readFile } from "node:fs/promises";
import {
  type ConnectionOptions,
  connect,
  createInbox,
  headers,
  type NatsConnection,
  RequestStrategy,
  StringCodec,
} from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";

const accounts = new URL("../../../deploy/nats/accounts.conf", import.meta.url);
const passwords = { SYSTEM_PASSWORD: "s", SIGNALBOX_PASSWORD: "p", API_PASSWORD: "a" };
const text = StringCodec();
const LOG = "signalbox-log";
const ECHO = "signalbox.v2.networks.get";
const EVENTS = "SIGNALBOX_EVENTS";

describe("the accounts of deploy/nats", () => {
  let server: RunningNatsServer;
  const connections: NatsConnection[] = [];
  const open = async (options: ConnectionOptions): Promise<NatsConnection> => {
    const connection = await connect({ servers: server.address, reconnect: false, ...options });
    connections.push(connection);
    return connection;
  };
  const client = () => open({ user: "api", pass: "a", inboxPrefix: "_INBOX_api" });
  let program: NatsConnection;
  const messages = async (stream: string) =>
    (await (await program.jetstreamManager()).streams.info(stream)).state.messages;

  beforeAll(async () => {
    server = await startNatsServer({
      config: () => 'include "accounts.conf"',
      files: {
        "accounts.conf": await readFile(accounts, "utf8"),
        "passwords.conf": Object.entries(passwords)
          .map(([name, password]) => `${name}: "${password}"\n`)
          .join(""),
      },
    });
    program = await open({ user: "signalbox", pass: "p" });
    const manager = await program.jetstreamManager();
    await manager.streams.add({ name: LOG, subjects: ["signalbox.log.>"] });
    await manager.streams.add({
      name: EVENTS,
      subjects: ["signalbox.v2.feed.*.*"],
      republish: { src: "signalbox.v2.feed.>", dest: "signalbox.v2.events.>" },
    });
    // What the gateway serves, with a queue group as every endpoint has it.
    program.subscribe(ECHO, {
      queue: "q",
      callback: (_error, message) => message.respond(message.data),
    });
    program.subscribe("signalbox.v2.events.replay", { callback: (_error, message) => message.respond(message.data) });
    program.subscribe("$SRV.PING", { callback: (_error, message) => message.respond(text.encode("one")) });
    program.subscribe("$SRV.PING", { callback: (_error, message) => message.respond(text.encode("two")) });
    await program.flush();
  });
  afterAll(async () => {
    for (const connection of connections) await connection.close();
    await server.stop();
  });

  /** What the server says to a publish that it does not take; it says so before it answers the ping of `flush`. */
  const refusalOf = async (from: NatsConnection, act: () => void): Promise<string> => {
    const told: string[] = [];
    void (async () => {
      for await (const { type, data } of from.status()) if (type === "error") told.push(String(data));
    })();
    act();
    await from.flush();
    // Once more, so that the loop has read it.
    await from.flush();
    return told[0] ?? "taken";
  };

  describe("let the program", () => {
    it("make streams, write to them with an expected sequence, and read them", async () => {
      const stream = program.jetstream();
      const before = await messages(LOG);
      const { seq } = await stream.publish("signalbox.log.a.b", text.encode("1"), {
        expect: { lastSubjectSequence: 0 },
      });
      expect(await messages(LOG)).toBe(before + 1);
      const manager = await program.jetstreamManager();
      expect(text.decode((await manager.streams.getMessage(LOG, { seq })).data)).toBe("1");
      await manager.consumers.add(LOG, { durable_name: "takers", ack_policy: "explicit" as never });
      expect((await manager.consumers.info(LOG, "takers")).name).toBe("takers");
    });

    it("have a key-value bucket", async () => {
      const bucket = await program.jetstream().views.kv("members");
      await bucket.put("a", text.encode("1"));
      expect((await bucket.get("a"))?.string()).toBe("1");
    });

    it("ask its own processes", async () => {
      const other = await open({ user: "signalbox", pass: "p" });
      other.subscribe("signalbox.rpc.stop", { callback: (_error, message) => message.respond(text.encode("ok")) });
      await other.flush();
      expect(text.decode((await program.request("signalbox.rpc.stop")).data)).toBe("ok");
    });
  });

  describe("let a client", () => {
    it("call the API, with headers", async () => {
      const from = await client();
      const head = headers();
      head.set("Tenant", "t1");
      const answer = await from.request(ECHO, text.encode("hello"), { timeout: 5000, headers: head });
      expect(text.decode(answer.data)).toBe("hello");
    });

    it("discover the services, with every answer", async () => {
      const from = await client();
      const answers = await from.requestMany("$SRV.PING", undefined, {
        strategy: RequestStrategy.Count,
        maxMessages: 2,
        maxWait: 5000,
      });
      const got: string[] = [];
      for await (const answer of answers) got.push(text.decode(answer.data));
      expect(got.sort()).toEqual(["one", "two"]);
    });

    it("follow the events, which the stream tells on once it has them", async () => {
      const from = await client();
      const events = from.subscribe("signalbox.v2.events.>", { max: 1 });
      await from.flush();
      await program.jetstream().publish("signalbox.v2.feed.network.n1", text.encode("ACTIVE"));
      for await (const event of events) {
        expect(event.subject).toBe("signalbox.v2.events.network.n1");
        expect(text.decode(event.data)).toBe("ACTIVE");
      }
    });

    it("ask for past events, unseen by other clients that follow events", async () => {
      const [from, other] = [await client(), await client()];
      const events = other.subscribe("signalbox.v2.events.>", { max: 1 });
      await other.flush();
      const answer = await from.request("signalbox.v2.events.replay", text.encode("since 1"), { timeout: 5000 });
      expect(text.decode(answer.data)).toBe("since 1");
      program.publish("signalbox.v2.events.network.n2", text.encode("next"));
      for await (const event of events) expect(event.subject).toBe("signalbox.v2.events.network.n2");
    });
  });

  describe("do not let a client", () => {
    it.each([
      "signalbox.log.a.b",
      "signalbox.queue.jobs.1",
      "signalbox.rpc.stop",
      "signalbox.event.a",
      "signalbox.v2.events.network.forged",
      "signalbox.v2.feed.network.forged",
      "signalbox.v2",
      "$JS.API.INFO",
      `$JS.API.STREAM.INFO.${LOG}`,
      `$JS.API.STREAM.DELETE.${LOG}`,
      `$JS.API.STREAM.MSG.GET.${LOG}`,
      "$JS.ACK.x",
      "$KV.members.a",
      "$SYS.REQ.SERVER.PING",
      "_INBOX.somebody",
      "_INBOX_api.another",
      "anything",
    ])("publish %s", async (subject) => {
      const from = await client();
      expect(await refusalOf(from, () => from.publish(subject))).toBe("PERMISSIONS_VIOLATION");
    });

    it.each([
      ">",
      "*.>",
      "signalbox.>",
      "signalbox.log.>",
      "signalbox.v2.>",
      "signalbox.v2.*.*",
      "signalbox.v2.feed.>",
      "signalbox.v2.events.replay",
      ECHO,
      "$SRV.>",
      "$SRV.PING",
      "$JS.>",
      "$KV.>",
      "$SYS.>",
      "_INBOX.>",
      "_INBOX_other.>",
      "_R_.>",
    ])("subscribe to %s", async (subject) => {
      const from = await client();
      let refusal = "taken";
      from.subscribe(subject, {
        callback: (error) => {
          refusal = error?.code ?? refusal;
        },
      });
      await from.flush();
      expect(refusal).toBe("PERMISSIONS_VIOLATION");
    });

    it("use JetStream", async () => {
      const from = await client();
      await expect(from.jetstreamManager({ timeout: 5000 })).rejects.toMatchObject({
        code: expect.stringMatching(/PERMISSIONS_VIOLATION|503/),
      });
    });

    // With one account for all, these would be written by the program.
    it.each([
      "signalbox.log.forged",
      "signalbox.v2.feed.network.forged",
      "$JS.API.STREAM.PURGE.signalbox-log",
      "$KV.members.forged",
    ])("have an answer sent to %s in the program's account", async (reply) => {
      const from = await client();
      const before = [await messages(LOG), await messages(EVENTS)];
      from.publish(ECHO, text.encode("{}"), { reply });
      await from.flush();
      // Served in order: when this answer is here, the one before was sent.
      await from.request(ECHO, text.encode("after"), { timeout: 5000 });
      await program.flush();
      expect([await messages(LOG), await messages(EVENTS)]).toEqual(before);
      expect(await (await program.jetstream().views.kv("members")).get("forged")).toBeNull();
    });

    it("read the answers to the program", async () => {
      const from = await client();
      const inbox = createInbox("_INBOX_api");
      const seen = from.subscribe(inbox, { max: 1 });
      await from.flush();
      // The same subject in the program's account is another one.
      program.publish(inbox, text.encode("secret"));
      await program.flush();
      from.publish(ECHO, text.encode("mine"), { reply: inbox });
      for await (const message of seen) expect(text.decode(message.data)).toBe("mine");
    });
  });

  it.each([
    ["no login", {}],
    ["another password", { user: "api", pass: "p" }],
    ["another user", { user: "root", pass: "a" }],
  ])("refuse %s", async (_, login) => {
    await expect(connect({ servers: server.address, reconnect: false, ...login })).rejects.toMatchObject({
      code: "AUTHORIZATION_VIOLATION",
    });
  });
});
