import { describe, expect, it } from "vitest";
import type { StoredRecord } from "../../../src/actors/ports.ts";
import { ResourceHost } from "../../../src/actors/resource-host.ts";
import { ResourceIndex } from "../../../src/actors/resource-index.ts";
import { type OutboxItem, type ResourceRecord, subjectOf, toJson } from "../../../src/actors/resource-record.ts";
import { openMemory } from "../../../src/adapters/embedded/open.ts";
import { createLogger } from "../../../src/adapters/logging/create-logger.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import type { ResourceRef } from "../../../src/catalogue/resource-view.ts";
import { absentResource } from "../../../src/machines/resource/resource-machine.ts";
import { NO_CHANGES } from "../../../src/machines/resource/resource-steps.ts";
import type { ResourceEvent } from "../../../src/machines/resource/resource-types.ts";

const network: ResourceRef = { type: "network", id: "n" };
const subnet: ResourceRef = { type: "subnet", id: "s" };
const port: ResourceRef = { type: "port", id: "p" };

/** The record of a resource that rests, with a command that was not handed out before the process ended. */
function record(ref: ResourceRef, to: ResourceRef): ResourceRecord {
  const { context } = absentResource();
  const event: ResourceEvent = {
    type: "UPDATE",
    set: {},
    plan: null,
    changes: NO_CHANGES,
    uniques: [],
    references: [],
  };
  const item: OutboxItem = { kind: "command", messageId: `to ${to.type}`, to, event };
  return {
    v: 1,
    event: "CREATE",
    before: "absent",
    after: "create_completed",
    snapshot: {
      v: 1,
      value: { lifecycle: "create_completed", operational: "unknown" },
      context: { ...context, ...ref, collection: `${ref.type}s`, version: 1 },
    },
    documents: [],
    outbox: [item],
  };
}

describe("what an earlier life of the process did not hand out", () => {
  it("is handed out although a command that is handed out before changes the resource", async () => {
    const logger = createLogger({ level: "silent" });
    const stores = await openMemory({ clock: systemClock, random: systemRandom, logger });
    const index = new ResourceIndex();
    const delivered: string[] = [];
    let changed = () => {};
    const subnetChanged = new Promise<void>((resolve) => {
      changed = resolve;
    });
    const host: ResourceHost = new ResourceHost({
      log: stores.log,
      queues: stores.queues,
      index,
      clock: systemClock,
      random: systemRandom,
      logger,
      deliver: async (to, event, messageId) => {
        if (to.type === "subnet") await host.command(to, () => event).then(changed);
        // What the subnet asks for takes its time.
        else await subnetChanged;
        delivered.push(messageId);
      },
    });
    for (const [ref, to] of [[network, subnet] as const, [subnet, port] as const]) {
      await stores.log.append(subjectOf(ref), toJson(record(ref, to)), { expectedSeq: 0, messageId: ref.id });
    }
    await index.start(stores.log, () => {});

    // A log that is read over a network: between two records there is time for what the first one asks for.
    async function* slowly(): AsyncIterable<StoredRecord> {
      for (const ref of [network, subnet]) {
        const last = await stores.log.last(subjectOf(ref));
        if (last !== undefined) yield last;
        if (ref === network) for (let turn = 0; turn < 50; turn += 1) await new Promise((next) => setImmediate(next));
      }
    }
    await host.recover(slowly());
    await host.drained(network);
    await host.drained(subnet);

    expect(delivered.sort()).toEqual(["to port", "to subnet"]);
    // The command to the subnet made a new record of it, which still had what the subnet itself asked for.
    const last = (await stores.log.last(subjectOf(subnet)))?.data as unknown as ResourceRecord | undefined;
    expect(last?.event).toBe("UPDATE");
    expect(last?.outbox.map(({ messageId }) => messageId)).toEqual(["to port"]);

    await host.stop();
    await index.stop();
    await stores.close();
  });
});
