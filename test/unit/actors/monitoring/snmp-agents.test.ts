import { beforeEach, describe, expect, it } from "vitest";
import { SnmpProbes } from "../../../../src/actors/monitoring/snmp-probes.ts";
import type { SnmpValue } from "../../../../src/actors/ports.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import type { TargetStatus } from "../../../../src/machines/resource/resource-types.ts";
import { FakeSnmp, settle, target } from "./fakes.ts";

const DAY_MS = 86_400_000;

let clock: VirtualClock;
let snmp: FakeSnmp;
let probes: SnmpProbes;
beforeEach(() => {
  clock = new VirtualClock(1_700_000_000_000);
  snmp = new FakeSnmp();
  probes = new SnmpProbes({ snmp, clock, uptimeGapMs: 20, stopping: new AbortController().signal });
});

/** What a probe answers, or the code it throws, when the clock runs on while it waits; and how long that took, milliseconds. */
async function through(probe: Promise<TargetStatus>): Promise<{ outcome: string; tookMs: number }> {
  const from = clock.now();
  let outcome: string | undefined;
  void probe.then(
    ({ verdict }) => {
      outcome = verdict;
    },
    (error: { code: string }) => {
      outcome = error.code;
    },
  );
  for (;;) {
    await settle();
    if (outcome !== undefined) return { outcome, tookMs: clock.now() - from };
    clock.advanceToNext();
  }
}

describe("an uptime", () => {
  const router = target("snmp_uptime", { device: "mx-1", community: "C" });
  /** The agent's uptime as time goes on: hundredths of a second, renewed every so many milliseconds. */
  const agent = (ticksAt: (ms: number) => SnmpValue, everyMs = 10) => {
    const start = clock.now();
    snmp.get = async () => {
      const ms = clock.now() - start;
      return [ticksAt(ms - (ms % everyMs))];
    };
  };
  const look = () => through(probes.uptime(router));

  it.each([10, 100, 1000, 3000, 5000])("that is renewed every %i ms is never found standing still", async (everyMs) => {
    agent((ms) => 1000 + ms / 10, everyMs);
    for (let at = 0; at < 20; at += 1) {
      expect(await look()).toMatchObject({ outcome: "good" });
      clock.advance(137 * at);
    }
  });

  it("takes one reading when it has grown since the last look", async () => {
    agent((ms) => 1000 + ms / 10, 1000);
    await look();
    clock.advance(60_000);
    expect(await look()).toEqual({ outcome: "good", tookMs: 0 });
  });

  it("that comes round after 497 days goes on", async () => {
    agent((ms) => (2 ** 32 - 3000 + ms / 10) % 2 ** 32);
    await look();
    clock.advance(60_000);
    expect(await look()).toEqual({ outcome: "good", tookMs: 0 });
  });

  it("that began anew is good when it goes on from there", async () => {
    agent((ms) => (ms < 30_000 ? 5_000_000 + ms / 10 : (ms - 30_000) / 10));
    await look();
    clock.advance(40_000);
    const { outcome, tookMs } = await look();
    expect(outcome).toBe("good");
    expect(tookMs).toBeGreaterThan(0);
  });

  it.each([
    ["a day ahead", DAY_MS],
    ["a day back", -DAY_MS],
    ["ten years ahead", 3650 * DAY_MS],
  ])("is told as it is when this machine's wall clock has jumped %s", async (_what, jumpMs) => {
    let frozen = 4000;
    snmp.get = async () => [frozen];
    await look();
    clock.jump(jumpMs);
    expect(await look()).toMatchObject({ outcome: "SB_SNMP_FAILED" });
    frozen += 1;
    expect(await look()).toMatchObject({ outcome: "good" });
  });

  it("that stands still is found out, at each look", async () => {
    agent(() => 4711);
    for (let at = 0; at < 3; at += 1) {
      const { outcome, tookMs } = await look();
      expect(outcome).toBe("SB_SNMP_FAILED");
      expect(tookMs).toBeLessThan(10_000);
      clock.advance(60_000);
    }
  });

  it.each<[string, SnmpValue | undefined, string]>([
    ["missing", undefined, "SB_SNMP_NO_INSTANCE"],
    ["empty", "", "SB_SNMP_FAILED"],
    ["a text", "3 days, 4:05", "SB_SNMP_FAILED"],
    ["negative", -1, "SB_SNMP_FAILED"],
  ])("that is %s is an error", async (_what, value, code) => {
    agent(() => value as SnmpValue);
    expect(await look()).toEqual({ outcome: code, tookMs: 0 });
  });

  it("may come as a bigint", async () => {
    agent((ms) => BigInt(Math.floor(ms / 10)));
    expect(await look()).toMatchObject({ outcome: "good" });
  });
});

