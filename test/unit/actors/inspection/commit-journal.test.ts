import { describe, expect, it } from "vitest";
import { LaneJournal } from "../../../../src/actors/devices/lane-journal.ts";
import { CommitJournal } from "../../../../src/actors/inspection/commit-journal.ts";
import { MemoryStore } from "../../../../src/adapters/embedded/memory-store.ts";
import { openMemory } from "../../../../src/adapters/embedded/open.ts";
import { systemClock } from "../../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../../src/adapters/system/system-random.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";

const devices = ["10.0.0.2", "10.0.0.1"].map((host) => ({ host, port: 830, username: "u", password: "sealed" }));
const jobs = ["create:heat_worker:link:l1:1:abcde"];

/** A log in which a lane has written these phases, each tag in turn, at these times. */
async function logOf(
  entries: ReadonlyArray<readonly [tag: string, phase: "committing" | "confirming" | "settled", time: number]>,
) {
  const embedded = await openMemory({
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    store: new MemoryStore(),
  });
  let now = 0;
  const journal = new LaneJournal("10.0.0.1,10.0.0.2", {
    log: embedded.log,
    clock: { ...systemClock, now: () => now },
    random: systemRandom,
    name: "p",
  });
  for (const [tag, phase, time] of entries) {
    now = time;
    await journal.append({ tag, phase, devices, jobs });
  }
  return embedded;
}

describe("the last commits of a device", () => {
  it("are read from the journals, with how long they took and what came of them", async () => {
    const embedded = await logOf([
      ["a", "committing", 1_000],
      ["a", "confirming", 3_000],
      ["a", "settled", 3_500],
      ["b", "committing", 5_000],
      ["b", "settled", 5_200],
      ["c", "committing", 9_000],
    ]);
    const journal = new CommitJournal();
    await journal.load(embedded.log);
    expect(journal.of("10.0.0.1")).toEqual([
      { time: 9_000, tag: "c", jobs, outcome: "committing", durationMs: null },
      { time: 5_000, tag: "b", jobs, outcome: "taken_back", durationMs: 200 },
      { time: 1_000, tag: "a", jobs, outcome: "confirmed", durationMs: 2_500 },
    ]);
    expect([...journal.hosts()].sort()).toEqual(["10.0.0.1", "10.0.0.2"]);
    await embedded.close();
  });

  it("are the same when records were told before the past was read", async () => {
    const embedded = await logOf([
      ["a", "committing", 1_000],
      ["a", "confirming", 3_000],
      ["a", "settled", 3_500],
    ]);
    const journal = new CommitJournal();
    for await (const stored of embedded.log.read(1)) journal.observe(stored);
    await journal.load(embedded.log);
    expect(journal.of("10.0.0.2")).toEqual([{ time: 1_000, tag: "a", jobs, outcome: "confirmed", durationMs: 2_500 }]);
    await embedded.close();
  });
});
