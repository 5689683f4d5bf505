import { describe, expect, it } from "vitest";
import { OperationalSessions } from "../../../src/actors/monitoring/operational-sessions.ts";
import { PollSchedule } from "../../../src/actors/monitoring/poll-schedule.ts";
import type { RouterAddress } from "../../../src/actors/ports.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { element } from "../../../src/xml/element.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { FakeConnector, lost } from "../actors/monitoring/fakes.ts";
import { JUMPS, settle } from "./jump.ts";

const mx1: RouterAddress = { host: "mx-1", port: 830, username: "lab", password: "secret" };
const question = element("get-vrrp-information");

function start(idleMs: number) {
  const clock = new VirtualClock(1_700_000_000_000);
  const connector = new FakeConnector();
  connector.answer = () => element("answer");
  return { clock, connector, sessions: new OperationalSessions({ connector, clock, logger: silentLogger, idleMs }) };
}

describe.each(JUMPS)("with the wall clock set $name", ({ ms }) => {
  it("what is polled is due after its interval, before and after", () => {
    const clock = new VirtualClock(1_700_000_000_000);
    const seen: [string, number][] = [];
    const schedule = new PollSchedule<string>(clock, 100, (items) => {
      for (const item of items) seen.push([item, clock.monotonic()]);
    });
    schedule.set("before", 5_000);
    clock.jump(ms);
    schedule.set("after", 3_000);
    clock.advance(2_999);
    expect(seen).toEqual([]);
    clock.advance(10_000);
    expect(seen).toEqual([
      ["after", 3_000],
      ["before", 5_000],
    ]);
  });

  it("a device that could not be reached is left alone for its hold-down, no longer and no shorter", async () => {
    const { clock, connector, sessions } = start(60_000);
    connector.error = lost();
    await sessions.ask(mx1, question).catch(() => undefined);
    connector.error = undefined;
    clock.jump(ms);
    clock.advance(249);
    await expect(sessions.ask(mx1, question)).rejects.toMatchObject({ code: "SB_DEVICE_CLOSED" });
    clock.advance(1);
    expect((await sessions.ask(mx1, question)).name).toBe("answer");
  });

  it("a session is closed when it was idle for long enough", async () => {
    const { clock, connector, sessions } = start(60_000);
    await sessions.ask(mx1, question);
    clock.jump(ms);
    clock.advance(59_999);
    await settle();
    expect(connector.sessions[0]?.isOpen).toBe(true);
    clock.advance(1);
    await settle();
    expect(connector.sessions[0]?.isOpen).toBe(false);
    expect(clock.pending()).toBe(0);
  });
});