describe("an interface", () => {
  const NAME = "1.3.6.1.2.1.31.1.1.1.1";
  const DESCR = "1.3.6.1.2.1.2.2.1.2";
  const OPER = "1.3.6.1.2.1.2.2.1.8";
  const port = target("snmp_interface", { device: "qfx-1", community: "C", interface: "xe-0/0/3.1025" });
  const rows = (column: string, ...names: Array<[index: number, name: string, status?: SnmpValue]>) => {
    snmp.values.clear();
    for (const [index, name, status] of names) {
      snmp.values.set(`${column}.${index}`, name);
      if (status !== undefined) snmp.values.set(`${OPER}.${index}`, status);
    }
  };
  const look = async () => {
    const { verdict, reason = "" } = await probes.interface(port);
    return [verdict, reason.replace(/^.*?(?=is |has |does )/, "")];
  };

  it.each<[SnmpValue, string, string]>([
    [1, "good", ""],
    ["1", "good", ""],
    [1n, "good", ""],
    [2, "bad", "is down"],
    [3, "bad", "is testing"],
    [4, "bad", "is unknown"],
    [5, "bad", "is dormant"],
    [6, "bad", "is notPresent"],
    [7, "bad", "is lowerLayerDown"],
    [8, "bad", "is in a state that is none (8)"],
    ["up", "bad", "is in a state that is none (up)"],
  ])("whose ifOperStatus is %s", async (status, verdict, reason) => {
    rows(NAME, [501, "xe-0/0/3", 1], [502, "xe-0/0/3.1025", status]);
    expect(await look()).toEqual([verdict, reason]);
  });

  it("is found by its description when the agent has no names", async () => {
    rows(DESCR, [7, "xe-0/0/3.1025", 1]);
    expect(await look()).toEqual(["good", ""]);
    rows(DESCR, [7, "xe-0/0/4", 1], [9, "xe-0/0/3.1025", 2]);
    expect(await look()).toEqual(["bad", "is down"]);
  });

  it("is not mixed up with one that is described by its name", async () => {
    rows(NAME, [501, "xe-0/0/3", 1]);
    snmp.values.set(`${DESCR}.501`, "xe-0/0/3.1025");
    expect(await look()).toMatchObject(["bad", expect.stringContaining("has no interface")]);
  });

  it("that is listed twice is up when one of its rows is, in whatever order", async () => {
    rows(NAME, [501, "xe-0/0/3.1025", 6], [720, "xe-0/0/3.1025", 1]);
    expect(await look()).toEqual(["good", ""]);
    rows(NAME, [501, "xe-0/0/3.1025", 1], [720, "xe-0/0/3.1025", 6]);
    expect(await look()).toEqual(["good", ""]);
    rows(NAME, [501, "xe-0/0/3.1025", 6], [720, "xe-0/0/3.1025", 6]);
    expect(await look()).toEqual(["bad", "is notPresent"]);
  });

  it("has another index after a restart, and its old one is another's", async () => {
    rows(NAME, [501, "xe-0/0/3.1025", 1]);
    await look();
    rows(NAME, [501, "xe-0/0/9", 1], [640, "xe-0/0/3.1025", 2]);
    expect(await look()).toEqual(["bad", "is down"]);
  });

  it("of which there is no state is not said to be missing", async () => {
    rows(NAME, [501, "xe-0/0/3.1025"]);
    expect(await look()).toMatchObject(["bad", expect.stringContaining("does not tell the state")]);
  });
});
