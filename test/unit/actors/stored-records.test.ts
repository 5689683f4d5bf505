import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import type { Json } from "../../../src/actors/ports.ts";
import { parseRecord, type ResourceRecord } from "../../../src/actors/resource-record.ts";
import type { Embedded } from "../../../src/adapters/embedded/open.ts";
import { refusalOf } from "../catalogue/catalogue-text.ts";
import { MemorySystem, outcomes } from "./memory-system.ts";

/** Logs as earlier versions of the program left them: the last record of each resource. */
const root = join(import.meta.dirname, "../../histories");
const versions = readdirSync(root);

interface Stored {
  readonly subject: string;
  readonly data: Json;
}

function recordsOf(version: string): Stored[] {
  const { records } = JSON.parse(readFileSync(join(root, version, "log-records.json"), "utf8")) as {
    records: Stored[];
  };
  return records;
}

const recordIn = ({ data }: Stored) => data as unknown as ResourceRecord;
const named = (records: readonly Stored[], name: string) => {
  const found = records.map(recordIn).find(({ snapshot }) => snapshot.context.body["name"] === name);
  if (found === undefined) throw new Error(`no record of ${name}`);
  return found.snapshot.context;
};

/** Puts the records into the log, and into the queues the jobs that were handed out already. */
async function restore(embedded: Embedded, records: readonly Stored[]): Promise<void> {
  for (const [at, { subject, data }] of records.entries()) {
    await embedded.log.append(subject, data, { expectedSeq: 0, messageId: `m${at}` });
    const { snapshot, outbox } = recordIn({ subject, data });
    const { type, id, jobs } = snapshot.context;
    for (const { job, phase } of jobs) {
      const waits = outbox.some((item) => item.kind === "offer" && item.jobId === job.id);
      if ((phase === "ready" || phase === "working") && !waits)
        await embedded.queues.queue(job.handler).offer({ id: job.id, body: { type, id, jobId: job.id } });
    }
  }
}

let system: MemorySystem | undefined;
afterEach(async () => {
  await system?.stop();
  system = undefined;
});

describe.each(versions)("a log of version %s", (version) => {
  const records = recordsOf(version);

  it("is taken up where it ended", async () => {
    system = await MemorySystem.start(1, (embedded) => restore(embedded, records));
    const gateway = system.gateway();
    const [busy, leaving, failed] = ["busy", "leaving", "failed"].map((name) => named(records, name).id);
    // What was on its way goes on: a creation to its end, a deletion that waited for one too.
    await system.until(busy ?? "", ({ status }) => status === "ACTIVE");
    await system.until(leaving ?? "", ({ deleted }) => deleted);
    expect([...system.controller.objects.keys()]).toEqual([`link/${busy}`]);
    const status = Object.fromEntries(
      (await gateway.list("link", {})).resources.map((link) => [link["name"], link["status"]]),
    );
    expect(status).toEqual({ done: "ACTIVE", failed: "ERROR", busy: "ACTIVE" });
    // What failed can be tried again.
    await gateway.retry("link", failed ?? "");
    await system.until(failed ?? "", ({ status: now }) => now === "ACTIVE");
  });

  it("still holds what its resources hold", async () => {
    system = await MemorySystem.start(1, (embedded) => restore(embedded, records));
    const gateway = system.gateway();
    const done = named(records, "done");
    const site = named(records, "north").id;
    const refused = await outcomes([
      gateway.create("link", { name: "done", site_id: site }),
      gateway.create("link", { name: "new", site_id: site, number: Number(done.body["number"]) }),
      gateway.remove("link", done.id),
    ]);
    expect(refused.refused).toEqual(["SB_REFERENCED", "SB_UNIQUE_TAKEN", "SB_UNIQUE_TAKEN"]);
    const taken = new Set(records.map((stored) => recordIn(stored).snapshot.context.body["number"]));
    const created = await gateway.create("link", { name: "new", site_id: site });
    expect(taken.has(created["number"])).toBe(false);
  });
});

describe("a record of a version to come", () => {
  const [stored] = recordsOf("v1");
  if (stored === undefined) throw new Error("no records");
  const record = recordIn(stored);
  const newer = { ...record, v: 2 } as unknown as Json;
  const newerSnapshot = { ...record, snapshot: { ...record.snapshot, v: 2 } } as unknown as Json;

  it.each([newer, newerSnapshot])("is refused by name, never misread", (data) => {
    const error = refusalOf(() => parseRecord({ seq: 7, subject: stored.subject, time: 0, data }));
    expect([error.code, error.message]).toEqual(["SB_DATA_VERSION", `record 7 (${stored.subject}) is of version 2`]);
  });

  it("keeps a process from starting on it", async () => {
    const start = MemorySystem.start(1, async (embedded) => {
      await embedded.log.append(stored.subject, newer, { expectedSeq: 0, messageId: "m" });
    });
    expect(await outcomes([start])).toEqual({ taken: 0, refused: ["SB_DATA_VERSION"] });
  });

  it("is nobody's business when it is not a resource's", () => {
    expect(parseRecord({ seq: 7, subject: "lane.mx1", time: 0, data: { v: 9 } })).toBeUndefined();
  });
});
