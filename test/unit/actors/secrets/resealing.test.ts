import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { journalSubject } from "../../../../src/actors/devices/lane-journal.ts";
import type { Json, StoredRecord } from "../../../../src/actors/ports.ts";
import { parseRecord } from "../../../../src/actors/resource-record.ts";
import { keyIdOf, sealing } from "../../../../src/adapters/secrets/sealing.ts";
import { foldedDocuments } from "../../../fault/lone-invariants.ts";
import { MemorySystem } from "../memory-system.ts";
import { secondVersion } from "./second-version.ts";

const [oldKey, newKey] = [5, 6].map((byte) => new Uint8Array(32).fill(byte)) as [Uint8Array, Uint8Array];
const [oldId, newId] = [keyIdOf(oldKey), keyIdOf(newKey)];
const secrets = sealing(newKey, [oldKey]);
const reading = sealing(newKey);

let system: MemorySystem;
let ids: string[];
/** A process with the new key, beside one that has the old one only. */
beforeEach(async () => {
  system = await MemorySystem.start();
  ids = [];
  for (const name of ["kept", "changed", "gone"]) {
    const { id } = await system.gateway().create("vault", { name, password: `password of ${name}` });
    ids.push(String(id));
  }
  await system.gateway().update("vault", ids[1] ?? "", { password: "another password" });
  await system.gateway().remove("vault", ids[2] ?? "");
  await system.until(ids[2] ?? "", ({ deleted }) => deleted);
  await system.addProcess({ secrets });
});
afterEach(() => system.stop());

const gateway = () => system.gateway(1);

async function records(): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for await (const stored of system.embedded.log.read(1)) all.push(stored);
  return all;
}

async function lasts(): Promise<StoredRecord[]> {
  const all: StoredRecord[] = [];
  for await (const stored of system.embedded.log.lastOfEach("resource.")) all.push(stored);
  return all;
}

/** Password and version as the config document says, opened with the new key alone. */
async function configured(id: string): Promise<[password: string, version: number]> {
  const config = await system.embedded.documents.get(`/config/v2.0/vaults/${id}`);
  if (config === undefined) throw new Error(`there is no config document of ${id}`);
  const { body, version } = config.value as { body: { password: string }; version: number };
  return [reading.open(body.password), version];
}

const documents = () => system.embedded.documents.range("/");
const keysIn = (values: readonly unknown[]) => new Set(secrets.keysIn(JSON.stringify(values)));

describe("a new key", () => {
  it("is not what anything is sealed with at first", async () => {
    const report = await gateway().sealed();
    expect(report).toMatchObject({ key: newId, needed: [oldId], inHistory: [], purged: 0, left: [] });
    expect(report.keys[oldId]).toMatchObject({ records: expect.any(Number), documents: 2 });
    expect(Object.keys(report.keys)).toEqual([oldId]);
  });

  it("seals everything that is in use anew: last records, documents, deleted resources too", async () => {
    const before = await lasts();
    const report = await gateway().sealed({ purge: false });
    expect(report).toMatchObject({ resealed: { resources: 3, secrets: 3 }, needed: [], left: [], purged: 0 });
    expect(report.inHistory).toEqual([oldId]);
    expect(report.keys[newId]).toMatchObject({ records: report.keys[newId]?.records, documents: 2, history: 0 });
    expect(keysIn(await lasts())).toEqual(new Set([newId]));
    expect(keysIn(await documents())).toEqual(new Set([newId]));
    // Nothing but the seals is another.
    const opened = (all: readonly StoredRecord[], by: typeof secrets) =>
      all.map(({ data, subject }) => [subject, by.open(JSON.stringify((data as { snapshot: Json }).snapshot))]).sort();
    expect(opened(await lasts(), reading)).toEqual(opened(before, secrets));
    expect(await configured(ids[1] ?? "")).toEqual(["another password", 2]);
  });

  it("leaves a second time nothing to do", async () => {
    await gateway().sealed({ purge: false });
    const position = await system.embedded.log.position();
    const again = await gateway().sealed({ purge: false });
    expect(again).toMatchObject({ resealed: { resources: 0, secrets: 0 }, needed: [], inHistory: [oldId] });
    expect(await system.embedded.log.position()).toBe(position);
  });

  it("purges what the old one has sealed, and the documents are still the log folded", async () => {
    const history = await gateway().audit({ resource: { type: "vault", id: ids[1] ?? "" } });
    const report = await gateway().sealed({ purge: true });
    expect(report).toMatchObject({ needed: [], inHistory: [], left: [] });
    expect(report.purged).toBeGreaterThan(5);
    expect(keysIn(await records())).toEqual(new Set([newId]));
    const stored = new Map((await documents()).map(({ key, value }) => [key, JSON.stringify(value)]));
    for (const [key, text] of foldedDocuments(await records())) expect([key, stored.get(key)]).toEqual([key, text]);
    expect([...foldedDocuments(await records()).keys()].sort()).toEqual(
      [...stored.keys()].filter((key) => !key.startsWith("/signalbox/")).sort(),
    );
    // Who did what can be read, and built anew from the log, as before.
    expect(await gateway().audit({ resource: { type: "vault", id: ids[1] ?? "" } })).toEqual(history);
    const told = (await records()).flatMap((each) => parseRecord(each)?.documents ?? []);
    expect(told.filter(({ key }) => key.startsWith("/signalbox/audit/at/"))).toHaveLength(5);
  });

  it("purges later too, when everything in use is sealed already", async () => {
    await gateway().sealed({ purge: false });
    const report = await gateway().sealed({ purge: true });
    expect(report).toMatchObject({ resealed: { resources: 0 }, needed: [], inHistory: [], left: [] });
    expect(keysIn(await records())).toEqual(new Set([newId]));
  });

  it("works on with resources that are changed meanwhile", async () => {
    const [kept = ""] = ids;
    const changes = Array.from({ length: 20 }, (_, at) => gateway().update("vault", kept, { name: `kept ${at}` }));
    const [report] = await Promise.all([gateway().sealed({ purge: true }), ...changes]);
    expect(report.left).toEqual([]);
    const view = await gateway().get("vault", kept);
    expect(view).toMatchObject({ name: expect.stringMatching(/^kept \d+$/), password: "***" });
    const last = await gateway().sealed({ purge: true });
    expect(last).toMatchObject({ needed: [], inHistory: [], left: [] });
    expect(await configured(kept)).toEqual(["password of kept", 21]);
  });
});

