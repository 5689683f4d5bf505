import { afterEach, describe, expect, it } from "vitest";
import { Monitors, type MonitorsOptions } from "../../../../src/actors/monitoring/monitors.ts";
import type { EventLog } from "../../../../src/actors/ports.ts";
import { ResourceIndex } from "../../../../src/actors/resource-index.ts";
import { parseRecord, type ResourceRecord, subjectOf, toJson } from "../../../../src/actors/resource-record.ts";
import { type Embedded, openMemory } from "../../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import type { ResourceRef } from "../../../../src/catalogue/resource-view.ts";
import {
  absentResource,
  type ResourceSnapshot,
  resourceTransition,
} from "../../../../src/machines/resource/resource-machine.ts";
import type { Lifecycle, Operational } from "../../../../src/machines/resource/resource-status.ts";
import type {
  MonitoringTarget,
  ResourceContext,
  TargetStatus,
} from "../../../../src/machines/resource/resource-types.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";
import { down, settle, target, up } from "./fakes.ts";

const INTERVAL_MS = 30_000;
const router: ResourceRef = { type: "edge_router", id: "r1" };
const pair: ResourceRef = { type: "ha_router", id: "h1" };
const uptime = target("snmp_uptime", {}, "router");
const ofRouter = target("resource_status", { ...router }, "primary");

interface Report {
  readonly ref: ResourceRef;
  readonly version: number;
  readonly statuses: Record<string, TargetStatus>;
}

const cleanups: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A log, an index on it and a prober whose answers the test decides. */
class World {
  readonly clock = new VirtualClock(1_000_000);
  readonly embedded: Embedded;
  index = new ResourceIndex();
  readonly reports: Report[] = [];
  /** Names of the targets asked so far. */
  readonly probed: string[] = [];
  answer: (asked: MonitoringTarget) => TargetStatus | Promise<TargetStatus> = () => up;
  onReport: (report: Report) => Promise<void> = async () => undefined;

  constructor(embedded: Embedded) {
    this.embedded = embedded;
  }

  get log(): EventLog {
    return this.embedded.log;
  }

  monitors(more: Partial<MonitorsOptions> = {}): Monitors {
    const monitors = new Monitors({
      index: this.index,
      prober: {
        probe: async (asked) => {
          this.probed.push(asked.name);
          return this.answer(asked);
        },
      },
      clock: this.clock,
      random: new SeededRandom(1),
      logger: silentLogger,
      intervalMs: INTERVAL_MS,
      report: async (ref, version, statuses) => {
        await this.onReport({ ref, version, statuses });
        this.reports.push({ ref, version, statuses });
      },
      ...more,
    });
    cleanups.push(() => monitors.stop());
    return monitors;
  }

  async startIndex(): Promise<void> {
    const { index } = this;
    await index.start(this.log, (error) => {
      throw error;
    });
    cleanups.push(() => index.stop());
  }

  /** The process ends and another one reads the log. */
  async restartIndex(): Promise<void> {
    await this.index.stop();
    this.index = new ResourceIndex();
  }

  /** Commits a state of a resource and waits until what comes of it is done. */
  async commit(ref: ResourceRef, event: string, before: Lifecycle, snapshot: ResourceSnapshot): Promise<void> {
    const record: ResourceRecord = {
      v: 1,
      event,
      before,
      after: snapshot.value.lifecycle,
      snapshot,
      documents: [],
      outbox: [],
    };
    const subject = subjectOf(ref);
    const expectedSeq = (await this.log.last(subject))?.seq ?? 0;
    const messageId = `${subject} after ${expectedSeq}`;
    const { seq } = await this.log.append(subject, toJson(record), { expectedSeq, messageId });
    await this.index.caughtUp(seq);
    await settle();
  }

  /** The monitoring job of a version is done. */
  completes(ref: ResourceRef, targets: readonly MonitoringTarget[], version = 1): Promise<void> {
    const before = version === 1 ? "pending_create" : "pending_update";
    return this.commit(ref, "JOB_FINISHED", before, resting(ref, targets, version));
  }

  /** What the system does with reports: they go through the resource's machine into the log. */
  commitReports(): void {
    this.onReport = async ({ ref, version, statuses }) => {
      const stored = await this.log.last(subjectOf(ref));
      const record = stored && parseRecord(stored);
      if (record === undefined) return;
      const before = record.snapshot;
      const { snapshot, taken } = resourceTransition(before, { type: "MONITOR", version, statuses });
      if (taken) await this.commit(ref, "MONITOR", before.value.lifecycle, snapshot);
    };
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settle();
  }

