import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { AuditJournal } from "../../../../src/actors/audit/audit-journal.ts";
import { AUDIT_SUBJECTS, parseAuditRecord } from "../../../../src/actors/audit/audit-record.ts";
import type { AuditView } from "../../../../src/actors/audit/audit-view.ts";
import type { EventLog } from "../../../../src/actors/ports.ts";
import { type Embedded, openMemory } from "../../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { RecordingLogger } from "../../http/recording-logger.ts";
import { ACME, caller } from "./callers.ts";

const ann = caller("ann", "member", ACME);
let clock: VirtualClock;
let stores: Embedded;
let logger: RecordingLogger;
let refusing: SignalboxError | undefined;
let journal: AuditJournal;
beforeEach(async () => {
  clock = new VirtualClock(1_000_000_000_000);
  logger = new RecordingLogger();
  refusing = undefined;
  const random = new SeededRandom(1);
  stores = await openMemory({ clock, random, logger });
  const log: Pick<EventLog, "append"> = {
    append: async (...given) => {
      if (refusing !== undefined) throw refusing;
      return stores.log.append(...given);
    },
  };
  journal = new AuditJournal({ log, clock, random, logger });
});
afterEach(() => stores.close());

async function kept(): Promise<AuditView[]> {
  const entries: AuditView[] = [];
  for await (const stored of stores.log.read(1)) {
    expect(stored.subject.startsWith(AUDIT_SUBJECTS)).toBe(true);
    for (const { value } of parseAuditRecord(stored)?.documents ?? []) entries.push(value as unknown as AuditView);
  }
  return entries;
}
/** What is kept once that many entries are. */
async function entries(count: number): Promise<AuditView[]> {
  await vi.waitFor(async () => expect((await kept()).length).toBeGreaterThanOrEqual(count));
  return kept();
}
const summary = async (count: number) =>
  (await entries(count)).map(({ action, error, by, count: times }) => [action, error, by?.name, times]);

it("what is refused is kept within a second, with who it was and from where", async () => {
  journal.refused({ action: "update", by: ann, type: "vault", id: "v1" }, "SB_NOT_FOUND");
  expect(await kept()).toEqual([]);
  await clock.advance(1_000);
  expect(await entries(1)).toEqual([
    {
      v: 2,
      time: 1_000_000_000_000,
      action: "update",
      outcome: "refused",
      error: "SB_NOT_FOUND",
      count: 1,
      type: "vault",
      id: "v1",
      name: "",
      target: null,
      tenant: ACME,
      shared: false,
      version: null,
      by: { name: "ann", role: "member", tenant: ACME, from: "of ann", via: "http", requestId: "request of ann" },
      changes: {},
    },
  ]);
});

it("what is alike is counted for a minute: a flood makes two entries", async () => {
  for (let at = 0; at < 5_000; at += 1) journal.refused({ action: "authenticate", by: ann }, "SB_UNAUTHENTICATED");
  await clock.advance(60_000);
  expect(await summary(2)).toEqual([
    ["authenticate", "SB_UNAUTHENTICATED", "ann", 1],
    ["authenticate", "SB_UNAUTHENTICATED", "ann", 4_999],
  ]);
  journal.refused({ action: "authenticate", by: ann }, "SB_UNAUTHENTICATED");
  await clock.advance(1_000);
  expect((await summary(3)).slice(2)).toEqual([["authenticate", "SB_UNAUTHENTICATED", "ann", 1]]);
});

it("a flood of different ones is bounded, and counted", async () => {
  for (let at = 0; at < 3_000; at += 1)
    journal.refused({ action: "update", by: ann, type: "vault", id: `v${at}` }, "SB_NOT_FOUND");
  await journal.stop();
  const all = await summary(1_001);
  expect(all).toHaveLength(1_001);
  expect(all.at(-1)).toEqual(["update", "SB_NOT_FOUND", undefined, 2_000]);
});

it("what is about to be done is kept before, or it is not done", async () => {
  await journal.act({ action: "lab", by: ann, target: "POST /lab/routers/MX-1/faults" });
  expect((await kept()).map(({ target, outcome }) => [target, outcome])).toEqual([
    ["POST /lab/routers/MX-1/faults", "accepted"],
  ]);
  refusing = new SignalboxError("SB_STORE_FULL", "no space");
  await expect(journal.act({ action: "reseal", by: ann })).rejects.toBe(refusing);
});

it("nothing is lost while the log takes no writes, and the log says so once", async () => {
  refusing = new SignalboxError("SB_STORE_FULL", "no space");
  journal.refused({ action: "create", by: ann, type: "vault" }, "SB_FORBIDDEN");
  await clock.advance(30_000);
  journal.read({ action: "read_documents", by: ann, target: "/config/" });
  await clock.advance(30_000);
  refusing = undefined;
  await clock.advance(30_000);
  expect(await summary(2)).toEqual([
    ["create", "SB_FORBIDDEN", "ann", 1],
    ["read_documents", null, "ann", 1],
  ]);
  expect(logger.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  expect(logger.lines.at(-1)?.message).toBe("the audit is written again");
});

it("texts of a client are bounded", async () => {
  journal.read({ action: "read_documents", by: ann, target: "/".repeat(10_000) });
  await journal.stop();
  expect((await kept())[0]?.target?.length).toBeLessThan(250);
});
