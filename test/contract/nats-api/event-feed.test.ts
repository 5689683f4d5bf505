import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { JsMsg, Msg, NatsConnection } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventFeedPublisher } from "../../../src/actors/event-feed.ts";
import type { TransitionView } from "../../../src/actors/gateway-api.ts";
import { NatsEventFeed, type NatsEventFeedOptions } from "../../../src/adapters/nats-api/nats-event-feed.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { FakeGateway } from "../../unit/http/fake-gateway.ts";
import { countedTransition } from "./counted-transitions.ts";
import { ask, GatewayHarness } from "./gateway-harness.ts";

let harness: GatewayHarness;
let client: NatsConnection;

beforeEach(async () => {
  harness = await GatewayHarness.start();
  client = await harness.open();
});
afterEach(() => harness.close());

async function publish(
  api: Pick<FakeGateway, "transitions">,
  options: Partial<NatsEventFeedOptions> = {},
): Promise<EventFeedPublisher> {
  const feed = new NatsEventFeed({ connection: await harness.open(), timeoutMs: 1000, ...options });
  const publisher = new EventFeedPublisher({ api, feed, clock: systemClock, logger: harness.logger });
  harness.later(() => publisher.stop());
  publisher.start();
  return publisher;
}

/** Listens plainly, until a transition of that position came. */
function listen(subject = "signalbox.v2.events.>") {
  const heard: Msg[] = [];
  let look = () => {};
  client.subscribe(subject, {
    callback: (_error, message) => {
      heard.push(message);
      look();
    },
  });
  const until = (seq: number) =>
    new Promise<void>((resolve) => {
      look = () => {
        if (heard.some((message) => seqOf(message) === seq)) resolve();
      };
      look();
    });
  return { heard, until };
}

const seqOf = (message: Msg | JsMsg) => Number(message.headers?.get("Signalbox-Seq"));
const seqs = (messages: ReadonlyArray<Msg | JsMsg>) => messages.map(seqOf);
const upTo = (n: number) => Array.from({ length: n }, (_, at) => at + 1);

/** What an ordered consumer reads from a sequence of the stream on. */
async function replayed(fromStreamSeq: number): Promise<JsMsg[]> {
  const consumer = await client.jetstream().consumers.get("SIGNALBOX_EVENTS", { opt_start_seq: fromStreamSeq });
  const { state } = await (await client.jetstreamManager()).streams.info("SIGNALBOX_EVENTS");
  const found: JsMsg[] = [];
  const messages = await consumer.consume();
  for await (const message of messages) {
    found.push(message);
    if (message.seq === state.last_seq) break;
  }
  await messages.close();
  return found;
}

const router = { edge_router: { name: "r1", ip: "10.0.0.1", password: "hidden" } };