  words(): string[] {
    return this.reports.map(({ ref, statuses }) => {
      const words = Object.entries(statuses).map(([name, { word }]) => `${name}=${word}`);
      return `${ref.id} ${words.join(" ")}`;
    });
  }
}

function resting(
  ref: ResourceRef,
  targets: readonly MonitoringTarget[],
  version = 1,
  more: { lifecycle?: Lifecycle; operational?: Operational; context?: Partial<ResourceContext> } = {},
): ResourceSnapshot {
  const empty = absentResource();
  const statuses = Object.fromEntries(targets.map(({ name }) => [name, up]));
  return {
    v: 1,
    value: { lifecycle: more.lifecycle ?? "create_completed", operational: more.operational ?? "up" },
    context: {
      ...empty.context,
      ...ref,
      collection: `${ref.type}s`,
      version,
      monitoring: { version, targets },
      statuses,
      ...more.context,
    },
  };
}

async function world(): Promise<World> {
  const clock = new VirtualClock();
  const embedded = await openMemory({ clock, random: new SeededRandom(7), logger: silentLogger });
  cleanups.push(() => embedded.close());
  return new World(embedded);
}

async function running(more: Partial<MonitorsOptions> = {}): Promise<{ world: World; monitors: Monitors }> {
  const made = await world();
  const monitors = made.monitors(more);
  await made.startIndex();
  monitors.start();
  return { world: made, monitors };
}

describe("polling", () => {
  it("polls a resource at once when it is complete, and reports that whatever it is", async () => {
    const { world } = await running();
    await world.completes(router, [uptime]);
    expect(world.reports).toEqual([{ ref: router, version: 1, statuses: { router: up } }]);
  });

  it("polls again each interval, give or take a tenth, and is silent while nothing changes", async () => {
    const { world } = await running();
    await world.completes(router, [uptime]);
    for (let round = 1; round <= 5; round += 1) {
      const before = world.clock.now();
      while (world.probed.length === round) {
        expect(world.clock.advanceToNext()).toBe(true);
        await settle();
      }
      const passed = world.clock.now() - before;
      expect(passed).toBeGreaterThanOrEqual(INTERVAL_MS * 0.9);
      expect(passed).toBeLessThanOrEqual(INTERVAL_MS * 1.1);
    }
    expect(world.reports).toHaveLength(1);
  });

  it("reports a change with the statuses of all targets", async () => {
    const { world } = await running();
    const port = target("snmp_interface", {}, "port");
    await world.completes(router, [uptime, port]);
    world.answer = ({ name }) => (name === "port" ? down : up);
    await world.pass(INTERVAL_MS * 1.1);
    await world.pass(INTERVAL_MS * 1.1);
    world.answer = () => up;
    await world.pass(INTERVAL_MS * 1.1);
    expect(world.words()).toEqual([
      "r1 router=ACTIVE port=ACTIVE",
      "r1 router=ACTIVE port=DOWN",
      "r1 router=ACTIVE port=ACTIVE",
    ]);
  });

  it("holds a change back until it is confirmed", async () => {
    const { world, monitors } = await running({ confirmations: 2 });
    await world.completes(router, [uptime]);
    world.answer = () => down;
    for (const reports of [1, 2]) {
      monitors.poke(router);
      await settle();
      expect(world.reports).toHaveLength(reports);
    }
  });

  it("polls at once when it is poked, and once more when it is poked meanwhile", async () => {
    const { world, monitors } = await running();
    await world.completes(router, [uptime]);
    const held: Array<(status: TargetStatus) => void> = [];
    world.answer = () => new Promise((resolve) => held.push(resolve));
    for (let times = 0; times < 3; times += 1) monitors.poke(router);
    await settle();
    expect(held).toHaveLength(1);
    held[0]?.(up);
    await settle();
    expect(held).toHaveLength(2);
    held[1]?.(up);
    await settle();
    expect(held).toHaveLength(2);
    monitors.poke({ type: "edge_router", id: "nobody" });
  });

  it("has no timer for resources without targets, or for those that are being worked on", async () => {
    const { world } = await running();
    await world.commit(router, "JOB_FINISHED", "pending_create", resting(router, []));
    await world.commit(pair, "ADMIT", "proposed", resting(pair, [ofRouter], 1, { lifecycle: "pending_create" }));
    expect(world.probed).toEqual([]);
    expect(world.clock.pending()).toBe(0);
  });

  it("goes on after a failed update with what is monitored", async () => {
    const { world } = await running();
    await world.commit(
      router,
      "JOB_FAILED",
      "pending_update",
      resting(router, [uptime], 1, { lifecycle: "update_failed" }),
    );
    expect(world.reports).toHaveLength(1);
  });

  it("asks at most so many targets at once, and all in the end", async () => {
    const { world } = await running({ maxProbes: 5 });
    const held: Array<(status: TargetStatus) => void> = [];
    let most = 0;
    world.answer = () => {
      const answer = new Promise<TargetStatus>((resolve) => held.push(resolve));
      most = Math.max(most, held.length);
      return answer;
    };
    const two = [target("snmp_interface", {}, "a"), target("snmp_interface", {}, "b")];
    for (let at = 0; at < 20; at += 1) await world.completes({ type: "port", id: `p${at}` }, two);
    const many = Array.from({ length: 12 }, (_, at) => target("snmp_interface", {}, `t${at}`));
    await world.completes({ type: "port", id: "large" }, many);
    while (held.length > 0) {
      held.shift()?.(up);
      await settle();
    }
    expect(world.reports).toHaveLength(21);
    expect(Object.keys(world.reports.at(-1)?.statuses ?? {})).toHaveLength(12);
    expect(most).toBeLessThanOrEqual(5);
    expect(most).toBeGreaterThan(3);
  });

  it("counts a probe that throws as unavailable and goes on", async () => {
    const { world } = await running();
    world.answer = () => {
      throw new Error("broken");
    };
    await world.completes(router, [uptime]);
    world.answer = () => up;
    await world.pass(INTERVAL_MS * 1.1);
    expect(world.words()).toEqual(["r1 router=MONITORING_UNAVAILABLE", "r1 router=ACTIVE"]);
  });

  it("reports again soon when a report was not taken", async () => {
    const { world } = await running();
    let failures = 2;
    world.onReport = async () => {
      failures -= 1;
      if (failures >= 0) throw new Error("the store is full");
    };
    await world.completes(router, [uptime]);
    expect(world.reports).toEqual([]);
    await world.pass(1500);
    await world.pass(1500);
    expect(world.words()).toEqual(["r1 router=ACTIVE"]);
  });
});

