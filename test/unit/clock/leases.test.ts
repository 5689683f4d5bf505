import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DeviceLeases } from "../../../src/actors/cluster/device-leases.ts";
import { Membership } from "../../../src/actors/cluster/membership.ts";
import type { DocumentStore } from "../../../src/actors/ports.ts";
import { type Embedded, openMemory } from "../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { JUMPS, settle } from "./jump.ts";

const TTL_MS = 3_000;
let clock: VirtualClock;
let embedded: Embedded;
beforeEach(async () => {
  clock = new VirtualClock(1_700_000_000_000);
  embedded = await openMemory({ clock, random: new SeededRandom(1), logger: silentLogger });
});
afterEach(() => embedded.close());

let heard = true;
/** A process whose signs of life can be kept from the store. */
async function joined(name: string): Promise<Membership> {
  heard = true;
  const documents: DocumentStore = Object.assign(Object.create(embedded.documents) as DocumentStore, {
    lease: async (ttlMs: number) => {
      const lease = await embedded.documents.lease(ttlMs);
      const unheard = new SignalboxError("SB_STORE_UNREACHABLE", "the store cannot be reached");
      return { ...lease, keepAlive: () => (heard ? lease.keepAlive() : Promise.reject(unheard)) };
    },
    transaction: (change: Parameters<DocumentStore["transaction"]>[0]) => embedded.documents.transaction(change),
    range: (...given: Parameters<DocumentStore["range"]>) => embedded.documents.range(...given),
    get: (key: string) => embedded.documents.get(key),
    watch: (...given: Parameters<DocumentStore["watch"]>) => embedded.documents.watch(...given),
    revision: () => embedded.documents.revision(),
  });
  const membership = new Membership({ documents, clock, logger: silentLogger, name, roles: ["actors"], ttlMs: TTL_MS });
  await membership.start();
  return membership;
}

describe.each(JUMPS)("with the wall clock set $name", ({ ms }) => {
  it("a lease of the document store ends when its time is over, not before and not later", async () => {
    const lease = await embedded.documents.lease(TTL_MS);
    await embedded.documents.transaction({ writes: [{ key: "/a", value: 1, lease: lease.id }] });
    clock.advance(1_000);
    clock.jump(ms);
    clock.advance(1_999);
    await settle();
    expect(await embedded.documents.get("/a")).toBeDefined();
    await lease.keepAlive();
    clock.advance(TTL_MS - 1);
    await settle();
    expect(await embedded.documents.get("/a")).toBeDefined();
    clock.advance(1);
    await settle();
    expect(await embedded.documents.get("/a")).toBeUndefined();
    await expect(lease.keepAlive()).rejects.toMatchObject({ code: "SB_TIMEOUT" });
  });

  it("a process keeps its shares while its signs of life are heard", async () => {
    const membership = await joined("p");
    clock.jump(ms);
    for (let sign = 0; sign < 6; sign += 1) {
      expect(membership.owns("actors", 0)).toBe(true);
      clock.advance(TTL_MS / 3);
      await settle();
    }
    await membership.leave();
  });

  it("one that is not heard stops by itself in time, and what is its alone ends for it", async () => {
    const membership = await joined("p");
    const leases = new DeviceLeases({ documents: embedded.documents, membership, clock });
    const device = await leases.acquire("mx1", new AbortController().signal);
    heard = false;
    clock.jump(ms);
    // A tenth before the store lets others take over.
    clock.advance(TTL_MS * 0.9 - 1);
    await settle();
    device.check();
    expect(membership.owns("actors", 0)).toBe(true);
    clock.advance(1);
    expect(membership.owns("actors", 0)).toBe(false);
    expect(() => device.check()).toThrow(expect.objectContaining({ code: "SB_LEASE_LOST" }));
    await membership.leave();
  });
});
