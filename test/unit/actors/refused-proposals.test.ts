import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Membership } from "../../../src/actors/cluster/membership.ts";
import type { EventLog } from "../../../src/actors/ports.ts";
import { readAll } from "../../../src/actors/read-all.ts";
import { RefusedProposals } from "../../../src/actors/refused-proposals.ts";
import { ResourceIndex } from "../../../src/actors/resource-index.ts";
import { subjectOf, toJson } from "../../../src/actors/resource-record.ts";
import { type Embedded, openMemory } from "../../../src/adapters/embedded/open.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { absentResource, resourceTransition } from "../../../src/machines/resource/resource-machine.ts";
import type { ResourceEvent } from "../../../src/machines/resource/resource-types.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { MemorySystem } from "./memory-system.ts";

let clock: VirtualClock;
let embedded: Embedded;
let log: EventLog;
beforeEach(async () => {
  clock = new VirtualClock(1_700_000_000_000);
  embedded = await openMemory({ clock, random: systemRandom, logger: silentLogger });
  ({ log } = embedded);
});
afterEach(() => embedded.close());

const link = (id: string) => ({ type: "link", id });
const proposal = (id: string): ResourceEvent => ({
  type: "PROPOSE",
  by: "p",
  resourceType: "link",
  collection: "links",
  id,
  hasStatus: true,
  owner: null,
  claims: [],
  uniques: [{ field: "name", value: "one" }],
  references: [],
});

/** Appends what comes of the events, each to the subject's last record. */
async function append(id: string, ...events: ResourceEvent[]): Promise<number> {
  const subject = subjectOf(link(id));
  let snapshot = absentResource();
  let expectedSeq = 0;
  for (const event of events) {
    const next = resourceTransition(snapshot, event).snapshot;
    const [before, after] = [snapshot.value.lifecycle, next.value.lifecycle];
    const record = { v: 1, event: event.type, before, after, snapshot: next, documents: [], outbox: [] } as const;
    const messageId = `${id}-${event.type}`;
    ({ seq: expectedSeq } = await log.append(subject, toJson(record), { expectedSeq, messageId }));
    snapshot = next;
  }
  return expectedSeq;
}

const subjects = async () => {
  const found: string[] = [];
  for await (const { subject } of log.lastOfEach()) found.push(subject);
  return found;
};

/** The log, of which nothing can be read on until it is released. */
function lateLog(): { late: EventLog; release: () => void } {
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const late: EventLog = {
    ...embedded.log,
    position: () => log.position(),
    lastOfEach: (prefix) => log.lastOfEach(prefix),
    last: (subject) => log.last(subject),
    async *read(from, options) {
      await held;
      yield* log.read(from, options);
    },
  };
  return { late, release };
}

describe("an index that is behind", () => {
  it("learns that a creation was refused although its records are gone when it reads on", async () => {
    await append("refused", proposal("refused"));
    const index = new ResourceIndex();
    const { late, release } = lateLog();
    await index.start(late, (error) => expect.unreachable(String(error)));
    expect(index.holder("link", "name", "one")).toBe("refused");
    const { seq, data } = (await log.last(subjectOf(link("refused")))) ?? { seq: 0, data: null };
    const { snapshot } = data as unknown as { snapshot: ReturnType<typeof absentResource> };
    const rejected = resourceTransition(snapshot, { type: "REJECT" }).snapshot;
    const record = { v: 1, event: "REJECT", before: "proposed", after: "deleted", documents: [], outbox: [] } as const;
    const subject = subjectOf(link("refused"));
    await log.append(subject, toJson({ ...record, snapshot: rejected }), { expectedSeq: seq, messageId: "reject" });
    await log.purge(subject);
    const next = await append("other", proposal("other"));
    release();
    await index.caughtUp(next);
    expect(index.holder("link", "name", "one")).toBe("other");
    expect(index.entry(link("refused"))).toBeUndefined();
    await index.stop();
  });

  it("has read all when the last records are gone unread", async () => {
    const index = new ResourceIndex();
    const { late, release } = lateLog();
    await index.start(late, (error) => expect.unreachable(String(error)));
    await append("refused", proposal("refused"), { type: "REJECT" });
    await log.purge(subjectOf(link("refused")));
    release();
    const time = setInterval(() => clock.advance(1_000));
    await readAll({ index, log, clock });
    clearInterval(time);
    expect(index.seen).toBeLessThan(await log.position());
    const next = await append("other", proposal("other"));
    await readAll({ index, log, clock });
    expect(index.seen).toBe(next);
    await index.stop();
  });
});

