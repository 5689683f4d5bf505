import { connect } from "nats";
import { EventFeedPublisher } from "../../../src/actors/event-feed.ts";
import type { TransitionView } from "../../../src/actors/gateway-api.ts";
import { NatsEventFeed } from "../../../src/adapters/nats-api/nats-event-feed.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

/** A transition of a log that every process makes the same. */
export function countedTransition(seq: number): TransitionView {
  return {
    seq,
    time: 1_700_000_000_000 + seq,
    type: "gw_interface",
    id: `gw-${seq % 7}`,
    name: "counted",
    version: seq,
    event: "UPDATE",
    state: "update.working",
    status: "PENDING_UPDATE",
    orchestrationState: "UPDATE_IN_PROGRESS",
    operationalState: "UP",
    jobs: [],
    error: "",
    deleted: false,
  };
}

/** As a program, `ADDRESS COUNT`: publishes such a log and stays until it is killed. */
async function main(address: string, count: number): Promise<void> {
  const connection = await connect({ servers: address, maxReconnectAttempts: -1 });
  const api = {
    async *transitions({ from }: { from: number }) {
      for (let seq = from; seq <= count; seq += 1) yield countedTransition(seq);
      await new Promise<void>(() => {});
    },
  };
  const feed = new NatsEventFeed({ connection });
  new EventFeedPublisher({ api, feed, clock: systemClock, logger: silentLogger }).start();
}

if (process.argv[1] === import.meta.filename) await main(process.argv[2] ?? "", Number(process.argv[3]));
