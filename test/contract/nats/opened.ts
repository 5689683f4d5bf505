import { connect, headers, type NatsConnection } from "nats";
import type { EventLog, Logger, StoredRecord } from "../../../src/actors/ports.ts";
import { type NatsStores, openNats } from "../../../src/adapters/nats/open.ts";
import type { NatsOptions } from "../../../src/adapters/nats/options.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { Signal } from "./signal.ts";

/** What a test opens, closed in the opposite order by `close`. */
export class Opened {
  readonly #closers: Array<() => unknown> = [];

  /** Opens the adapters; they try again at once after an outage. */
  async stores(address: string, options: Partial<NatsOptions> = {}): Promise<NatsStores> {
    const stores = await openNats({
      servers: [address],
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      reconnect: { waitMs: 20, jitterMs: 20 },
      ...options,
    });
    this.later(() => stores.close());
    return stores;
  }

  /** The library's own connection, for what only an administrator or a foreign client does. */
  async admin(address: string): Promise<NatsConnection> {
    const connection = await connect({ servers: address, reconnect: false });
    this.later(() => connection.close());
    return connection;
  }

  /** Resolves when the server has forgotten message ids that it was told before this call: it takes one twice on this subject. */
  async idsForgotten(address: string, subject: string): Promise<void> {
    const jetstream = (await this.admin(address)).jetstream();
    const id = headers();
    id.set("Nats-Msg-Id", "probe");
    for (let n = 0; ; n += 1) {
      const { duplicate } = await jetstream.publish(subject, "0", { headers: id });
      if (n > 0 && !duplicate) return;
    }
  }

  later(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: object;
}

/** A logger that keeps what it is told. */
export class LogBook {
  readonly lines: LogLine[] = [];
  readonly #written = new Signal();
  readonly logger: Logger;

  constructor() {
    const at = (level: LogLine["level"]) => (fields: object, message: string) => {
      this.lines.push({ level, message, fields });
      this.#written.send();
    };
    this.logger = {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: () => this.logger,
    };
  }

  /** What an operator reads: everything but the debug level. */
  get told(): string[] {
    return this.lines.filter(({ level }) => level !== "debug").map(({ message }) => message);
  }

  /** Resolves when a line with that text was written. */
  async wrote(text: string): Promise<void> {
    await this.#written.until(() => this.lines.some(({ message }) => message.includes(text)));
  }
}

export const LOST = "NATS is lost; it is tried again until it is back";
export const BACK = "NATS is back";

export async function all(records: AsyncIterable<StoredRecord>): Promise<StoredRecord[]> {
  const list: StoredRecord[] = [];
  for await (const record of records) list.push(record);
  return list;
}

/** A follower of the log that keeps what it sees. */
export class Follower {
  readonly seen: StoredRecord[] = [];
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();
  readonly #saw = new Signal();

  constructor(log: EventLog, from: number, each: (record: StoredRecord) => Promise<void> = async () => undefined) {
    const follow = async () => {
      for await (const record of log.read(from, { follow: true, signal: this.#stop.signal })) {
        this.seen.push(record);
        this.#saw.send();
        await each(record);
      }
    };
    this.ended = follow();
    this.ended.catch(() => this.#saw.send());
  }

  /** Resolves when so many records were seen; rejects when the follower failed. */
  count(wanted: number): Promise<void> {
    return Promise.race([this.#saw.until(() => this.seen.length >= wanted), this.ended]);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }
}
