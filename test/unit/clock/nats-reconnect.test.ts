import { describe, expect, it } from "vitest";
import { ReconnectDelay } from "../../../src/adapters/nats/reconnect-delay.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { DAY_MS, JUMPS } from "./jump.ts";

const WAIT_MS = 250;

/** The loop of the NATS client (protocol.ts, `dodialLoop`): servers in turn, each not before its last try is `wait` ago by the wall clock. */
function dial(clock: VirtualClock, delay: ReconnectDelay, servers: { lastConnect: number }[], forMs: number): number[] {
  const tries: number[] = [];
  const end = clock.monotonic() + forMs;
  for (let turn = 0; clock.monotonic() < end; turn += 1) {
    const server = servers[turn % servers.length];
    if (server === undefined) break;
    const wait = delay.next();
    if (server.lastConnect === 0 || server.lastConnect + wait <= clock.now()) {
      server.lastConnect = clock.now();
      tries.push(clock.monotonic());
      // A refused connection takes a moment.
      clock.advance(1);
    } else clock.advance(Math.max(1, Math.min(wait, server.lastConnect + wait - clock.now())));
  }
  return tries;
}

describe.each(JUMPS)("with the wall clock set $name", ({ ms }) => {
  it.each([1, 3])("a lost connection to one of %i servers is tried again at once and then in turn", (count) => {
    const clock = new VirtualClock(1_700_000_000_000);
    const delay = new ReconnectDelay({ clock, random: new SeededRandom(1), waitMs: WAIT_MS, jitterMs: 0 });
    const servers = Array.from({ length: count }, () => ({ lastConnect: 0 }));
    dial(clock, delay, servers, 1_000);
    clock.jump(ms);
    const tries = dial(clock, delay, servers, 10_000);
    const gaps = tries.map((at, n) => at - (tries[n - 1] ?? clock.monotonic() - 10_000));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(WAIT_MS + 2);
    // A burst for each time that it was set, and no more.
    expect(tries.length).toBeLessThanOrEqual(16 + (count * 10_000) / WAIT_MS + count);
  });
});

it("while the clock only drifts the usual pause holds", () => {
  const clock = new VirtualClock(1_700_000_000_000);
  const delay = new ReconnectDelay({ clock, random: new SeededRandom(1), waitMs: WAIT_MS, jitterMs: 100 });
  for (let turn = 0; turn < 500; turn += 1) {
    clock.advance(1_000);
    clock.jump(-20);
    expect(delay.next()).toBeGreaterThanOrEqual(WAIT_MS);
  }
  clock.jump(-DAY_MS);
  expect(delay.next()).toBe(Number.NEGATIVE_INFINITY);
});
