import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EventLog } from "../../../src/actors/ports.ts";
import { ResourceHost } from "../../../src/actors/resource-host.ts";
import { ResourceIndex } from "../../../src/actors/resource-index.ts";
import { type Embedded, openMemory } from "../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import type { ResourceEvent } from "../../../src/machines/resource/resource-types.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { plan } from "../machines/resource/things.ts";

const ref = { type: "thing", id: "1" };
const creation: ResourceEvent = {
  type: "CREATE",
  resourceType: "thing",
  collection: "things",
  id: "1",
  hasStatus: false,
  owner: null,
  claims: [],
  uniques: [],
  references: [],
  body: { name: "one" },
  plan: { jobs: [], templates: {} },
  changes: { now: [], onComplete: [], onDeleted: [] },
  fixedStatus: null,
};
const announced: ResourceEvent = { type: "PROPOSE_DELETE", by: "somebody" };

describe("the host of resources", () => {
  let stores: Embedded;
  let lookups: string[];
  let host: ResourceHost;
  const random = new SeededRandom(1);

  /** Another process on the same log. */
  const otherHost = () => new ResourceHost({ log: stores.log, index: new Unread(), random, logger: silentLogger });

  beforeEach(async () => {
    stores = await openMemory({ clock: new VirtualClock(), random, logger: silentLogger });
    lookups = [];
    const { log } = stores;
    const counting: EventLog = {
      append: (subject, data, options) => log.append(subject, data, options),
      last: (subject) => {
        lookups.push(subject);
        return log.last(subject);
      },
      lastOfEach: (prefix) => log.lastOfEach(prefix),
      read: (from, options) => log.read(from, options),
      history: (subject) => log.history(subject),
      position: () => log.position(),
      purge: (subject, upTo) => log.purge(subject, upTo),
    };
    host = new ResourceHost({ log: counting, index: new Unread(), random, logger: silentLogger });
  });
  afterEach(async () => {
    await host.stop();
    await stores.close();
  });

  it("does not ask the log for what it has just seen", async () => {
    await host.command(ref, () => creation);
    await host.command(ref, () => announced);
    expect(lookups).toEqual([]);
  });

  it("keeps of whoever commands only what names the resource", async () => {
    const more = { ...ref, body: { password: "sealed" }, claims: [] };
    await host.command(more, () => ({ ...creation, plan: plan("create", 1) }) as ResourceEvent);
    const { data } = (await stores.log.last("resource.thing.1")) ?? { data: null };
    const { outbox } = data as unknown as { outbox: Array<{ kind: string; resource: object }> };
    expect(outbox.map(({ kind, resource }) => [kind, resource])).toEqual([["offer", ref]]);
  });

  it("decides again when somebody else was faster, from what the log has", async () => {
    await host.command(ref, () => creation);
    await host.command(ref, () => announced);
    await otherHost().command(ref, () => ({ type: "WITHDRAW_DELETE" }));
    const decided: boolean[] = [];
    await host.command(ref, ({ context }) => {
      decided.push(context.deletionProposed);
      return { ...announced, by: "me" };
    });
    expect(decided).toEqual([true, false]);
    expect(lookups).toHaveLength(1);
  });

  it("never does nothing, and never refuses, because of what it knew before", async () => {
    await host.command(ref, () => creation);
    await otherHost().command(ref, () => announced);
    const old = await host.command(ref, ({ context }) => {
      if (!context.deletionProposed) throw new Error("refused, as it was a moment ago");
      return undefined;
    });
    expect(old.snapshot.context.deletionProposed).toBe(true);
    await expect(
      host.command(ref, () => {
        throw new Error("refused, as it is");
      }),
    ).rejects.toThrow("refused, as it is");
  });

  it("takes a resource that it has never seen for new, and finds out when it is not", async () => {
    await otherHost().command({ type: "thing", id: "2" }, () => ({ ...creation, id: "2" }));
    const states: string[] = [];
    const found = await host.command({ type: "thing", id: "2" }, ({ value }) => {
      states.push(value.lifecycle);
      return value.lifecycle === "absent" ? { ...creation, id: "2" } : undefined;
    });
    expect(states).toEqual(["absent", "create_completed"]);
    expect(found.snapshot.value.lifecycle).toBe("create_completed");
  });
});

/** The index of a process that other processes' records have not reached yet. */
class Unread extends ResourceIndex {
  override async caughtUp(): Promise<void> {}
}
