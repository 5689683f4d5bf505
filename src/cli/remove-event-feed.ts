import type { Configuration } from "./configuration.ts";
import { natsOptions } from "./store-settings.ts";

/** Removes the feed of transitions on NATS: its positions are those of a log that is given up. The next projector makes it anew. */
export async function removeEventFeed(settings: NonNullable<Configuration["nats"]>): Promise<void> {
  const [{ connect }, { connectionOptions }, { removeEventStreams }, { Subjects }] = await Promise.all([
    import("nats"),
    import("../adapters/nats/connection-options.ts"),
    import("../adapters/nats-api/event-streams.ts"),
    import("../adapters/nats-api/subjects.ts"),
  ]);
  const access = natsOptions(settings);
  const connection = await connect({ ...connectionOptions(access, () => false), reconnect: false });
  try {
    await removeEventStreams(await connection.jetstreamManager(), new Subjects(access.namespace));
  } finally {
    await connection.close();
  }
}