describe("what cannot be sealed anew now", () => {
  it("is a journal of a commit that is not over; one that is over goes", async () => {
    const { log } = system.embedded;
    const device = {
      host: "mx",
      port: 830,
      username: "u",
      password: sealing(oldKey).seal("of the router", "router/1/password"),
    };
    const journal = (phase: string): Json => ({ v: 1, phase, tag: "t", devices: [device], jobs: [], time: 1, by: "x" });
    const [open, over] = [journalSubject("open"), journalSubject("over")];
    await log.append(open, journal("committing"), { expectedSeq: 0, messageId: "1" });
    const { seq } = await log.append(over, journal("committing"), { expectedSeq: 0, messageId: "2" });
    await log.append(over, journal("settled"), { expectedSeq: seq, messageId: "3" });
    const report = await gateway().sealed({ purge: true });
    expect(report.left).toEqual([`${open}: its commit is not over`]);
    expect(report.needed).toEqual([oldId]);
    expect(report.keys[oldId]).toEqual({ records: 1, documents: 0, history: 0 });
    expect(await log.last(over)).toBeUndefined();
    expect((await log.last(open))?.data).toMatchObject({ phase: "committing" });
  });

  it("is what a third key has sealed", async () => {
    const third = sealing(new Uint8Array(32).fill(9));
    await system.addProcess({ secrets: third });
    await system.gateway(2).create("vault", { name: "third", password: "of the third" });
    const report = await gateway().sealed({ purge: false });
    expect(report.needed).toEqual([third.keyId]);
    expect(report.keys[third.keyId]).toMatchObject({ documents: 1 });
  });
});

describe("seals of before, which do not say what they are for", () => {
  it("are told with the next reseal, also under the same key, and stay alike wherever they stand", async () => {
    const key = new Uint8Array(32).fill(5);
    await system.addProcess({ secrets: secondVersion(key) });
    const { id } = await system.gateway(2).create("vault", { name: "second", password: "of before" });
    const config = async () => {
      const found = await system.embedded.documents.get(`/config/v2.0/vaults/${id}`);
      if (found === undefined) throw new Error("there is no config document");
      return (found.value as { body: { password: string } }).body.password;
    };
    expect(await config()).toMatch(/^sb2~/);
    const report = await system.gateway(0).sealed({ purge: false });
    expect(report).toMatchObject({ resealed: { resources: 1, secrets: 1 }, needed: [], left: [] });
    const now = sealing(key);
    expect(now.placesIn(await config())).toEqual([`vault/${id}/password`]);
    expect(now.open(await config())).toBe("of before");
    const texts = (await lasts()).map(({ data }) => JSON.stringify(data)).join();
    expect(texts).not.toContain("sb2~");
    expect(await system.gateway(0).sealed({ purge: false })).toMatchObject({ resealed: { resources: 0, secrets: 0 } });
  });
});