describe("the feed", () => {
  it("tells each transition on its resource's subject, live, without secrets", async () => {
    const gateway = new FakeGateway();
    await harness.serve(gateway);
    await publish(gateway);
    const { heard, until } = listen();
    await client.flush();
    const { body } = await ask(client, "edge_routers.create", router);
    const { id } = (body as { edge_router: { id: string } }).edge_router;
    await until(2);
    expect(heard.map(({ subject }) => subject)).toEqual(Array(2).fill(`signalbox.v2.events.edge_router.${id}`));
    expect(heard.map((message) => message.json())).toEqual(gateway.log);
    expect(heard.map(({ headers }) => headers?.get("Nats-Msg-Id"))).toEqual(["transition-1", "transition-2"]);
    // Where to begin a replay after it.
    expect(heard.map(({ headers }) => headers?.get("Nats-Sequence"))).toEqual(["1", "2"]);
    expect(heard.map((message) => message.string()).join()).not.toContain("hidden");
  });

  it("replays from a sequence of the stream", async () => {
    const gateway = new FakeGateway();
    for (const last of [1, 2, 3]) await gateway.create("edge_router", { ip: `10.0.0.${last}`, name: "slow" });
    const { until } = listen();
    await publish(gateway);
    await until(3);
    expect(seqs(await replayed(2))).toEqual([2, 3]);
    expect((await replayed(1)).map((message) => message.json())).toEqual(gateway.log);
  });

  it("goes on after the last one in the stream, also when the stream's have all gone", async () => {
    const gateway = new FakeGateway();
    await gateway.create("edge_router", { ip: "10.0.0.1", name: "slow" });
    const { heard, until } = listen();
    const first = await publish(gateway);
    await until(1);
    await first.stop();
    await gateway.create("edge_router", { ip: "10.0.0.2", name: "slow" });
    const second = await publish(gateway);
    await until(2);
    await second.stop();
    const manager = await client.jetstreamManager();
    for (let kept = 0; kept < 2; ) {
      const info = await manager.streams.info("SIGNALBOX_EVENTS_LAST");
      const last =
        info.state.messages === 0
          ? undefined
          : await manager.streams.getMessage("SIGNALBOX_EVENTS_LAST", { seq: info.state.last_seq });
      kept = Number(last?.header.get("Signalbox-Seq") ?? 0);
    }
    await manager.streams.purge("SIGNALBOX_EVENTS");
    await gateway.create("edge_router", { ip: "10.0.0.3", name: "slow" });
    await publish(gateway);
    await until(3);
    expect(seqs(heard)).toEqual([1, 2, 3]);
    expect(seqs(await replayed(1))).toEqual([3]);
  });

  it("is built anew from the log when somebody removes its streams", async () => {
    const gateway = new FakeGateway();
    await gateway.create("edge_router", { ip: "10.0.0.1", name: "slow" });
    const { until } = listen();
    await publish(gateway);
    await until(1);
    const manager = await client.jetstreamManager();
    await manager.streams.delete("SIGNALBOX_EVENTS_LAST");
    await manager.streams.delete("SIGNALBOX_EVENTS");
    await gateway.create("edge_router", { ip: "10.0.0.2", name: "slow" });
    await until(2);
    expect(seqs(await replayed(1))).toEqual([1, 2]);
  });

  it("survives a restart of the server", async () => {
    const gateway = new FakeGateway();
    await gateway.create("edge_router", { ip: "10.0.0.1", name: "slow" });
    const { until } = listen();
    await publish(gateway);
    await until(1);
    await harness.server.kill();
    await gateway.create("edge_router", { ip: "10.0.0.2", name: "slow" });
    await harness.server.start();
    await gateway.create("edge_router", { ip: "10.0.0.3", name: "slow" });
    await until(3);
    expect(seqs(await replayed(1))).toEqual([1, 2, 3]);
  });
});

