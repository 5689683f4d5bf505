import { afterEach, beforeEach, expect, it } from "vitest";
import { AUDIT_PREFIX, BY_TIME, placeOf, resourceKey, SWEPT } from "../../../../src/actors/audit/audit-keys.ts";
import { AuditSweep } from "../../../../src/actors/audit/audit-sweep.ts";
import { Membership } from "../../../../src/actors/cluster/membership.ts";
import { type Embedded, openMemory } from "../../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";

const DAY = 24 * 60 * 60 * 1000;
const clock = new VirtualClock(1_000_000_000_000);
let stores: Embedded;
let sweep: AuditSweep;
beforeEach(async () => {
  stores = await openMemory({ clock, random: new SeededRandom(1), logger: silentLogger });
  const { documents, log } = stores;
  const logger = silentLogger;
  const membership = new Membership({ documents, clock, logger, name: "p", roles: ["projector"], ttlMs: 3_000 });
  sweep = new AuditSweep({ log, documents, membership, clock, logger, keepDays: 2 });
});
afterEach(() => stores.close());

it("entries go with what leads to them when they are older than they are kept, younger ones stay", async () => {
  const now = clock.now();
  const times = [0, DAY, 2 * DAY, ...Array.from({ length: 120 }, (_, at) => 2 * DAY + 1 + at)].map((age) => now - age);
  for (const [seq, time] of times.entries()) {
    const ref = { type: "thing", id: `t${seq}` };
    const place = placeOf(time, seq);
    await stores.documents.transaction({
      writes: [
        { key: `${BY_TIME}${place}`, value: { v: 1, ...ref, chain: { index: seq + 1, previous: "", hash: "" } } },
        { key: resourceKey(ref, place), value: place },
      ],
    });
  }
  expect(await sweep.sweep()).toBe(120);
  const left = await stores.documents.range(AUDIT_PREFIX);
  const ids = left.flatMap(({ key, value }) => (key.startsWith(BY_TIME) ? [(value as { id: string }).id] : []));
  expect(ids).toEqual(["t0", "t1", "t2"]);
  expect(left).toHaveLength(6);
  // What is missing up to there is missing rightly.
  expect((await stores.documents.get(SWEPT))?.value).toEqual({ time: now, index: times.length });
  expect(await sweep.sweep()).toBe(0);
});
