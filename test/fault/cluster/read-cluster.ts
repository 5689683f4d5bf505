import { SHARES } from "../../../src/actors/cluster/shares.ts";
import type { StoredRecord } from "../../../src/actors/ports.ts";
import { queueName } from "../../../src/actors/workers/work-shares.ts";
import { createLogger } from "../../../src/adapters/logging/create-logger.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import type { Configuration } from "../../../src/cli/configuration.ts";
import { openStores, type Stores } from "../../../src/cli/open-stores.ts";
import type { StoreContent } from "../read-store.ts";

/** Works on the servers of a cluster, as one of its processes would. */
export async function withClusterStores<T>(
  configuration: Configuration,
  work: (stores: Stores) => Promise<T>,
): Promise<T> {
  const logger = createLogger({ level: "silent" });
  const stores = await openStores({ configuration, data: "", clock: systemClock, random: systemRandom, logger });
  try {
    return await work(stores);
  } finally {
    await stores.close();
  }
}

/** The whole log, all documents but the program's own, and what is left in the queues. */
export async function readCluster({ log, documents, queues }: Stores): Promise<StoreContent> {
  const records: StoredRecord[] = [];
  for await (const record of log.read(1)) records.push(record);
  const all = await documents.range("/");
  const names = ["heat_worker", "monitoring_worker"].flatMap((handler) =>
    Array.from({ length: SHARES }, (_, share) => queueName(handler, share)),
  );
  const depths = await Promise.all(names.map(async (name) => [name, await queues.queue(name).depth()] as const));
  return {
    records,
    documents: new Map(all.flatMap(({ key, value }) => (key.startsWith("/signalbox/") ? [] : [[key, value] as const]))),
    queued: Object.fromEntries(depths),
  };
}
