import { describe, expect, it } from "vitest";
import { type EventFeed, EventFeedPublisher } from "../../../src/actors/event-feed.ts";
import type { TransitionView } from "../../../src/actors/gateway-api.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { FakeGateway } from "../http/fake-gateway.ts";
import { RecordingLogger } from "../http/recording-logger.ts";

/** A feed in memory that fails as it is told to, and tells of each addition. */
class FakeFeed implements EventFeed {
  readonly added: number[] = [];
  readonly failures: Error[] = [];
  /** Adds this before the next publication is looked at, as another publisher would. */
  rival: number | undefined;
  #seen = 0;
  #wake = () => {};
  #read = () => {};

  async last(): Promise<number> {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    this.#seen = this.added.length;
    this.#read();
    return this.added.at(-1) ?? 0;
  }

  /** Resolves when somebody has asked for the last one and it was this. */
  isRead(seq: number): Promise<void> {
    return new Promise((resolve) => {
      this.#read = () => {
        if (this.added.at(-1) === seq) resolve();
      };
    });
  }

  /** Transitions that were on their way at once, at most. */
  most = 0;
  #onTheirWay = 0;

  async publish({ seq }: TransitionView): Promise<boolean> {
    if (this.rival !== undefined) this.added.push(this.rival);
    this.rival = undefined;
    this.#onTheirWay += 1;
    this.most = Math.max(this.most, this.#onTheirWay);
    await new Promise((resolve) => setImmediate(resolve));
    this.#onTheirWay -= 1;
    if (this.added.includes(seq)) return false;
    if (this.#seen !== this.added.length) throw new SignalboxError("SB_SEQUENCE_CONFLICT", "somebody was faster");
    this.added.push(seq);
    this.#seen += 1;
    this.#wake();
    return true;
  }

  until(seq: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        if (this.added.at(-1) === seq) resolve();
      };
      this.#wake();
    });
  }
}

/** A clock on which every wait is over at once, and that remembers how long they would have been. */
function instantClock() {
  const slept: number[] = [];
  return {
    slept,
    now: () => 0,
    monotonic: () => 0,
    after: () => () => {},
    sleep: async (ms: number) => {
      slept.push(ms);
    },
  };
}

async function gatewayWith(count: number): Promise<FakeGateway> {
  const gateway = new FakeGateway();
  for (let n = 1; n <= count; n += 1) await gateway.create("edge_router", { ip: `10.0.0.${n}`, name: "slow" });
  return gateway;
}

function start(api: FakeGateway, feed: FakeFeed) {
  const clock = instantClock();
  const logger = new RecordingLogger();
  const publisher = new EventFeedPublisher({ api, feed, clock, logger });
  publisher.start();
  return { publisher, clock, logger };
}

describe("the publisher of transitions", () => {
  it("publishes what follows the last one, and goes on live until it is stopped", async () => {
    const api = await gatewayWith(3);
    const feed = new FakeFeed();
    feed.added.push(1);
    const { publisher, logger } = start(api, feed);
    await feed.until(3);
    await api.create("edge_router", { ip: "10.0.0.9", name: "slow" });
    await feed.until(4);
    await publisher.stop();
    await api.create("edge_router", { ip: "10.0.0.10", name: "slow" });
    expect(feed.added).toEqual([1, 2, 3, 4]);
    expect(api.signals.every(({ aborted }) => aborted)).toBe(true);
    expect(logger.lines).toEqual([]);
  });

  it.each([
    ["the same", 1],
    ["something else", 2],
  ])("leaves the feed to another publisher that has added %s, until it falls silent", async (_, rival) => {
    const api = await gatewayWith(3);
    const feed = new FakeFeed();
    feed.rival = rival;
    const { publisher, clock, logger } = start(api, feed);
    await feed.until(3);
    await publisher.stop();
    expect(feed.added).toEqual(rival === 1 ? [1, 2, 3] : [2, 3]);
    expect(clock.slept).toEqual([500, 500]);
    expect(logger.lines).toEqual([]);
  });

  it("adds nothing while another publisher does", async () => {
    const api = await gatewayWith(5);
    const feed = new FakeFeed();
    // Whenever it looks again the other one has added one more.
    const clock = {
      ...instantClock(),
      sleep: async () => {
        if (feed.added.length < 5) feed.added.push(feed.added.length + 1);
      },
    };
    const publisher = new EventFeedPublisher({ api, feed, clock, logger: new RecordingLogger() });
    publisher.start();
    await feed.isRead(5);
    expect(feed.most).toBe(0);
    await api.create("edge_router", { ip: "10.0.0.9", name: "slow" });
    await feed.until(6);
    await publisher.stop();
    expect(feed.added).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("sends the first one alone, then many at once", async () => {
    const api = await gatewayWith(100);
    const feed = new FakeFeed();
    const { publisher } = start(api, feed);
    await feed.until(1);
    expect(feed.most).toBe(1);
    await feed.until(100);
    await publisher.stop();
    expect(feed.added).toHaveLength(100);
    expect([feed.most > 8, feed.most <= 64]).toEqual([true, true]);
  });

  it("waits longer and longer over an outage, and tells its begin and its end once", async () => {
    const api = await gatewayWith(1);
    const feed = new FakeFeed();
    for (let n = 0; n < 6; n += 1) feed.failures.push(new SignalboxError("SB_STORE_FAILED", "no server"));
    const { publisher, clock, logger } = start(api, feed);
    await feed.until(1);
    await publisher.stop();
    expect(clock.slept).toEqual([50, 100, 200, 400, 800, 1600, 500]);
    const told = logger.lines
      .filter(({ level }) => level !== "debug")
      .map(({ level, message }) => `${level}: ${message}`);
    expect(told).toEqual([
      "error: transitions cannot be published; trying again",
      "info: transitions are published again",
    ]);
  });

  it("stops although the feed never answers well", async () => {
    const feed = new FakeFeed();
    feed.last = async () => {
      throw new Error("broken");
    };
    const { publisher, logger } = start(await gatewayWith(1), feed);
    await publisher.stop();
    expect(logger.lines.map(({ level }) => level)).toEqual([]);
  });
});