describe("the life of a resource", () => {
  it("is not polled while it is updated, and reported for each version", async () => {
    const { world } = await running();
    await world.completes(router, [uptime]);
    await world.commit(
      router,
      "UPDATE",
      "create_completed",
      resting(router, [uptime], 1, { lifecycle: "pending_update" }),
    );
    expect(world.clock.pending()).toBe(0);
    await world.completes(router, [uptime], 2);
    expect(world.reports.map(({ version }) => version)).toEqual([1, 2]);
  });

  it("is not polled any more when it is deleted", async () => {
    const { world } = await running();
    await world.completes(router, [uptime]);
    await world.commit(
      router,
      "DELETE",
      "create_completed",
      resting(router, [uptime], 1, { lifecycle: "pending_delete" }),
    );
    await world.commit(
      router,
      "JOB_FINISHED",
      "pending_delete",
      resting(router, [uptime], 1, { lifecycle: "deleted" }),
    );
    await world.pass(INTERVAL_MS * 3);
    expect(world.probed).toEqual(["router"]);
    expect(world.clock.pending()).toBe(0);
  });

  it("drops an answer that comes when the resource is being deleted", async () => {
    const { world, monitors } = await running();
    await world.completes(router, [uptime]);
    let answer: (status: TargetStatus) => void = () => {};
    world.answer = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    monitors.poke(router);
    await world.commit(
      router,
      "DELETE",
      "create_completed",
      resting(router, [uptime], 1, { lifecycle: "pending_delete" }),
    );
    answer(down);
    await settle();
    expect(world.reports).toHaveLength(1);
    expect(world.clock.pending()).toBe(0);
  });

  it("keeps being polled while other events of the resource pass by", async () => {
    const { world } = await running();
    await world.completes(router, [uptime]);
    await world.commit(router, "PROPOSE_DELETE", "create_completed", resting(router, [uptime]));
    expect(world.probed).toHaveLength(1);
    await world.pass(INTERVAL_MS * 1.1);
    expect(world.probed).toHaveLength(2);
    expect(world.reports).toHaveLength(1);
  });
});

