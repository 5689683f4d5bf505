import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { DocumentStore } from "../../src/actors/ports.ts";
import { SignalboxError } from "../../src/errors.ts";
import { Collected, Opened } from "../contract/etcd/open-store.ts";
import { recordingLogger } from "../contract/etcd/recording-logger.ts";
import { type RunningEtcd, startEtcd, startEtcdCluster } from "../servers/etcd.ts";
import { startTcpGate } from "../servers/tcp-gate.ts";

let opened: Opened;
beforeEach(() => {
  opened = new Opened();
});
afterEach(() => opened.close());

async function oneServer(): Promise<RunningEtcd> {
  const server = await startEtcd();
  opened.later(() => server.stop());
  return server;
}

async function gateTo(server: RunningEtcd) {
  const gate = await startTcpGate(server.endpoint);
  opened.later(() => gate.stop());
  return gate;
}

describe("a transaction whose answer is lost", () => {
  it("fails as being in doubt, was made, and is made once only", async () => {
    const server = await oneServer();
    const gate = await gateTo(server);
    const { documents: direct } = await opened.store(server.endpoint);
    const { documents } = await opened.store(gate.endpoint);
    const before = await documents.revision();
    const watched = new Collected(direct, "/", before + 1);
    gate.holdAnswers();
    const transaction = documents.transaction({
      compare: [{ key: "/vlan/7", revision: 0 }],
      writes: [{ key: "/vlan/7", value: "mine" }],
    });
    const failed = expect(transaction).rejects.toMatchObject({ code: "SB_STORE_IN_DOUBT", transient: true });
    await watched.count(1);
    gate.cut();
    await failed;
    gate.open();
    expect(await documents.get("/vlan/7")).toEqual({ key: "/vlan/7", value: "mine", revision: before + 1 });
    expect(await documents.revision()).toBe(before + 1);
    await watched.stop();
  });

  it("is in doubt too when no answer comes within the time for a request", async () => {
    const server = await oneServer();
    const gate = await gateTo(server);
    const { documents } = await opened.store(gate.endpoint, { timeouts: { requestMs: 300 } });
    gate.holdAnswers();
    const write = documents.transaction({ writes: [{ key: "/a", value: 1 }] });
    await expect(write).rejects.toMatchObject({ code: "SB_STORE_IN_DOUBT", transient: true });
    await expect(documents.get("/a")).rejects.toMatchObject({ code: "SB_STORE_UNREACHABLE" });
    gate.cut();
    gate.open();
    expect((await documents.get("/a"))?.value).toBe(1);
    expect(await documents.transaction({ writes: [{ key: "/a", value: 2 }] })).toMatchObject({ committed: true });
  });
});

describe("a store that is away", () => {
  it("gets a transaction that could not be sent when it is back in time", async () => {
    const server = await oneServer();
    const gate = await gateTo(server);
    const { documents } = await opened.store(gate.endpoint);
    const before = await documents.revision();
    gate.cut();
    // This read goes on until the client knows that there is no connection.
    const read = documents.get("/a");
    await gate.refused();
    const transaction = documents.transaction({ writes: [{ key: "/a", value: 1 }] });
    await gate.refused();
    gate.open();
    expect(await transaction).toEqual({ committed: true, revision: before + 1 });
    await read;
  });

  it("fails requests with an error that says where it was and that it may pass", async () => {
    const server = await oneServer();
    const { documents, healthy } = await opened.store(server.endpoint, { timeouts: { requestMs: 200 } });
    expect(await healthy()).toBeUndefined();
    await server.kill();
    for (const request of [
      () => documents.get("/a"),
      () => documents.range("/"),
      () => documents.revision(),
      () => documents.lease(1000),
      () => documents.transaction({ writes: [{ key: "/a", value: 1 }] }),
    ]) {
      const error = await request().then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(SignalboxError);
      expect(error).toMatchObject({ code: "SB_STORE_UNREACHABLE", transient: true });
      expect(String(error)).toContain(server.endpoint);
    }
    expect(await healthy()).toMatchObject({ code: "SB_STORE_UNREACHABLE" });
  });

  it("is logged once when it goes and once when it is back", async () => {
    const server = await oneServer();
    const { logger, lines } = recordingLogger();
    const { documents } = await opened.store(server.endpoint, { logger, timeouts: { requestMs: 200 } });
    const watched = new Collected(documents, "/", 1);
    await documents.transaction({ writes: [{ key: "/a", value: 1 }] });
    await watched.count(1);
    await server.kill();
    const failing = Array.from({ length: 5 }, () => documents.get("/a").catch((error: unknown) => error));
    for (const error of await Promise.all(failing)) expect(error).toMatchObject({ code: "SB_STORE_UNREACHABLE" });
    await server.start();
    await documents.transaction({ writes: [{ key: "/a", value: 2 }] }).catch(() => undefined);
    expect((await documents.get("/a"))?.revision).toBeGreaterThan(0);
    const told = lines.filter(({ level }) => level !== "debug").map(({ level, message }) => `${level}: ${message}`);
    expect(told).toEqual(["error: etcd does not answer; it is tried again until it does", "info: etcd answers again"]);
    await watched.stop();
  });
});

