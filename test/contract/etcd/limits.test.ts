import { AlarmAction } from "etcd3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DocumentStore, DocumentWrite } from "../../../src/actors/ports.ts";
import { asSignalboxError, type SignalboxError } from "../../../src/errors.ts";
import { type EtcdServerOptions, startEtcd } from "../../servers/etcd.ts";
import { Opened } from "./open-store.ts";
import { recordingLogger } from "./recording-logger.ts";

let opened: Opened;
beforeEach(() => {
  opened = new Opened();
});
afterEach(() => opened.close());

async function server(options: EtcdServerOptions = {}): Promise<string> {
  const etcd = await startEtcd(options);
  opened.later(() => etcd.stop());
  return etcd.endpoint;
}

const writes = (count: number): DocumentWrite[] =>
  Array.from({ length: count }, (_, n) => ({ key: `/many/${n}`, value: n }));

describe("a transaction that is too large", () => {
  it("is refused above 128 writes or compares, and leaves nothing", async () => {
    const { documents } = await opened.store(await server());
    const before = await documents.revision();
    const tooLarge = { code: "SB_TRANSACTION_TOO_LARGE", transient: false };
    await expect(documents.transaction({ writes: writes(129) })).rejects.toMatchObject(tooLarge);
    const compare = writes(129).map(({ key }) => ({ key, revision: 0 }));
    await expect(documents.transaction({ compare, writes: [] })).rejects.toMatchObject(tooLarge);
    expect(await documents.revision()).toBe(before);
    expect(await documents.transaction({ compare: compare.slice(1), writes: writes(128) })).toEqual({
      committed: true,
      revision: before + 1,
    });
  });

  it("is refused with etcd's limit when the adapter was told a higher one", async () => {
    const { documents } = await opened.store(await server({ args: ["--max-txn-ops=10"] }), { maxOperations: 20 });
    const error = await failure(documents.transaction({ writes: writes(11) }));
    expect(error).toMatchObject({ code: "SB_TRANSACTION_TOO_LARGE", transient: false });
    expect(error.advice).toContain("--max-txn-ops");
  });

  it("may be larger when etcd and the adapter are told so", async () => {
    const { documents } = await opened.store(await server({ args: ["--max-txn-ops=1000"] }), { maxOperations: 1000 });
    expect(await documents.transaction({ writes: writes(1000) })).toMatchObject({ committed: true });
    // More documents than one page of a range holds.
    expect((await documents.range("/many/")).length).toBe(1000);
    expect((await documents.range("/many/", { limit: 700 })).length).toBe(700);
  });

  it.each([1.6e6, 5e6])("is refused with %d bytes", async (bytes) => {
    const { documents } = await opened.store(await server());
    const error = await failure(documents.transaction({ writes: [{ key: "/a", value: "x".repeat(bytes) }] }));
    expect(error).toMatchObject({ code: "SB_TRANSACTION_TOO_LARGE", transient: false });
    expect(error.advice).toContain("--max-request-bytes");
    expect(await documents.get("/a")).toBeUndefined();
  });

  it("is refused when it writes a key twice", async () => {
    const { documents } = await opened.store(await server());
    const twice = documents.transaction({
      writes: [
        { key: "/a", value: 1 },
        { key: "/a", value: null },
      ],
    });
    await expect(twice).rejects.toMatchObject({ code: "SB_TRANSACTION_TOO_LARGE", statement: "/a" });
  });
});

describe("a full etcd", () => {
  it("says that it is full, still reads, and takes writes again when it was cleaned", async () => {
    const endpoint = await server({ args: ["--quota-backend-bytes=16777216"] });
    const { logger, lines } = recordingLogger();
    const { documents, healthy } = await opened.store(endpoint, { logger });
    const error = await fill(documents);
    expect(error).toMatchObject({ code: "SB_STORE_FULL", transient: true });
    expect(error.report).toContain("etcdctl alarm disarm");
    const again = documents.transaction({ writes: [{ key: "/full/0", value: "x".repeat(1e6) }] });
    await expect(again).rejects.toMatchObject({ code: "SB_STORE_FULL" });
    expect(await healthy()).toMatchObject({ code: "SB_STORE_FULL" });
    expect((await documents.get("/full/0"))?.revision).toBeGreaterThan(0);
    // As docs/etcd.md says: compact, defragment, clear the alarm.
    const admin = opened.admin(endpoint);
    await admin.kv.compact({ revision: await documents.revision(), physical: true });
    await admin.maintenance.defragment();
    for (const alarm of (await admin.maintenance.alarm({ action: AlarmAction.Get })).alarms) {
      await admin.maintenance.alarm({ ...alarm, action: AlarmAction.Deactivate });
    }
    expect(await healthy()).toBeUndefined();
    expect(await documents.transaction({ writes: [{ key: "/full/0", value: "small" }] })).toMatchObject({
      committed: true,
    });
    expect(lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      "error: etcd has no space left; it takes no writes until it is cleaned",
      "info: etcd takes writes again",
    ]);
  });
});

/** Writes one key over and over, until etcd refuses. */
async function fill(documents: DocumentStore): Promise<SignalboxError> {
  for (let n = 0; n < 100; n += 1) {
    try {
      await documents.transaction({ writes: [{ key: "/full/0", value: `${n} ${"x".repeat(1e6)}` }] });
    } catch (thrown) {
      return asSignalboxError(thrown);
    }
  }
  throw new Error("it never was full");
}

async function failure(request: Promise<unknown>): Promise<SignalboxError> {
  try {
    await request;
  } catch (thrown) {
    return asSignalboxError(thrown);
  }
  throw new Error("it did not fail");
}
