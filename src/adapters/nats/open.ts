import type { Bus, EventLog, WorkQueues } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { storeError } from "./api-error.ts";
import { NatsBus } from "./bus.ts";
import { ensureStream } from "./ensure-stream.ts";
import { JetStreamEventLog } from "./event-log.ts";
import { JetStream } from "./jetstream.ts";
import { Layout } from "./layout.ts";
import { Link } from "./link.ts";
import { type NatsOptions, settingsOf } from "./options.ts";
import { JetStreamWorkQueues } from "./work-queues.ts";

/** Log, queues and bus over one connection to NATS. */
export interface NatsStores {
  readonly log: EventLog;
  readonly queues: WorkQueues;
  readonly bus: Bus;
  /** Undefined when NATS is connected and the log's stream answers; else what is wrong. Never rejects. */
  healthy(): Promise<SignalboxError | undefined>;
  /**
   * Takes no more requests, bus messages or work, and resolves when the requests that came are answered. The log can still be written and
   * what was taken can still be acked: this is the first half of a stop, `close` the second.
   */
  drain(): Promise<void>;
  /** Ends followers, rejects takers and requests under way with SB_NOT_READY, and closes the connection. */
  close(): Promise<void>;
}

/**
 * Connects to NATS, and makes the log's stream or brings it to these settings. Streams of queues are made when they are first used.
 * @throws SB_CONFIG_INVALID; SB_STORE_AUTH; SB_STORE_UNREACHABLE when neither a server nor JetStream answers within `openMs`;
 *   SB_LOG_REPLACED when the log's stream is gone and `mayCreateLog` is false; SB_STORE_INCOMPATIBLE naming a stream that cannot be brought to the settings; SB_DATA_VERSION
 */
export async function openNats(options: NatsOptions): Promise<NatsStores> {
  const settings = settingsOf(options);
  const link = await Link.open(options, settings);
  const jetstream = new JetStream(link);
  const layout = new Layout(settings);
  const ask = () => jetstream.ask<unknown>(`$JS.API.STREAM.INFO.${layout.log.name}`, "");
  link.probe = async () => void (await ask());
  let closeOnce: Promise<void> | undefined;
  const close = () => {
    closeOnce ??= link.close();
    return closeOnce;
  };
  try {
    const { mayCreateLog: mayCreate = true } = options;
    await ensureStream(jetstream, layout.log, { patienceMs: settings.timeouts.openMs, mayCreate });
    warnOfClusterBug(link);
  } catch (error) {
    await close();
    throw storeError("The streams were not made ready", error);
  }
  const bus = new NatsBus(link, layout);
  const queues = new JetStreamWorkQueues(jetstream, layout);
  return {
    log: new JetStreamEventLog(jetstream, { stream: layout.log.name, prefix: layout.logPrefix }),
    queues,
    bus,
    healthy: async () => {
      if (!link.connected) return new SignalboxError("SB_STORE_UNREACHABLE", "The connection to NATS is lost");
      return ask().then(
        () => undefined,
        (error: unknown) => storeError("The log's stream does not answer", error),
      );
    },
    drain: async () => {
      queues.drain();
      await bus.drain();
    },
    close,
  };
}

/** The expected seq of a subject is not always checked by these in a cluster; whoever reads the log checks it again. */
function warnOfClusterBug(link: Link): void {
  const { version = "", cluster } = link.connection.info ?? {};
  const [major, minor, patch = 0] = version.split(".").map(Number);
  if (cluster === undefined || major !== 2 || minor !== 9 || patch < 15 || patch > 20) return;
  link.logger.warn({ version }, "this version of NATS can take two appends for one in a cluster; use 2.9.21 or newer");
}