describe("targets about other resources", () => {
  /** As the system derives it from the index. */
  const fromIndex = (world: World) => (asked: MonitoringTarget) => {
    if (asked.kind !== "resource_status") return up;
    return world.index.get(router.type, router.id)?.value.operational === "up" ? up : down;
  };

  it("are asked as soon as the other resource changes, without waiting for the interval", async () => {
    const { world, monitors } = await running();
    world.commitReports();
    world.answer = fromIndex(world);
    await world.completes(router, [uptime]);
    await world.completes(pair, [ofRouter]);
    world.answer = (asked) => (asked.name === "router" ? down : fromIndex(world)(asked));
    monitors.poke(router);
    for (let turn = 0; turn < 10; turn += 1) await settle();
    expect(world.words()).toEqual(["r1 router=ACTIVE", "h1 primary=ACTIVE", "r1 router=DOWN", "h1 primary=DOWN"]);
    expect(world.index.entry(pair)?.value.operational).toBe("fail");
    expect(world.clock.now()).toBe(1_000_000);
  });

  it("are asked when the other resource is gone", async () => {
    const { world } = await running();
    world.answer = fromIndex(world);
    await world.completes(router, [uptime]);
    await world.completes(pair, [ofRouter]);
    await world.commit(router, "JOB_FINISHED", "pending_delete", resting(router, [], 1, { lifecycle: "deleted" }));
    expect(world.words().at(-1)).toBe("h1 primary=DOWN");
  });
});

describe("after a restart", () => {
  /** A process that polled the router, and the next one on the same log. */
  async function restarted(more: { isReported: boolean }): Promise<World> {
    const made = await world();
    await made.startIndex();
    if (more.isReported) {
      await made.commit(router, "MONITOR", "create_completed", resting(router, [uptime]));
    } else await made.completes(router, [uptime]);
    await made.restartIndex();
    return made;
  }

  it("does not report what the log has already", async () => {
    const world = await restarted({ isReported: true });
    const monitors = world.monitors();
    await world.startIndex();
    monitors.start();
    await world.pass(INTERVAL_MS);
    expect(world.probed).toEqual(["router"]);
    expect(world.reports).toEqual([]);
  });

  it("reports what has changed meanwhile", async () => {
    const world = await restarted({ isReported: true });
    world.answer = () => down;
    const monitors = world.monitors();
    await world.startIndex();
    monitors.start();
    await world.pass(INTERVAL_MS);
    expect(world.words()).toEqual(["r1 router=DOWN"]);
  });

  it("reports a resource that was completed but not reported when the process ended", async () => {
    const world = await restarted({ isReported: false });
    const monitors = world.monitors();
    await world.startIndex();
    monitors.start();
    await settle();
    expect(world.words()).toEqual(["r1 router=ACTIVE"]);
  });

  it("compares with the log when it comes after the index", async () => {
    const world = await restarted({ isReported: false });
    await world.startIndex();
    const monitors = world.monitors();
    monitors.start();
    await world.pass(INTERVAL_MS);
    expect(world.probed).toEqual(["router"]);
    expect(world.reports).toEqual([]);
  });

  it("polls at once what was not up, and reports when the state in the log does not fit its statuses", async () => {
    const world = await restarted({ isReported: true });
    await world.startIndex();
    const context = { statuses: { primary: down } };
    await world.commit(
      pair,
      "MONITOR",
      "create_completed",
      resting(pair, [ofRouter], 1, { operational: "fail", context }),
    );
    const odd: ResourceRef = { type: "ha_router", id: "odd" };
    await world.commit(odd, "MONITOR", "create_completed", resting(odd, [ofRouter], 1, { operational: "fail" }));
    await world.restartIndex();
    const monitors = world.monitors();
    await world.startIndex();
    world.answer = ({ name }) => (name === "primary" ? down : up);
    monitors.start();
    await settle();
    expect(world.probed).toEqual(["primary", "primary"]);
    expect(world.words()).toEqual(["odd primary=DOWN"]);
  });
});

describe("stopping", () => {
  it("leaves no timer, asks nothing more and waits for the report under way", async () => {
    const { world, monitors } = await running();
    let taken: () => void = () => {};
    world.onReport = () =>
      new Promise((resolve) => {
        taken = resolve;
      });
    await world.completes(router, [uptime]);
    let isStopped = false;
    const stopping = monitors.stop().then(() => {
      isStopped = true;
    });
    await settle();
    expect(isStopped).toBe(false);
    taken();
    await stopping;
    await world.completes(pair, [ofRouter]);
    monitors.poke(router);
    expect(world.probed).toEqual(["router"]);
    expect(world.clock.pending()).toBe(0);
  });
});
