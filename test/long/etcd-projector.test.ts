import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { DocumentWrite, EventLog, Json } from "../../src/actors/ports.ts";
import { Projector } from "../../src/actors/projector.ts";
import { openMemory } from "../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../src/adapters/system/seeded-random.ts";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import { Collected, contents, Opened } from "../contract/etcd/open-store.ts";
import { type RunningEtcd, startEtcd } from "../servers/etcd.ts";
import { silentLogger } from "../servers/silent-logger.ts";
import { startTcpGate, type TcpGate } from "../servers/tcp-gate.ts";

let server: RunningEtcd;
let opened: Opened;
beforeAll(async () => {
  server = await startEtcd();
});
afterAll(() => server.stop());
beforeEach(() => {
  opened = new Opened();
});
afterEach(() => opened.close());

/** A projector as a process has it: with its own connection, over which it can be killed. */
interface Process {
  readonly gate: TcpGate;
  readonly projector: Projector;
  /** Ends it in the middle of whatever it does: nothing of it reaches etcd any more, and no answer reaches it. */
  kill(): Promise<void>;
}

async function startProcess(log: EventLog, namespace: string): Promise<Process> {
  const gate = await startTcpGate(server.endpoint);
  const store = await new Opened().store(gate.endpoint, { namespace });
  const projector = new Projector({ log, documents: store.documents, clock: systemClock, logger: silentLogger });
  projector.start();
  const kill = async () => {
    gate.cut();
    await Promise.all([projector.stop(), store.close()]);
    await gate.stop();
  };
  return { gate, projector, kill };
}

/** Writes of one record: few or many keys, some twice, some deletes. Every value is used once. */
function drawWrites(below: (limit: number) => number, record: number): DocumentWrite[] {
  const count = below(8) === 0 ? 120 + below(140) : below(6);
  return Array.from({ length: count }, (_, n) => ({
    key: `/d/${below(count > 100 ? 400 : 12)}`,
    value: below(4) === 0 ? null : `${record}.${n}`,
  }));
}

/** What a watcher sees of the log's documents, in order: deletes of what is not there leave no trace. */
function foldedChanges(records: ReadonlyArray<readonly DocumentWrite[]>): string[] {
  const present = new Set<string>();
  const changes: string[] = [];
  for (const { key, value } of records.flat()) {
    if (value === null && !present.has(key)) continue;
    if (value === null) present.delete(key);
    else present.add(key);
    changes.push(`${key}=${JSON.stringify(value)}`);
  }
  return changes;
}

it.each([1, 2, 3, 4, 5, 6, 7, 8])(
  "two projectors, killed at random, write each record once and in order (seed %i)",
  async (seed) => {
    const random = new SeededRandom(seed);
    const below = (limit: number) => Math.floor(random.fraction() * limit);
    const namespace = `/seed-${seed}`;
    const stores = await openMemory({ clock: systemClock, random, logger: silentLogger });
    opened.later(() => stores.close());
    const { documents } = await opened.store(server.endpoint, { namespace });
    const watched = new Collected(documents, "/d/", (await documents.revision()) + 1);
    const records = Array.from({ length: 60 }, (_, n) => drawWrites(below, n));
    const wanted = foldedChanges(records);
    const processes = [await startProcess(stores.log, namespace), await startProcess(stores.log, namespace)];

    const append = async () => {
      for (const [n, writes] of records.entries()) {
        const data = { v: 1, event: "TEST", before: "", after: "", snapshot: { v: 1 }, documents: writes, outbox: [] };
        await stores.log.append(`resource.test.${n}`, data as unknown as Json, { expectedSeq: 0, messageId: `m${n}` });
      }
    };
    const appended = append();
    const kills: string[] = [];
    for (let seen = below(40); seen < wanted.length; seen += 1 + below(wanted.length / 6)) {
      await watched.count(seen);
      const which = below(2);
      const victim = processes[which];
      if (victim === undefined) throw new Error("no projector");
      const way = below(8);
      if (way === 0) {
        kills.push("etcd");
        await server.kill();
        await server.start();
        continue;
      }
      if (way < 4) {
        kills.push("after its transaction, before the answer");
        victim.gate.holdAnswers();
        // The next change is made by this one or by the other, and by this one without its knowing.
        await watched.count(Math.min(wanted.length, watched.changes.length + 1));
      } else {
        kills.push("at once");
      }
      await victim.kill();
      processes[which] = await startProcess(stores.log, namespace);
    }
    await appended;
    const end = await stores.log.position();
    await Promise.all(processes.map(({ projector }) => projector.projected(end)));
    await watched.count(wanted.length);
    expect(kills.length).toBeGreaterThan(2);
    expect(watched.list()).toEqual(wanted);
    expect(await contents(documents, "/d/")).toEqual(watched.folded());
    const lastWithWrites = records.findLastIndex((writes) => writes.length > 0) + 1;
    expect((await documents.get("/signalbox/projector"))?.value).toMatchObject({ seq: lastWithWrites });
    await Promise.all(processes.map(({ kill }) => kill()));
    await watched.stop();
  },
);
