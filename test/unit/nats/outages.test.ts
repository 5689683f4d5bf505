import { beforeEach, describe, expect, it } from "vitest";
import { Outages } from "../../../src/adapters/nats/outages.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { RecordingLogger } from "../http/recording-logger.ts";

describe("outages in the log", () => {
  let clock: VirtualClock;
  let logger: RecordingLogger;
  let outages: Outages;
  beforeEach(() => {
    clock = new VirtualClock(1000);
    logger = new RecordingLogger();
    outages = new Outages({ clock, logger });
  });
  const told = () => logger.lines.map(({ level, fields }) => `${level} ${String(fields["outage"])}`);

  it("are told once when they begin and once when they are over, with how long they lasted", async () => {
    for (let n = 0; n < 100; n += 1) outages.begin("connection", "lost");
    expect(outages.none).toBe(false);
    await clock.advance(250);
    for (let n = 0; n < 100; n += 1) outages.end("connection");
    expect(outages.none).toBe(true);
    expect(told()).toEqual(["error connection", "info connection"]);
    expect(logger.lines[1]?.fields).toEqual({ outage: "connection", lastedMs: 250 });
  });

  it("of streams are not told while the connection is lost", () => {
    outages.begin("connection", "lost");
    outages.begin("stream a", "no answer");
    outages.begin("space a", "full");
    outages.end("connection");
    outages.end("stream a");
    expect(told()).toEqual(["error connection", "info connection"]);
  });

  it("of several streams for one reason are told once, and each for itself when it fails again", () => {
    outages.begin("stream a", "no answer");
    outages.begin("stream b", "no answer");
    outages.end("stream a");
    outages.end("stream b");
    expect(told()).toEqual(["error stream a", "info stream a"]);
    outages.begin("space a", "full");
    outages.begin("stream b", "no answer");
    outages.end("stream b");
    outages.end("space a");
    expect(told().slice(2)).toEqual(["error space a", "error stream b", "info stream b", "info space a"]);
  });

  it("do not begin again by an answer that is missing since before their end", async () => {
    outages.begin("stream a", "no answer", clock.monotonic());
    const sentAt = clock.monotonic();
    await clock.advance(10);
    outages.end("stream a");
    outages.begin("stream a", "no answer", sentAt);
    expect(told()).toHaveLength(2);
    await clock.advance(10);
    outages.begin("stream a", "no answer", clock.monotonic());
    expect(told()).toHaveLength(3);
  });
});