describe("records of refused creations", () => {
  /** Another process is there as well; this one owns all shares, or none. */
  async function refusedProposals(members: number, owns = true) {
    const membership = { members: () => Array(members).fill({}), owns: () => owns } as unknown as Membership;
    const refused = new RefusedProposals({ log, membership, clock, logger: silentLogger });
    const index = new ResourceIndex();
    index.onChange(refused.note);
    await index.start(log, (error) => expect.unreachable(String(error)));
    return { refused, index };
  }

  it("go at once when nobody else is there to read them", async () => {
    const { refused, index } = await refusedProposals(1);
    await index.caughtUp(await append("a", proposal("a"), { type: "REJECT" }));
    await index.caughtUp(await append("b", proposal("b")));
    await refused.sweep();
    expect(await subjects()).toEqual([subjectOf(link("b"))]);
    await index.stop();
  });

  it("go when every process has had the time to read them, also those of before the start", async () => {
    await append("a", proposal("a"), { type: "REJECT" });
    const { refused, index } = await refusedProposals(2);
    await refused.sweep();
    expect(await subjects()).toEqual([subjectOf(link("a"))]);
    clock.advance(30_000);
    await refused.sweep();
    expect(await subjects()).toEqual([]);
    await index.stop();
  });

  it("stay when they are another process's to take away", async () => {
    const { refused, index } = await refusedProposals(2, false);
    await index.caughtUp(await append("a", proposal("a"), { type: "REJECT" }));
    clock.advance(30_000);
    await refused.sweep();
    expect(await subjects()).toEqual([subjectOf(link("a"))]);
    await index.stop();
  });

  it("leave the subject to a creation that was proposed under the same id again", async () => {
    const { refused, index } = await refusedProposals(2);
    await index.caughtUp(await append("a", proposal("a"), { type: "REJECT" }, proposal("a")));
    clock.advance(30_000);
    await refused.sweep();
    expect(await subjects()).toEqual([subjectOf(link("a"))]);
    await index.stop();
  });
});

describe("a request with a key that was refused", () => {
  it("is tried again at once, in whichever process, when it is sent again", async () => {
    const system = await MemorySystem.start(2);
    const site = await system.gateway().create("site", {});
    const fields = { name: "wanted", site_id: String(site["id"]) };
    const send = (process: number, key: string) => system.gateway(process).create("link", fields, { key });
    // Sent at once, both are proposed before it is decided who was first.
    const keys = ["k0", "k1"] as const;
    const results = await Promise.allSettled(keys.map((key, process) => send(process, key)));
    const winner = results.findIndex(({ status }) => status === "fulfilled");
    const id = String((await send(winner, keys[winner] ?? ""))["id"]);
    const loser = keys[1 - winner] ?? "";
    const events = (await system.lastRecords()).map(({ data }) => (data as { event: string }).event);
    expect(events.filter((event) => event === "REJECT")).toHaveLength(1);
    await system.until(id, ({ state }) => state === "create_completed");
    await system.gateway().remove("link", id);
    await system.until(id, ({ deleted }) => deleted);
    expect(await send(winner, loser)).toMatchObject({ name: "wanted" });
    await system.stop();
  });
});
