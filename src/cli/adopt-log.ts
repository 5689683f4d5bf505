import { join } from "node:path";
import { adoptLog, compareLog } from "../actors/log-identity/adopt-log.ts";
import { createLogger } from "../adapters/logging/create-logger.ts";
import { systemClock } from "../adapters/system/system-clock.ts";
import { systemRandom } from "../adapters/system/system-random.ts";
import { SignalboxError } from "../errors.ts";
import { readConfiguration } from "./configuration.ts";
import { openStores, type Stores } from "./open-stores.ts";
import { removeEventFeed } from "./remove-event-feed.ts";
import { type AdoptLog, DEFAULT_DATA } from "./system-options.ts";

/**
 * Compares the stores of a system that is stopped, and with `confirmed` makes the log that is there, empty where it is gone, the one that the
 * documents are written from.
 * @throws SB_DATA_IN_USE while a process uses them; what opening them throws
 */
export const adoptPresentLog: AdoptLog = async ({ config, data = DEFAULT_DATA, confirmed }) => {
  const configuration = readConfiguration(config);
  const store = configuration.nats === undefined ? join(data, "store") : "NATS";
  const logger = createLogger({ level: "warn" });
  const common = { clock: systemClock, random: systemRandom, logger };
  let stores: Stores;
  try {
    stores = await openStores({ ...common, configuration, data, mayReplaceLog: confirmed });
  } catch (error) {
    if (!(error instanceof SignalboxError) || error.code !== "SB_LOG_REPLACED") throw error;
    return { reason: error.message, position: 0, resources: 0, store, deleted: undefined };
  }
  try {
    const { log, documents } = stores;
    const found = { ...(await compareLog({ log, documents })), store };
    if (!confirmed) return { ...found, deleted: undefined };
    const { deleted } = await adoptLog({ log, documents, random: systemRandom });
    if (configuration.nats !== undefined) await removeEventFeed(configuration.nats);
    return { ...found, deleted };
  } finally {
    await stores.close();
  }
};
