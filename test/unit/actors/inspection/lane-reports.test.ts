import { describe, expect, it } from "vitest";
import type { LaneView } from "../../../../src/actors/devices/device-lanes.ts";
import { CommitJournal } from "../../../../src/actors/inspection/commit-journal.ts";
import { DeviceBoard } from "../../../../src/actors/inspection/device-board.ts";
import { LANES_PREFIX, LaneReports } from "../../../../src/actors/inspection/lane-reports.ts";
import { SecretMask } from "../../../../src/actors/inspection/mask-secrets.ts";
import { ResourceIndex } from "../../../../src/actors/resource-index.ts";
import { MemoryStore } from "../../../../src/adapters/embedded/memory-store.ts";
import { openMemory } from "../../../../src/adapters/embedded/open.ts";
import { systemRandom } from "../../../../src/adapters/system/system-random.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";

const lane = (phase: LaneView["phase"]): LaneView => ({
  id: "10.0.0.1",
  devices: [{ host: "10.0.0.1", state: phase === "idle" ? "idle" : "committing", error: "" }],
  waiting: [],
  inHand: [],
  phase,
  lastError: undefined,
  commitDurationsMs: [],
});

const everything = { everything: true, mayRead: () => true };

describe("the lanes of a worker in another process", () => {
  it("are told in documents under its lease, seen by a gateway, told anew when they change and gone with the process", async () => {
    const clock = new VirtualClock();
    const embedded = await openMemory({ clock, random: systemRandom, logger: silentLogger, store: new MemoryStore() });
    const { documents } = embedded;
    const lease = await documents.lease(60_000);
    let lanes = [lane("committing")];
    const leaving = new AbortController();
    const changes = documents.watch(LANES_PREFIX, { fromRevision: 1, signal: leaving.signal })[Symbol.asyncIterator]();
    const reports = new LaneReports({
      documents,
      clock,
      logger: silentLogger,
      name: "worker-1",
      leaseId: () => lease.id,
      lanes: () => lanes,
      intervalMs: 10,
    });
    const board = new DeviceBoard({
      index: new ResourceIndex(),
      documents,
      journal: new CommitJournal(),
      mask: new SecretMask([]),
      types: [],
      name: "gateway-1",
      lanes: () => [],
    });
    reports.start();
    await changes.next();
    expect(await board.devices(everything)).toMatchObject([
      { host: "10.0.0.1", session: "committing", lanes: [{ process: "worker-1", phase: "committing" }] },
    ]);
    lanes = [lane("idle")];
    await clock.advance(10);
    await changes.next();
    expect(await board.devices(everything)).toMatchObject([{ session: "idle", lanes: [{ phase: "idle" }] }]);
    expect(await board.devices({ everything: false, mayRead: () => true })).toEqual([]);
    await reports.stop();
    await lease.revoke();
    expect(await board.devices(everything)).toEqual([]);
    leaving.abort();
    await embedded.close();
  });
});
