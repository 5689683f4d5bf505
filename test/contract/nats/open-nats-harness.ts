import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type NatsStores, openNats } from "../../../src/adapters/nats/open.ts";
import type { NatsOptions } from "../../../src/adapters/nats/options.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

export interface NatsHarness {
  readonly stores: NatsStores;
  /** The server has a clock of its own: waits. */
  elapse(ms: number): Promise<void>;
  /** Resolves when the server has seen what was sent to it so far. */
  settle(): Promise<void>;
  /** Closes the connection and makes another one, with the same streams. */
  reopen(): Promise<NatsStores>;
  close(): Promise<void>;
}

/** The NATS adapters on the streams of a namespace of their own. */
export async function openHarness(address: string, options: Partial<NatsOptions> = {}): Promise<NatsHarness> {
  const namespace = `test-${randomUUID().slice(0, 8)}`;
  const open = () =>
    openNats({
      servers: [address],
      namespace,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      ...options,
    });
  let stores = await open();
  return {
    stores,
    elapse: (ms) => delay(ms),
    settle: async () => {
      const trouble = await stores.healthy();
      if (trouble !== undefined) throw trouble;
    },
    reopen: async () => {
      await stores.close();
      stores = await open();
      return stores;
    },
    close: () => stores.close(),
  };
}
