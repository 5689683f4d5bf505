import { setImmediate as nextTurn } from "node:timers/promises";
import { Membership } from "../../../../src/actors/cluster/membership.ts";
import type { Role } from "../../../../src/actors/cluster/shares.ts";
import type { DocumentStore } from "../../../../src/actors/ports.ts";
import { openMemory } from "../../../../src/adapters/embedded/open.ts";
import { SeededRandom } from "../../../../src/adapters/system/seeded-random.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";

export const TTL_MS = 3_000;

/** Lets everything run that waits for nothing but its turn. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
}

/** Several processes over one store in memory and one virtual clock. */
export async function openCluster() {
  const clock = new VirtualClock(1_700_000_000_000);
  const random = new SeededRandom(1);
  const store = await openMemory({ clock, random, logger: silentLogger });
  const members: Membership[] = [];
  return {
    clock,
    random,
    ...store,
    /** Moves time on in small steps, each with its consequences. */
    async elapse(ms: number): Promise<void> {
      for (let left = ms; left > 0; left -= 100) {
        clock.advance(Math.min(100, left));
        await quiet();
      }
    },
    async join(name: string, roles: readonly Role[] = ["actors", "worker"]) {
      const documents = severable(store.documents);
      const membership = new Membership({ documents, clock, logger: silentLogger, name, roles, ttlMs: TTL_MS });
      await membership.start();
      members.push(membership);
      await quiet();
      return { membership, documents, sever: documents.sever, mend: documents.mend };
    },
    async close(): Promise<void> {
      for (const member of members) await member.leave();
      await store.close();
    },
  };
}

/** The store as a process sees it that can lose its connection: every call fails from then on, until it is mended. */
function severable(below: DocumentStore): DocumentStore & { sever(): void; mend(): void } {
  let severed = false;
  const reach = () => {
    if (severed) throw new SignalboxError("SB_STORE_FAILED", "the store cannot be reached");
  };
  return {
    sever: () => {
      severed = true;
    },
    mend: () => {
      severed = false;
    },
    get: async (key) => {
      reach();
      return below.get(key);
    },
    range: async (prefix, options) => {
      reach();
      return below.range(prefix, options);
    },
    transaction: async (change) => {
      reach();
      return below.transaction(change);
    },
    watch: (prefix, options) => below.watch(prefix, options),
    revision: async () => {
      reach();
      return below.revision();
    },
    lease: async (ttlMs) => {
      reach();
      const lease = await below.lease(ttlMs);
      return {
        id: lease.id,
        keepAlive: async () => {
          reach();
          return lease.keepAlive();
        },
        revoke: async () => {
          reach();
          return lease.revoke();
        },
      };
    },
  };
}
