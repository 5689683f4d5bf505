import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { verifyAudit } from "../../../../src/actors/audit/verify-audit.ts";
import { adoptLog } from "../../../../src/actors/log-identity/adopt-log.ts";
import { readIdentity } from "../../../../src/actors/log-identity/identity-record.ts";
import type { EventLog } from "../../../../src/actors/ports.ts";
import { systemRandom } from "../../../../src/adapters/system/system-random.ts";
import { MemorySystem } from "../memory-system.ts";
import { openLog, SwappedLog } from "./swapped-log.ts";

let system: MemorySystem;
let other: EventLog;
let closeOther: () => Promise<void>;

beforeEach(async () => {
  system = await MemorySystem.start(0);
  ({ log: other, close: closeOther } = await openLog());
});
afterEach(async () => {
  await system.stop();
  await closeOther();
});

const replaced = expect.objectContaining({ code: "SB_LOG_REPLACED" });
const documents = async () => (await system.embedded.documents.range("/config/")).map(({ key }) => key);

/** A system has run on the log, and its documents are there. */
async function livedOn(log: EventLog): Promise<string> {
  const process = await system.addProcess({ log });
  const { id } = await process.gateway.create("site", { name: "one" });
  await vi.waitFor(async () => expect(await documents()).toContain(`/config/v2.0/sites/${id}`));
  await process.stop();
  system.processes.pop();
  return String(id);
}

/** The audit was kept and its chain goes on. */
async function auditIsWhole(entries: number): Promise<void> {
  await vi.waitFor(async () => {
    const exported = await system.gateway().auditExport();
    expect(await verifyAudit(exported.begin, exported.entries)).toMatchObject({ entries, faults: [] });
  });
}

describe("documents whose log was replaced while the system was down", () => {
  it("stop every process from starting, whatever its role", async () => {
    await livedOn(system.embedded.log);
    const before = await system.embedded.documents.range("");
    for (const role of ["gateway", "actors", "worker", "monitor", "projector"] as const) {
      await expect(system.addProcess({ log: other }, [role])).rejects.toEqual(replaced);
    }
    expect(await other.position()).toBe(0);
    expect(await system.embedded.documents.range("")).toEqual(before);
  });

  it("are taken over when an earlier version has written them and the log is theirs", async () => {
    const id = await livedOn(system.embedded.log);
    const { log, documents: store } = system.embedded;
    // As that version left them: no identity in the log, none beside the positions.
    await log.purge("log.identity");
    const written = [...(await store.range("/signalbox/outbox/")), ...(await store.range("/signalbox/projector"))];
    const asBefore = written.map(({ key, value }) => {
      const { log: _, ...position } = value as { log?: string; seq: number };
      return { key, value: position };
    });
    await store.transaction({ writes: [{ key: "/signalbox/log", value: null }, ...asBefore] });
    const process = await system.addProcess();
    expect(await process.gateway.get("site", id)).toMatchObject({ name: "one" });
    const { id: next } = await process.gateway.create("site", { name: "two" });
    await vi.waitFor(async () => expect(await documents()).toContain(`/config/v2.0/sites/${next}`));
    expect((await store.get("/signalbox/projector"))?.value).toMatchObject({ log: await readIdentity(log) });
  });

  it("are written anew from the present log once it is adopted", async () => {
    const lost = await livedOn(system.embedded.log);
    await adoptLog({ log: other, documents: system.embedded.documents, random: systemRandom });
    expect(await documents()).toEqual([]);
    const process = await system.addProcess({ log: other });
    await expect(process.gateway.get("site", lost)).rejects.toMatchObject({ code: "SB_NOT_FOUND" });
    const { id } = await process.gateway.create("site", { name: "new" });
    await vi.waitFor(async () => expect(await documents()).toEqual([`/config/v2.0/sites/${id}`]));
    await auditIsWhole(2);
    // And the log of before is a stranger now.
    await expect(system.addProcess()).rejects.toEqual(replaced);
  });

  it("come back with an adopted log that has resources", async () => {
    const id = await livedOn(system.embedded.log);
    const { log, documents: store } = system.embedded;
    await adoptLog({ log, documents: store, random: systemRandom });
    expect(await documents()).toEqual([]);
    const process = await system.addProcess();
    expect(await process.gateway.get("site", id)).toMatchObject({ name: "one" });
    await vi.waitFor(async () => expect(await documents()).toEqual([`/config/v2.0/sites/${id}`]));
    await auditIsWhole(1);
    await process.gateway.create("site", { name: "two" });
    await auditIsWhole(2);
  });

  it("are not given away while a process is alive", async () => {
    await system.addProcess();
    const adopting = adoptLog({ log: other, documents: system.embedded.documents, random: systemRandom });
    await expect(adopting).rejects.toMatchObject({ code: "SB_DATA_IN_USE" });
    expect(await other.position()).toBe(0);
  });
});

describe("a log that is replaced under running processes", () => {
  it("makes them not ready, and takes no request", async () => {
    const swapped = new SwappedLog(system.embedded.log);
    const process = await system.addProcess({ log: swapped });
    await process.gateway.create("site", { name: "one" });
    expect((await process.gateway.readiness()).ready).toBe(true);
    swapped.current = other;
    await vi.waitFor(
      async () => {
        const { ready, checks } = await process.gateway.readiness();
        expect(ready).toBe(false);
        expect(checks["log"]).toContain("this process has started with the log");
      },
      { timeout: 10_000 },
    );
    await expect(process.gateway.create("site", { name: "two" })).rejects.toEqual(replaced);
    const resources: string[] = [];
    for await (const { subject } of other.lastOfEach("resource.")) resources.push(subject);
    expect(resources).toEqual([]);
  });
});
