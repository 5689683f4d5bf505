import { afterEach, beforeEach, expect, it } from "vitest";
import { BY_TIME, placeOf, resourceKey } from "../../../src/actors/audit/audit-keys.ts";
import { AuditSweep } from "../../../src/actors/audit/audit-sweep.ts";
import { AuditTrail } from "../../../src/actors/audit/audit-trail.ts";
import { Membership } from "../../../src/actors/cluster/membership.ts";
import { type Embedded, openMemory } from "../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { DAY_MS, JUMPS, settle } from "./jump.ts";

const KEEP_DAYS = 30;
let clock: VirtualClock;
let stores: Embedded;
beforeEach(async () => {
  clock = new VirtualClock(1_700_000_000_000);
  stores = await openMemory({ clock, random: new SeededRandom(1), logger: silentLogger });
});
afterEach(() => stores.close());

function sweeper(): AuditSweep {
  const { documents, log } = stores;
  const logger = silentLogger;
  const membership = new Membership({ documents, clock, logger, name: "p", roles: ["projector"], ttlMs: 3_000 });
  return new AuditSweep({ log, documents, membership, clock, logger, keepDays: KEEP_DAYS });
}

/** One entry for each of the last days, at noon of it. */
async function fill(days: number): Promise<void> {
  for (let age = 0; age < days; age += 1) {
    const ref = { type: "thing", id: `t${age}` };
    const place = placeOf(clock.now() - age * DAY_MS, age);
    await stores.documents.transaction({
      writes: [
        { key: `${BY_TIME}${place}`, value: { v: 1, ...ref } },
        { key: resourceKey(ref, place), value: place },
      ],
    });
  }
}

it("with the clock set a year ahead, one look deletes a day's entries more at most", async () => {
  await fill(31);
  const sweep = sweeper();
  expect(await sweep.sweep()).toBe(0);
  clock.jump(365 * DAY_MS);
  expect(await sweep.sweep()).toBe(1);
  // Set right again: nothing more goes, also for a process that starts anew.
  clock.jump(-365 * DAY_MS);
  expect(await sweep.sweep()).toBe(0);
  expect(await sweeper().sweep()).toBe(0);
  expect(await stores.documents.range(BY_TIME)).toHaveLength(30);
});

it("the first look ever is no exception", async () => {
  await fill(31);
  clock.jump(365 * DAY_MS);
  expect(await sweeper().sweep()).toBe(1);
});

it("with the clock set a day back nothing is deleted, and later no more than is due", async () => {
  await fill(31);
  const sweep = sweeper();
  clock.jump(-DAY_MS);
  expect(await sweep.sweep()).toBe(0);
  clock.jump(DAY_MS);
  clock.advance(DAY_MS / 2);
  // The first look is a day on from the one of before.
  expect(await sweep.sweep()).toBe(0);
  expect(await sweep.sweep()).toBe(1);
});

it("after a long standstill everything that is due goes within as many looks as days", async () => {
  await fill(31);
  const sweep = sweeper();
  await sweep.sweep();
  clock.advance(40 * DAY_MS);
  let swept = 0;
  for (let look = 0; look < 40; look += 1) swept += await sweep.sweep();
  expect(swept).toBe(31);
});

it.each(JUMPS)("with the clock set $name, an answer waits two seconds for an entry, no longer", async ({ ms }) => {
  const trail = new AuditTrail({ documents: stores.documents, clock });
  const write = { key: `${BY_TIME}${placeOf(clock.now(), 1)}`, value: {} };
  trail.note({
    record: { documents: [write] },
    stored: { time: clock.now() },
  } as unknown as Parameters<AuditTrail["note"]>[0]);
  let answered = false;
  const answer = trail.read({}).then(() => {
    answered = true;
  });
  await settle();
  clock.jump(ms);
  for (let waited = 0; waited < 1_990; waited += 10) {
    clock.advance(10);
    await settle();
  }
  expect(answered).toBe(false);
  clock.advance(10);
  await answer;
});
