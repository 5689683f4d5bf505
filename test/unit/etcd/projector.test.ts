import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock, DocumentStore, DocumentWrite, Json } from "../../../src/actors/ports.ts";
import { Projector } from "../../../src/actors/projector.ts";
import { type Embedded, openMemory } from "../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { recordingLogger } from "../../contract/etcd/recording-logger.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

let stores: Embedded;
let clock: VirtualClock;
let projector: Projector;
let appended = 0;

beforeEach(async () => {
  appended = 0;
  clock = new VirtualClock(1_700_000_000_000);
  stores = await openMemory({ clock, random: new SeededRandom(1), logger: silentLogger });
});
afterEach(async () => {
  await projector.stop();
  await stores.close();
});

async function append(documents: readonly DocumentWrite[]): Promise<number> {
  appended += 1;
  const data = {
    v: 1,
    event: "TEST",
    before: "",
    after: "",
    snapshot: { v: 1 },
    documents,
    outbox: [],
  } as unknown as Json;
  const options = { expectedSeq: 0, messageId: `m${appended}` };
  return (await stores.log.append(`resource.test.${appended}`, data, options)).seq;
}

function start(documents: DocumentStore, options: { clock?: Clock; logger?: ReturnType<typeof recordingLogger> } = {}) {
  projector = new Projector({
    log: stores.log,
    documents,
    clock: options.clock ?? clock,
    logger: options.logger?.logger ?? silentLogger,
  });
  projector.start();
}

describe("a projector under which the documents went back", () => {
  it("writes them all again, from the position that the store has", async () => {
    const { documents } = stores;
    start(documents);
    for (const n of [1, 2, 3]) await projector.projected(await append([{ key: `/d/${n}`, value: n }]));
    const all = await documents.range("/");
    await documents.transaction({ writes: all.map(({ key }) => ({ key, value: null })) });
    await projector.projected(await append([{ key: "/d/4", value: 4 }]));
    expect((await documents.range("/d/")).map(({ value }) => value)).toEqual([1, 2, 3, 4]);
  });
});

describe("a projector whose store is away", () => {
  it("logs it once when it begins and once when it is over", async () => {
    const { documents } = stores;
    let failures = 6;
    const failing = over(documents, async (change) => {
      failures -= 1;
      if (failures >= 0) throw new SignalboxError("SB_STORE_UNREACHABLE", "nobody answers");
      return await documents.transaction(change);
    });
    const recorded = recordingLogger();
    // Its pauses are over at once.
    start(failing, { clock: { ...systemClock, sleep: async () => undefined }, logger: recorded });
    await projector.projected(await append([{ key: "/d/1", value: 1 }]));
    expect(recorded.lines.filter(({ level }) => level !== "debug").map(({ message }) => message)).toEqual([
      "documents cannot be written; trying again",
      "documents are written again",
    ]);
  });
});

describe("two projectors", () => {
  it("write each record once: the slower one passes over what the faster one wrote", async () => {
    const { documents } = stores;
    for (const n of [1, 2, 3, 4]) await append([{ key: "/d/1", value: n }]);
    let goOn = () => {};
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let first = true;
    const slow = new Projector({
      log: stores.log,
      documents: over(documents, async (change) => {
        if (first) await held;
        first = false;
        return await documents.transaction(change);
      }),
      clock,
      logger: silentLogger,
    });
    slow.start();
    start(documents);
    await projector.projected(4);
    goOn();
    await slow.projected(4);
    const end = (await documents.transaction({ writes: [{ key: "/d/end", value: true }] })).revision;
    const stop = new AbortController();
    const seen: Json[] = [];
    for await (const change of documents.watch("/d/", { fromRevision: 1, signal: stop.signal })) {
      if (change.revision === end) stop.abort();
      else seen.push(change.value);
    }
    expect(seen).toEqual([1, 2, 3, 4]);
    await slow.stop();
  });
});

/** A store with another `transaction`. */
function over(documents: DocumentStore, transaction: DocumentStore["transaction"]): DocumentStore {
  return {
    get: (key) => documents.get(key),
    range: (prefix, options) => documents.range(prefix, options),
    watch: (prefix, options) => documents.watch(prefix, options),
    revision: () => documents.revision(),
    lease: (ttlMs) => documents.lease(ttlMs),
    transaction,
  };
}
