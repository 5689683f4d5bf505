import { join } from "node:path";
import { readLogPositions } from "../actors/log-identity/log-positions.ts";
import type { Clock, DocumentStore, EventLog, Logger, Random, WorkQueues } from "../actors/ports.ts";
import { openEmbedded } from "../adapters/embedded/open.ts";
import { SignalboxError } from "../errors.ts";
import type { Configuration } from "./configuration.ts";
import { etcdOptions, natsOptions } from "./store-settings.ts";

/** The log, the queues and the documents, wherever they are. */
export interface Stores {
  readonly log: EventLog;
  readonly queues: WorkQueues;
  readonly documents: DocumentStore;
  /** Other processes may use them too. */
  readonly shared: boolean;
  /** By name of the server: undefined when it is well, else what is wrong. */
  healthy(): Promise<Record<string, SignalboxError | undefined>>;
  close(): Promise<void>;
}

export interface OpenStoresOptions {
  readonly configuration: Pick<Configuration, "nats" | "etcd">;
  /** Directory of the embedded stores. */
  readonly data: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Make an empty log where the documents tell of one that is gone: only when the operator says so. */
  readonly mayReplaceLog?: boolean;
}

/**
 * NATS and etcd when the configuration names them, else the embedded stores.
 * @throws SB_CONFIG_INVALID when it names only one of them; SB_LOG_REPLACED when the log is gone that the documents were written from; what
 *   opening throws
 */
export async function openStores(options: OpenStoresOptions): Promise<Stores> {
  const { configuration, data, clock, random, logger } = options;
  const { nats, etcd } = configuration;
  if (!nats && !etcd) {
    const embedded = await openEmbedded({ directory: join(data, "store"), clock, random, logger });
    return { ...embedded, shared: false, healthy: async () => ({}), close: () => embedded.close() };
  }
  if (nats === undefined || etcd === undefined) {
    const missing = nats === undefined ? "nats" : "etcd";
    throw new SignalboxError(
      "SB_CONFIG_INVALID",
      `the configuration names ${nats ? "nats" : "etcd"} without ${missing}`,
      {
        advice: "Several processes need both; one process alone needs none of them.",
      },
    );
  }
  // Loaded only where they are used: they are large.
  const [{ openNats }, { openEtcd }] = await Promise.all([
    import("../adapters/nats/open.ts"),
    import("../adapters/etcd/open.ts"),
  ]);
  const store = await openEtcd({ ...etcdOptions(etcd), clock, logger });
  try {
    const hadLog = (await readLogPositions(store.documents)).length > 0;
    const mayCreateLog = !hadLog || options.mayReplaceLog === true;
    const stream = await openNats({ ...natsOptions(nats), clock, random, logger, mayCreateLog });
    return {
      log: stream.log,
      queues: stream.queues,
      documents: store.documents,
      shared: true,
      healthy: async () => {
        const [natsError, etcdError] = await Promise.all([stream.healthy(), store.healthy()]);
        return { nats: natsError, etcd: etcdError };
      },
      close: async () => {
        await store.close();
        await stream.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}
