import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { ActorSystem } from "../../src/actors/actor-system.ts";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { LogBook } from "../contract/nats/opened.ts";
import { type Fate, TroubledLog } from "../unit/actors/log-writes/troubled-log.ts";
import { MemorySystem } from "../unit/actors/memory-system.ts";

let system: MemorySystem;
let log: TroubledLog;
let process: ActorSystem;
let book: LogBook;
let site: string;
let aheadMs = 0;
const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + aheadMs };

beforeEach(async () => {
  book = new LogBook();
  aheadMs = 0;
  system = await MemorySystem.start(0);
  log = new TroubledLog(system.embedded.log);
  process = await system.addProcess({ log, logger: book.logger, clock });
  site = String((await process.gateway.create("site", { name: "s" }))["id"]);
});
afterEach(async () => {
  log.recover();
  await system.stop();
});

const full = { code: "SB_STORE_FULL", transient: true, status: 503 };
const create = (name: string, more: object = {}) => process.gateway.create("link", { name, site_id: site, ...more });
const takes = (fates: Readonly<Record<string, Fate>>) => {
  log.fate = (event) => fates[event] ?? fates["*"] ?? "stored";
};
const ready = () => process.gateway.readiness();
const waiting = { timeout: 15_000 };
const becomesReady = () => vi.waitFor(async () => expect((await ready()).ready).toBe(true), waiting);
/** Events in the log, of all resources but the site. */
const events = async () => {
  const found: string[] = [];
  for await (const { subject, data } of system.embedded.log.read(1)) {
    if (subject.startsWith("resource.") && !subject.includes(site)) found.push((data as { event: string }).event);
  }
  return found;
};

describe("a log that takes no writes", () => {
  it("refuses requests, at once once that is known, and makes the process not ready until it takes them again", async () => {
    expect((await ready()).checks).toMatchObject({ log: "ok" });
    takes({ "*": "full" });
    await expect(create("one")).rejects.toMatchObject(full);
    expect((await ready()).checks["log"]).toContain("no room");
    const asked = log.asked.filter((event) => event !== "probe").length;
    for (const name of ["two", "three"]) await expect(create(name)).rejects.toMatchObject(full);
    await expect(process.gateway.update("site", site, { name: "t" })).rejects.toMatchObject(full);
    await expect(process.gateway.remove("site", site)).rejects.toMatchObject(full);
    expect(log.asked.filter((event) => event !== "probe")).toHaveLength(asked);
    takes({});
    await becomesReady();
    expect(await events()).toEqual([]);
    expect(await process.gateway.get("site", site)).toMatchObject({ name: "s" });
    const { id } = await create("one");
    await system.until(String(id), ({ state }) => state === "create_completed");
  });

  it("is found by a look when nothing was written for a while", async () => {
    aheadMs = 60_000;
    takes({ probe: "full" });
    expect((await ready()).checks["log"]).toContain("no room");
    takes({});
    await becomesReady();
  });

  it("leaves nothing of a creation that was announced before it was full", async () => {
    takes({ ADMIT: "full", REJECT: "full", probe: "full" });
    await expect(create("one", { number: 3 })).rejects.toMatchObject(full);
    takes({});
    await vi.waitFor(() => expect(process.index.claimants(`site/${site}/number`, 3)).toEqual([]), waiting);
    await becomesReady();
    const { number } = await create("one", { number: 3 });
    expect(number).toBe(3);
  });

  it("leaves a resource as it was when its deletion was announced before it was full", async () => {
    takes({ DELETE: "full", WITHDRAW_DELETE: "full", probe: "full" });
    await expect(process.gateway.remove("site", site)).rejects.toMatchObject(full);
    takes({});
    await vi.waitFor(() => expect(process.index.get("site", site)?.markedForDeletion).toBe(false), waiting);
    await becomesReady();
    await create("one");
  });

  it("leaves a name free when the change that wants it was announced before it was full", async () => {
    const { id } = await create("one");
    takes({ UPDATE: "full", WITHDRAW_UPDATE: "full", probe: "full" });
    await expect(process.gateway.update("link", String(id), { name: "two" })).rejects.toMatchObject(full);
    takes({});
    await becomesReady();
    await vi.waitFor(() => expect(process.index.holder("link", "name", "two")).toBeUndefined(), waiting);
    await create("two");
    expect(await process.gateway.get("link", String(id))).toMatchObject({ name: "one" });
  });
});

describe("an append whose answer is lost", () => {
  const doubt = { code: "SB_STORE_IN_DOUBT", status: 503, transient: true };

  it("is told as such, and what was made is found by the key", async () => {
    takes({ ADMIT: "answer lost" });
    await expect(process.gateway.create("link", { name: "one", site_id: site }, { key: "k" })).rejects.toMatchObject(
      doubt,
    );
    takes({});
    await becomesReady();
    const again = await process.gateway.create("link", { name: "one", site_id: site }, { key: "k" });
    expect(again).toMatchObject({ name: "one" });
    expect((await events()).filter((event) => event === "ADMIT")).toHaveLength(1);
  });

  it("of an announcement holds nothing", async () => {
    takes({ PROPOSE: "answer lost" });
    await expect(create("one", { number: 3 })).rejects.toMatchObject(doubt);
    takes({});
    await vi.waitFor(() => expect(process.index.claimants(`site/${site}/number`, 3)).toEqual([]), waiting);
    await becomesReady();
    expect(await create("one", { number: 3 })).toMatchObject({ number: 3 });
  });
});

describe("a log that falls silent", () => {
  it("answers who waits within seconds that it is in doubt, and the next ones at once", async () => {
    takes({ "*": "silent" });
    const began = performance.now();
    await expect(create("one")).rejects.toMatchObject({ code: "SB_STORE_IN_DOUBT" });
    expect((await ready()).checks["log"]).toContain("does not answer");
    await expect(create("two")).rejects.toMatchObject({ code: "SB_STORE_UNREACHABLE" });
    // A look a second, and a second until it counts as not answered; the adapter itself would wait for 30.
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});

describe("what is logged while the log is full", () => {
  it("does not grow with what fails and how often", async () => {
    const links = await Promise.all(Array.from({ length: 8 }, (_, n) => create(`l${n}`)));
    for (const { id } of links) await system.until(String(id), ({ state }) => state === "create_completed");
    const release = system.controller.hold();
    await Promise.all(links.map(({ id }) => process.gateway.remove("link", String(id))));
    await system.controller.arrival();
    const before = book.lines.filter(({ level }) => level !== "debug").length;
    takes({ "*": "full" });
    release();
    for (let n = 0; n < 200; n += 1) await create("late").catch(() => undefined);
    // Several rounds of every loop that tries again.
    const asked = log.asked.length;
    await vi.waitFor(() => expect(log.asked.length).toBeGreaterThan(asked + 20), waiting);
    const lines = book.lines.filter(({ level }) => level !== "debug").slice(before);
    expect(lines.map(({ message }) => message)).toEqual([]);
    log.recover();
    for (const { id } of links) await system.until(String(id), ({ deleted }) => deleted);
  });
});
