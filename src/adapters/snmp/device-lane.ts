import type { SnmpValue } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";

/** Object identifier to value; undefined for an instance that the device does not have. */
export type Readings = ReadonlyMap<string, SnmpValue | undefined>;

interface WaitingGet {
  readonly kind: "get";
  readonly community: string;
  readonly oids: readonly string[];
  resolve(readings: Readings): void;
  reject(error: unknown): void;
}

interface WaitingTask {
  readonly kind: "task";
  run(): Promise<void>;
  reject(error: unknown): void;
}

/**
 * The line before one device: one request in flight, the rest waits. Agents answer from one slow process and drop
 * datagrams when pressed, so more requests at once only mean more retries.
 * Gets that wait for the same community travel together; a batch the agent refuses is asked again one by one, so that
 * one wrong object spoils only its own request.
 */
export class DeviceLane {
  readonly #waiting: Array<WaitingGet | WaitingTask> = [];
  readonly #read: (community: string, oids: readonly string[]) => Promise<Readings>;
  readonly #maxBatch: number;
  #busy = false;
  #ended: SignalboxError | undefined;

  /** @param read asks the device for up to `maxBatch` instances with one request */
  constructor(read: (community: string, oids: readonly string[]) => Promise<Readings>, maxBatch: number) {
    this.#read = read;
    this.#maxBatch = maxBatch;
  }

  /** Reads instances, together with others where possible. */
  get(community: string, oids: readonly string[]): Promise<Readings> {
    return new Promise((resolve, reject) => {
      this.#enqueue({ kind: "get", community, oids, resolve, reject });
    });
  }

  /** Runs anything else that may not overlap with another request to the device. */
  run<T>(task: () => Promise<T>): Promise<T> {
    // What throws before there is a promise must not end the lane, and with it the process.
    const run = async () => task();
    return new Promise((resolve, reject) => {
      this.#enqueue({ kind: "task", run: () => run().then(resolve, reject), reject });
    });
  }

  /** Rejects what waits, now and from now on. What is in flight ends with its session. */
  end(reason: SignalboxError): void {
    this.#ended = reason;
    for (const entry of this.#waiting.splice(0)) entry.reject(reason);
  }

  #enqueue(entry: WaitingGet | WaitingTask): void {
    if (this.#ended) {
      entry.reject(this.#ended);
      return;
    }
    this.#waiting.push(entry);
    if (this.#busy) return;
    this.#busy = true;
    // After the current turn, so that gets made together are sent together.
    queueMicrotask(() => void this.#drain());
  }

  async #drain(): Promise<void> {
    for (let entry = this.#waiting.shift(); entry; entry = this.#waiting.shift()) {
      if (entry.kind === "task") await entry.run();
      else await this.#batch(this.#companions(entry));
    }
    this.#busy = false;
  }

  /** The get and those waiting that fit into the same request; the others keep their order. */
  #companions(first: WaitingGet): WaitingGet[] {
    const batch = [first];
    const oids = new Set(first.oids);
    for (let at = 0; at < this.#waiting.length && oids.size < this.#maxBatch; ) {
      const entry = this.#waiting[at];
      if (entry?.kind === "get" && entry.community === first.community) {
        const added = entry.oids.filter((oid) => !oids.has(oid));
        if (oids.size + added.length <= this.#maxBatch) {
          for (const oid of added) oids.add(oid);
          batch.push(entry);
          this.#waiting.splice(at, 1);
          continue;
        }
      }
      at += 1;
    }
    return batch;
  }

  async #batch(batch: readonly WaitingGet[]): Promise<void> {
    const community = batch[0]?.community ?? "";
    const oids = [...new Set(batch.flatMap((entry) => entry.oids))];
    try {
      const readings = new Map<string, SnmpValue | undefined>();
      for (let at = 0; at < oids.length; at += this.#maxBatch) {
        for (const [oid, value] of await this.#read(community, oids.slice(at, at + this.#maxBatch)))
          readings.set(oid, value);
      }
      for (const entry of batch) entry.resolve(readings);
    } catch (error) {
      const refused = error instanceof SignalboxError && error.code === "SB_SNMP_FAILED" && !error.transient;
      if (batch.length > 1 && refused && !this.#ended) for (const entry of batch) await this.#batch([entry]);
      else for (const entry of batch) entry.reject(error);
    }
  }
}