describe("several publishers", () => {
  it("add nothing after what they have not seen", async () => {
    const [slow, fast] = [new NatsEventFeed({ connection: client }), new NatsEventFeed({ connection: client })];
    const conflict = { code: "SB_SEQUENCE_CONFLICT" };
    await expect(slow.publish(countedTransition(1))).rejects.toMatchObject(conflict);
    expect([await slow.last(), await fast.last()]).toEqual([0, 0]);
    for (const seq of [1, 4, 9]) await fast.publish(countedTransition(seq));
    // What the other one has added too is there once; what it has not seen the end of is refused.
    await slow.publish(countedTransition(1));
    await expect(slow.publish(countedTransition(12))).rejects.toMatchObject(conflict);
    expect(await slow.last()).toBe(9);
    await slow.publish(countedTransition(12));
    await expect(fast.publish(countedTransition(15))).rejects.toMatchObject(conflict);
    expect(seqs(await replayed(1))).toEqual([1, 4, 9, 12]);
  });

  it("make one sequence, each transition once, live and in the stream", async () => {
    const gateway = new FakeGateway();
    const { heard, until } = listen();
    await publish(gateway);
    await publish(gateway);
    for (let n = 0; n < 200; n += 1) {
      await gateway.create("edge_router", { ip: `10.0.${n >> 8}.${n & 255}`, name: "slow" });
      if (n % 20 === 0) await client.flush();
    }
    await until(200);
    await client.flush();
    expect(seqs(heard)).toEqual(upTo(200));
    expect(seqs(await replayed(1))).toEqual(upTo(200));
  });

  it("of two processes go on without a gap or a repetition when one is killed", async () => {
    const count = 3000;
    const { heard, until } = listen();
    await client.flush();
    const [first] = [publisherProcess(count), publisherProcess(count)];
    await until(400);
    first.kill("SIGKILL");
    await until(count);
    await client.flush();
    expect(seqs(heard)).toEqual(upTo(count));
    expect(seqs(await replayed(1))).toEqual(upTo(count));
    expect(heard.at(-1)?.json<TransitionView>()).toEqual(countedTransition(count));
  });

  /** A publisher in a process of its own, of a log that both have. */
  function publisherProcess(count: number): ChildProcess {
    const program = fileURLToPath(new URL("./counted-transitions.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", program, harness.server.address, String(count)], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    harness.later(async () => {
      child.kill("SIGKILL");
      await ended;
    });
    return child;
  }
});

describe("the streams", () => {
  const infoOf = async (name: string) => (await (await client.jetstreamManager()).streams.info(name)).config;

  it("have the limits that are asked for, and take other ones at the next start", async () => {
    const feed = (limits: object, namespace = "signalbox") =>
      new NatsEventFeed({ connection: client, limits, namespace }).last();
    expect(await feed({ maxAgeMs: 60_000, maxBytes: 1_000_000 })).toBe(0);
    expect(await infoOf("SIGNALBOX_EVENTS")).toMatchObject({
      subjects: ["signalbox.v2.feed.*.*"],
      max_age: 60_000_000_000,
      max_bytes: 1_000_000,
      duplicate_window: 60_000_000_000,
      discard: "old",
    });
    expect(await feed({ maxAgeMs: 3_600_000, maxBytes: 2_000_000 })).toBe(0);
    expect(await infoOf("SIGNALBOX_EVENTS")).toMatchObject({ max_age: 3_600_000_000_000, max_bytes: 2_000_000 });
    await feed({}, "other");
    expect(await infoOf("OTHER_EVENTS")).toMatchObject({ subjects: ["other.v2.feed.*.*"] });
  });

  it("of somebody else are left alone", async () => {
    await (await client.jetstreamManager()).streams.add({ name: "SIGNALBOX_EVENTS", subjects: ["theirs"] });
    const feed = new NatsEventFeed({ connection: client });
    await expect(feed.last()).rejects.toMatchObject({ code: "SB_CONFIG_INVALID" });
    expect(await infoOf("SIGNALBOX_EVENTS")).toMatchObject({ subjects: ["theirs"] });
  });

  it("of several processes that start together are made once", async () => {
    const feeds = Array.from({ length: 8 }, () => new NatsEventFeed({ connection: client }));
    expect(await Promise.all(feeds.map((feed) => feed.last()))).toEqual(Array(8).fill(0));
  });

  it("are needed: without JetStream the error says so", async () => {
    const feed = new NatsEventFeed({ connection: client, timeoutMs: 1000 });
    await harness.close();
    await expect(feed.last()).rejects.toMatchObject({ code: "SB_STORE_FAILED" });
  });
});

describe("a replay by request", () => {
  beforeEach(async () => {
    const gateway = new FakeGateway();
    for (let n = 1; n <= 5; n += 1) await gateway.create("edge_router", { ip: `10.0.0.${n}`, name: "slow" });
    await harness.serve(gateway);
  });
  const page = async (body?: object) => {
    const answer = await ask(client, "events.replay", body);
    const { transitions, ...rest } = answer.body as { transitions: TransitionView[]; next: number; more: boolean };
    return { seqs: transitions.map(({ seq }) => seq), ...rest };
  };

  it("answers pages, and where the next one begins", async () => {
    expect(await page({ from: 1, limit: 2 })).toEqual({ seqs: [1, 2], next: 3, more: true });
    expect(await page({ from: 3, limit: 3 })).toEqual({ seqs: [3, 4, 5], next: 6, more: false });
    expect(await page({ from: 6 })).toEqual({ seqs: [], next: 6, more: false });
    expect(await page()).toEqual({ seqs: [1, 2, 3, 4, 5], next: 6, more: false });
  });

  it.each([[{ from: -1 }], [{ from: "1" }], [{ limit: 0 }], [{ limit: 1001 }], [{ limit: 1.5 }], [{ form: 1 }]])(
    "refuses %j",
    async (body) => {
      const answer = await ask(client, "events.replay", body);
      expect(answer).toMatchObject({ status: 400, body: { code: "SB_INVALID_BODY" } });
    },
  );

  it("keeps a page within what the server carries", async () => {
    const gateway = new FakeGateway();
    for (let n = 1; n <= 10; n += 1) await gateway.create("vpn_service", { name: "x".repeat(200_000) });
    await harness.serve(gateway, { namespace: "large" });
    const first = JSON.parse((await client.request("large.v2.events.replay", "")).string());
    expect(first).toMatchObject({ next: 6, more: true });
    expect(first.transitions).toHaveLength(5);
  });
});
