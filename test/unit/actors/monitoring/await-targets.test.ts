import { describe, expect, it } from "vitest";
import {
  type AwaitTargetsOptions,
  awaitTargets,
  defaultTargetTimeoutMs,
  targetTimeoutsMs,
} from "../../../../src/actors/monitoring/await-targets.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import type { MonitoringTarget, TargetStatus } from "../../../../src/machines/resource/resource-types.ts";
import { down, settle, target, up } from "./fakes.ts";

const primary = target("vrrp_session", {}, "primary");
const port = target("snmp_interface", {}, "port");

/** Runs it under a virtual clock to its end; `probes` are the times of the questions by target. */
async function run(
  targets: readonly MonitoringTarget[],
  answer: (asked: MonitoringTarget, now: number) => TargetStatus | Promise<TargetStatus>,
  more: Partial<AwaitTargetsOptions> = {},
) {
  const clock = new VirtualClock();
  const probes: Record<string, number[]> = {};
  const prober = {
    probe: async (asked: MonitoringTarget) => {
      probes[asked.name] = [...(probes[asked.name] ?? []), clock.now()];
      return answer(asked, clock.now());
    },
  };
  let ended = false;
  const result = awaitTargets(targets, { prober, clock, ...more }).finally(() => {
    ended = true;
  });
  result.catch(() => undefined);
  for (await settle(); !ended; await settle()) clock.advanceToNext();
  return { result: await result, probes, now: clock.now(), pending: clock.pending() };
}

describe("awaitTargets", () => {
  it("has nothing to wait for without targets", async () => {
    expect((await run([], () => up)).result).toEqual({ statuses: {}, allGood: true });
  });

  it("asks only those again that are not good, less and less often", async () => {
    const { result, probes, pending } = await run([primary, port], ({ name }, now) =>
      name === "port" || now >= 12_000 ? up : down,
    );
    expect(result).toEqual({ statuses: { primary: up, port: up }, allGood: true });
    expect(probes).toEqual({ primary: [0, 50, 150, 350, 750, 1550, 3150, 6350, 11_350, 16_350], port: [0] });
    expect(pending).toBe(0);
  });

  it("gives up after the timeout and says how each target was last", async () => {
    const { result, now, pending } = await run([primary, port], ({ name }) => (name === "port" ? up : down), {
      timeoutMs: 10_000,
    });
    expect(result).toEqual({ statuses: { primary: down, port: up }, allGood: false });
    expect(now).toBe(10_000);
    expect(pending).toBe(0);
  });

  it("takes the timeout of each target's kind when none is given", async () => {
    expect(targetTimeoutsMs).toEqual({ vrrp_session: 360_000, bgp_session: 360_000 });
    expect((await run([primary], () => down)).now).toBe(360_000);
    expect((await run([primary, port], () => down)).now).toBe(defaultTargetTimeoutMs);
    const { result, now } = await run([primary, port], ({ name }, at) => (name === "port" || at > 300_000 ? up : down));
    expect(result.allGood).toBe(true);
    expect(now).toBeGreaterThan(defaultTargetTimeoutMs);
  });

  it("does not wait beyond the timeout for a probe that never answers", async () => {
    const { result } = await run([primary, port], ({ name }) => (name === "port" ? up : new Promise(() => {})), {
      timeoutMs: 1000,
    });
    expect(result.allGood).toBe(false);
    expect(result.statuses.primary).toMatchObject({
      verdict: "unavailable",
      reason: expect.stringContaining("SB_MONITORING_TIMEOUT"),
    });
  });

  it("tells the progress", async () => {
    const seen: string[] = [];
    await run([primary], (_, now) => (now >= 50 ? up : down), {
      onProgress: (statuses) =>
        seen.push(
          Object.entries(statuses)
            .map(([name, { word }]) => `${name} ${word}`)
            .join(),
        ),
    });
    expect(seen).toEqual(["primary DOWN", "primary ACTIVE"]);
  });

  it("ends with the signal's reason when it is aborted", async () => {
    const abort = new AbortController();
    const stopping = new Error("stopping");
    const aborted = run(
      [primary],
      (_, now) => {
        if (now >= 350) abort.abort(stopping);
        return down;
      },
      { signal: abort.signal },
    );
    await expect(aborted).rejects.toBe(stopping);
    await expect(run([primary], () => up, { signal: abort.signal })).rejects.toBe(stopping);
  });
});
