import type { Gatekeeper } from "../actors/access/gatekeeper.ts";
import type { Role } from "../actors/cluster/shares.ts";
import { EventFeedPublisher } from "../actors/event-feed.ts";
import type { GatewayApi } from "../actors/gateway-api.ts";
import type { Clock, Logger } from "../actors/ports.ts";
import { systemRandom } from "../adapters/system/system-random.ts";
import type { Configuration } from "./configuration.ts";
import { natsOptions } from "./store-settings.ts";

export interface NatsApiStart {
  readonly settings: NonNullable<Configuration["nats"]>;
  /** A gateway answers requests, a projector publishes the feed. */
  readonly roles: readonly Role[];
  readonly api: GatewayApi;
  readonly gatekeeper: Gatekeeper;
  /** Where the REST gateway is reached, for the links in the service's metadata. */
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Serves the API over NATS and publishes transitions, as far as the roles ask for it, on a connection of its own: a flood of requests must
 * not hold up the log. Answers what ends both.
 */
export async function startNatsApi(options: NatsApiStart): Promise<() => Promise<void>> {
  const { settings, roles, api, gatekeeper, publicUrl, clock, logger } = options;
  const [{ connect }, { connectionOptions }, { ReconnectDelay }, { serveNatsApi }, { NatsEventFeed }] =
    await Promise.all([
      import("nats"),
      import("../adapters/nats/connection-options.ts"),
      import("../adapters/nats/reconnect-delay.ts"),
      import("../adapters/nats-api/serve-nats-api.ts"),
      import("../adapters/nats-api/nats-event-feed.ts"),
    ]);
  const access = natsOptions(settings);
  const delay = new ReconnectDelay({ clock, random: systemRandom, waitMs: 2_000, jitterMs: 100 });
  const connection = await connect({
    ...connectionOptions(access, () => false),
    maxReconnectAttempts: -1,
    reconnectDelayHandler: () => delay.next(),
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
  });
  const stops: Array<() => Promise<void>> = [() => connection.close()];
  const namespace = access.namespace === undefined ? {} : { namespace: access.namespace };
  if (roles.includes("projector")) {
    const publisher = new EventFeedPublisher({
      api,
      feed: new NatsEventFeed({ connection, ...namespace }),
      clock,
      logger,
    });
    publisher.start();
    stops.push(() => publisher.stop());
  }
  if (roles.includes("gateway")) {
    const service = await serveNatsApi({ connection, api, gatekeeper, logger, clock, publicUrl, ...namespace });
    stops.push(() => service.stop());
  }
  return async () => {
    for (const stop of stops.reverse()) await stop();
  };
}
