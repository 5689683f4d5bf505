import { afterEach, describe, expect, it } from "vitest";
import { subjectOf, toJson } from "../../../src/actors/resource-record.ts";
import type { Embedded } from "../../../src/adapters/embedded/open.ts";
import {
  absentResource,
  type ResourceSnapshot,
  resourceTransition,
} from "../../../src/machines/resource/resource-machine.ts";
import type { ResourceEvent } from "../../../src/machines/resource/resource-types.ts";
import { MemorySystem } from "./memory-system.ts";

let system: MemorySystem | undefined;
afterEach(async () => {
  await system?.stop();
  system = undefined;
});

type Recorded = { readonly event: string; readonly snapshot: ResourceSnapshot };

/**
 * Just before the log takes the first record with that event of a link, the link's proposal is withdrawn, as by a process that takes the
 * proposer for dead, and the client's second try, at yet another process, proposes the same id with other numbers.
 */
function supersede(embedded: Embedded, event: string): void {
  const { log } = embedded;
  const append = log.append.bind(log);
  let done = false;
  log.append = async (subject, data, options) => {
    const { event: appended, snapshot } = data as unknown as Recorded;
    if (!done && appended === event && subject.startsWith("resource.link.")) {
      done = true;
      const last = await log.last(subject);
      if (last === undefined) throw new Error(`${subject} is not proposed`);
      const proposed = (last.data as unknown as Recorded).snapshot;
      const rejected = resourceTransition(proposed, { type: "REJECT" }).snapshot;
      const { id, collection } = snapshot.context;
      const again: ResourceEvent = {
        type: "PROPOSE",
        by: "another",
        ...{ resourceType: "link", collection, id, hasStatus: true, owner: null },
        ...{ claims: [], uniques: [], references: [] },
      };
      const second = resourceTransition(rejected, again).snapshot;
      let expectedSeq = last.seq;
      for (const [name, next] of [
        ["REJECT", rejected],
        ["PROPOSE", second],
      ] as const) {
        const record = { v: 1, event: name, before: "", after: "", snapshot: next, documents: [], outbox: [] } as const;
        ({ seq: expectedSeq } = await append(subject, toJson(record), { expectedSeq, messageId: `other-${name}` }));
      }
    }
    return append(subject, data, options);
  };
}

/** The link as the log has it. */
async function linkOf(using: MemorySystem, id: string): Promise<ResourceSnapshot> {
  const stored = await using.embedded.log.last(subjectOf({ type: "link", id }));
  return stored === undefined ? absentResource() : (stored.data as unknown as Recorded).snapshot;
}

describe("a proposal that was withdrawn and made anew by another process", () => {
  it("is not admitted with the numbers of the first one", async () => {
    system = await MemorySystem.start(1);
    const site = await system.gateway().create("site", {});
    supersede(system.embedded, "ADMIT");
    const creating = system.gateway().create("link", { name: "a", site_id: String(site["id"]) }, { key: "k" });
    await expect(creating).rejects.toMatchObject({ code: "SB_NOT_READY" });
    const [record] = (await system.lastRecords()).filter(({ subject }) => subject.startsWith("resource.link."));
    const { value, context } = await linkOf(system, record?.subject.split(".")[2] ?? "");
    expect([value.lifecycle, context.proposedBy, context.body]).toEqual(["proposed", "another", {}]);
  });

  it("is not withdrawn because the first one was refused", async () => {
    system = await MemorySystem.start(1);
    const site = await system.gateway().create("site", {});
    supersede(system.embedded, "REJECT");
    const send = (key: string) => system?.gateway().create("link", { name: "a", site_id: String(site["id"]) }, { key });
    // Both are proposed before it is decided who was first; the one that was not withdraws.
    await Promise.allSettled([send("k1"), send("k2")]);
    const states = (await system.lastRecords()).flatMap(({ subject, data }) =>
      subject.startsWith("resource.link.") ? [(data as unknown as Recorded).snapshot] : [],
    );
    expect(
      states.filter(({ value }) => value.lifecycle === "proposed").map(({ context }) => context.proposedBy),
    ).toEqual(["another"]);
  });
});
