import { randomUUID } from "node:crypto";
import {
  AckPolicy,
  type ConsumerMessages,
  connect,
  headers,
  type JetStreamClient,
  type JsMsg,
  type NatsConnection,
  RetentionPolicy,
} from "nats";

/** What one lifecycle takes from NATS. */
export interface LifecycleCost {
  /** Records of the log. */
  readonly records: number;
  /** Jobs: messages put into a queue, taken and acked. */
  readonly jobs: number;
  /** Bytes of a record. */
  readonly recordBytes: number;
  /** Transitions that the feed has of it, and their bytes. */
  readonly told: number;
  readonly toldBytes: number;
}

const LOG = "bare-log";
const QUEUE = "bare-queue";
const FEED = "bare-feed";

/** The floor: the same messages as a lifecycle takes, with nothing around them. In one process, over one connection. */
export class BareLoop {
  readonly #connection: NatsConnection;
  readonly #js: JetStreamClient;
  readonly #cost: LifecycleCost;
  readonly #payload: string;
  readonly #told: string;
  #messages: ConsumerMessages | undefined;
  readonly #taken = new Map<string, (message: JsMsg) => void>();

  private constructor(connection: NatsConnection, cost: LifecycleCost) {
    this.#connection = connection;
    this.#js = connection.jetstream();
    this.#cost = cost;
    const payload = (bytes: number) => JSON.stringify({ record: "x".repeat(Math.max(0, bytes - 13)) });
    this.#payload = payload(cost.recordBytes);
    this.#told = payload(cost.toldBytes);
  }

  static async open(server: string, cost: LifecycleCost): Promise<BareLoop> {
    const connection = await connect({ servers: server, noAsyncTraces: true });
    const manager = await connection.jetstreamManager();
    for (const name of [LOG, QUEUE, FEED]) await manager.streams.delete(name).catch(() => false);
    await manager.streams.add({ name: LOG, subjects: [`${LOG}.>`], max_msgs_per_subject: 64 });
    await manager.streams.add({ name: FEED, subjects: [`${FEED}.>`] });
    await manager.streams.add({ name: QUEUE, subjects: [`${QUEUE}.>`], retention: RetentionPolicy.Workqueue });
    await manager.consumers.add(QUEUE, {
      durable_name: "takers",
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: -1,
    });
    const loop = new BareLoop(connection, cost);
    await loop.#take();
    return loop;
  }

  /**
   * The messages of one lifecycle, each after the one before, as each depends on it.
   * @param feed with the appends to the feed, for which nothing waits but the end
   */
  async lifecycle({ feed }: { feed: boolean }): Promise<void> {
    const id = randomUUID();
    const told: Array<Promise<unknown>> = [];
    const { records, jobs } = this.#cost;
    const forJobs = Math.floor(Math.max(0, records - 1) / (jobs + 1));
    let seq = 0;
    const append = async (count: number) => {
      for (let left = count; left > 0; left -= 1) {
        seq = await this.#append(`${LOG}.${id}`, seq);
        if (feed && told.length < this.#cost.told) told.push(this.#tell(id, told.length));
      }
    };
    await append(records - jobs * forJobs);
    for (let job = 0; job < jobs; job += 1) {
      const message = await this.#queued(`${id}-${job}`);
      await append(forJobs);
      message.ack();
    }
    await Promise.all(told);
  }

  #tell(id: string, at: number): Promise<unknown> {
    return this.#js.publish(`${FEED}.${id}`, this.#told, { msgID: `${id}-${at}`, headers: headers() });
  }

  async close(): Promise<void> {
    await this.#messages?.close();
    const manager = await this.#connection.jetstreamManager();
    for (const name of [LOG, QUEUE, FEED]) await manager.streams.delete(name);
    await this.#connection.close();
  }

  async #append(subject: string, expected: number): Promise<number> {
    const ack = await this.#js.publish(subject, this.#payload, {
      msgID: `${subject}/${expected}`,
      headers: headers(),
      expect: { lastSubjectSequence: expected },
    });
    return ack.seq;
  }

  async #queued(id: string): Promise<JsMsg> {
    const taken = new Promise<JsMsg>((resolve) => this.#taken.set(id, resolve));
    await this.#js.publish(`${QUEUE}.${id}`, JSON.stringify({ id }), { msgID: id });
    return taken;
  }

  async #take(): Promise<void> {
    const consumer = await this.#js.consumers.get(QUEUE, "takers");
    this.#messages = await consumer.consume({
      max_messages: 1000,
      callback: (message) => {
        const id = message.subject.slice(QUEUE.length + 1);
        this.#taken.get(id)?.(message);
        this.#taken.delete(id);
      },
    });
  }
}