describe("a connection that is dead without saying so", () => {
  it("is found by a watcher that only waits, and replaced", async () => {
    const server = await oneServer();
    const gate = await gateTo(server);
    const { documents: direct } = await opened.store(server.endpoint);
    const { documents } = await opened.store(gate.endpoint, { timeouts: { requestMs: 500 } });
    const watched = new Collected(documents, "/", 1);
    await direct.transaction({ writes: [{ key: "/a", value: 1 }] });
    await watched.told("/a", 1);
    gate.numb();
    await direct.transaction({ writes: [{ key: "/a", value: 2 }] });
    // The client pings every 10 s and waits 5 s for the answer.
    await watched.told("/a", 2);
    expect(watched.list()).toEqual(["/a=1", "/a=2"]);
    await watched.stop();
  });

  it("costs a read its time, and a transaction its certainty, and is replaced", async () => {
    const server = await oneServer();
    const gate = await gateTo(server);
    const { documents } = await opened.store(gate.endpoint, { timeouts: { requestMs: 300 } });
    await documents.transaction({ writes: [{ key: "/a", value: 1 }] });
    gate.numb();
    expect((await documents.get("/a"))?.value).toBe(1);
    gate.numb();
    const doubtful = documents.transaction({ writes: [{ key: "/a", value: 2 }] });
    await expect(doubtful).rejects.toMatchObject({ code: "SB_STORE_IN_DOUBT" });
    expect((await documents.get("/a"))?.value).toBe(1);
    await documents.transaction({ writes: [{ key: "/a", value: 3 }] });
  });
});

describe("a server that is killed with -9 and started again", () => {
  it("has all that was acknowledged, and a watcher sees every write once and in order", async () => {
    const server = await oneServer();
    const { documents } = await opened.store(server.endpoint);
    const watched = new Collected(documents, "/counter/", 1);
    const writers = [0, 1, 2, 3].map((n) => new Counter(documents, `/counter/${n}`));
    const finished = Promise.all(writers.map((writer) => writer.run(150)));
    for (const total of [50, 200, 350]) {
      await watched.count(total);
      await server.kill();
      await server.start();
    }
    await finished;
    for (const [n, writer] of writers.entries()) {
      await watched.told(`/counter/${n}`, 150);
      const seen = watched.changes.filter(({ key }) => key === `/counter/${n}`);
      expect(seen.map(({ value }) => value)).toEqual(Array.from({ length: 150 }, (_, i) => i + 1));
      for (const { value, revision } of writer.acknowledged) {
        expect(seen).toContainEqual({ key: `/counter/${n}`, value, revision });
      }
    }
    const revisions = watched.changes.map(({ revision }) => revision);
    expect(revisions).toEqual(revisions.toSorted((a, b) => a - b));
    expect(new Set(revisions).size).toBe(revisions.length);
    await watched.stop();
  });
});

describe("a cluster of three", () => {
  it("goes on at another endpoint when the one in use is killed", async () => {
    const members = await startEtcdCluster(3);
    for (const member of members) opened.later(() => member.stop());
    const endpoints = members.map(({ endpoint }) => endpoint);
    const { logger, lines } = recordingLogger();
    const { documents, healthy } = await opened.store("", { endpoints, logger });
    const watched = new Collected(documents, "/counter/", 1);
    const writer = new Counter(documents, "/counter/0");
    const finished = writer.run(60);
    await watched.count(20);
    await members[0]?.kill();
    await finished;
    await watched.told("/counter/0", 60);
    expect(watched.changes.map(({ value }) => value)).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    expect(await healthy()).toBeUndefined();
    expect(lines.filter(({ level }) => level === "warn").map(({ message }) => message)).toContain(
      "an etcd endpoint does not answer; another one is used",
    );
    await watched.stop();
  });
});

/** Counts a document up by compare-and-set, as claims and positions are written: after a doubt it reads and tries again. */
class Counter {
  readonly acknowledged: Array<{ value: number; revision: number }> = [];
  readonly #documents: DocumentStore;
  readonly #key: string;

  constructor(documents: DocumentStore, key: string) {
    this.#documents = documents;
    this.#key = key;
  }

  async run(to: number): Promise<void> {
    for (;;) {
      try {
        const found = await this.#documents.get(this.#key);
        const value = Number(found?.value ?? 0);
        if (value >= to) return;
        const outcome = await this.#documents.transaction({
          compare: [{ key: this.#key, revision: found?.revision ?? 0 }],
          writes: [{ key: this.#key, value: value + 1 }],
        });
        if (outcome.committed) this.acknowledged.push({ value: value + 1, revision: outcome.revision });
      } catch (error) {
        if (!(error instanceof SignalboxError) || !error.transient) throw error;
      }
    }
  }
}
