import type { Clock, Delivery, Json, Logger, WorkQueue, WorkQueues } from "../../actors/ports.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import { numberKey, type OrderedStore, type OrderedWrite, Table } from "./ordered-store.ts";
import { steadyTime } from "./steady-time.ts";

/** Where a message stands. Its body is kept apart, so that a delivery does not write it again. */
interface MessageState {
  /** Place in the order of offers, over all queues. */
  readonly order: number;
  /** Deliveries so far. */
  readonly attempt: number;
  /** Not before this time (`steadyTime`); undefined when it may be taken. */
  readonly due?: number;
  /** Milliseconds between when `due` was stored and `due`: no wait is longer, whatever the clock says after a restart. */
  readonly delayMs?: number;
  /** Somebody has it; `due` is when the ack wait ends. */
  readonly held?: boolean;
}

interface Taker {
  readonly resolve: (delivery: Delivery) => void;
  readonly reject: (reason: unknown) => void;
}

interface QueueTables {
  /** "": the last order given. */
  readonly lastOrder: Table<number>;
  /** <queue>/<id> */
  readonly states: Table<MessageState>;
  /** <queue>/<id> */
  readonly bodies: Table<Json>;
  /** <queue>/<order> to id: may be taken. */
  readonly ready: Table<string>;
  /** <queue>/<due>/<order> to id: delayed, or in somebody's hands. */
  readonly waiting: Table<string>;
}

interface QueueContext {
  readonly store: OrderedStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly closing: AbortSignal;
}

const defaultAckWaitMs = 30_000;
/** For entries of versions that did not store how long they wait: the longest pause between two tries of a job. */
const longestDelayMs = 30_000;
const movedAtOnce = 256;

/** `WorkQueues` over an ordered store. One process owns the store, so what a dead process held may be taken again at once. */
export class StoredWorkQueues implements WorkQueues {
  readonly #context: QueueContext;
  readonly #now: () => number;
  readonly #tables: QueueTables;
  readonly #queues = new Map<string, StoredWorkQueue>();

  constructor(context: QueueContext) {
    this.#context = context;
    this.#now = steadyTime(context.clock);
    const { store } = context;
    this.#tables = {
      lastOrder: new Table(store, "queue/order"),
      states: new Table(store, "queue/state"),
      bodies: new Table(store, "queue/body"),
      ready: new Table(store, "queue/ready"),
      waiting: new Table(store, "queue/waiting"),
    };
  }

  /**
   * Makes ready what an earlier process had taken and not acked, and has no message wait longer than it was to, if the wall clock was set
   * since. Called once, before anything is taken.
   */
  async recover(): Promise<void> {
    const { states, waiting } = this.#tables;
    const now = this.#now();
    const recovered = (state: MessageState): MessageState => {
      if (state.held === true || state.due === undefined) return placeless(state);
      const { due, delayMs = longestDelayMs } = state;
      return { ...state, due: Math.min(due, Math.ceil(now + delayMs)), delayMs };
    };
    const moved: string[] = [];
    for (const { key, value: id } of waiting.scan()) {
      const stateKey = `${key.slice(0, key.indexOf("/"))}/${id}`;
      const state = states.get(stateKey);
      if (state !== undefined && recovered(state).due !== state.due) moved.push(stateKey);
    }
    while (moved.length > 0) {
      const piece = moved.splice(0, movedAtOnce);
      await this.#context.store.commit(() => ({
        writes: piece.flatMap((stateKey) => {
          const state = states.get(stateKey);
          return state === undefined ? [] : relocate(this.#tables, stateKey, state, recovered(state));
        }),
        result: undefined,
      }));
    }
  }

  /** The wait of the first call with `ackWaitMs` holds; 30 s when none is given. */
  queue(name: string, options: { ackWaitMs?: number } = {}): WorkQueue {
    const existing = this.#queues.get(name);
    if (existing !== undefined) return existing;
    if (!/^[A-Za-z0-9_.-]+$/.test(name)) throw new SignalboxError("SB_INTERNAL", `"${name}" is no name of a queue`);
    const queue = new StoredWorkQueue(name, options.ackWaitMs ?? defaultAckWaitMs, this.#tables, {
      ...this.#context,
      now: this.#now,
    });
    this.#queues.set(name, queue);
    return queue;
  }
}

/**
 * One queue. Takers wait in process memory; whatever may make a message available (an offer, a nak, the clock) starts
 * the hand-out, which claims as many messages as there are takers in one transaction.
 */
class StoredWorkQueue implements WorkQueue {
  readonly #name: string;
  readonly #ackWaitMs: number;
  readonly #tables: QueueTables;
  readonly #context: QueueContext & { readonly now: () => number };
  readonly #takers = new Set<Taker>();
  // Counted once, then kept up to date: one process owns the store.
  #depth: number;
  #handingOut = false;
  #again = false;
  #cancelTimer: () => void = () => undefined;

  constructor(
    name: string,
    ackWaitMs: number,
    tables: QueueTables,
    context: QueueContext & { readonly now: () => number },
  ) {
    this.#name = name;
    this.#ackWaitMs = ackWaitMs;
    this.#tables = tables;
    this.#context = context;
    this.#depth = tables.states.count(`${name}/`);
    context.closing.addEventListener("abort", () => this.#close(), { once: true });
  }

  async offer(message: { id: string; body: Json; delayMs?: number }): Promise<void> {
    const { states, bodies, lastOrder } = this.#tables;
    const stateKey = this.#key(message.id);
    const added = await this.#context.store.commit(() => {
      if (states.get(stateKey) !== undefined) return { writes: [], result: false };
      const order = (lastOrder.get("") ?? 0) + 1;
      const due = this.#dueIn(message.delayMs ?? 0);
      const writes = [
        lastOrder.put("", order),
        bodies.put(stateKey, message.body),
        ...relocate(this.#tables, stateKey, undefined, { order, attempt: 0, ...due }),
      ];
      return { writes, result: true };
    });
    if (added) this.#depth += 1;
    this.#handOut();
  }

  take(signal: AbortSignal): Promise<Delivery> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#context.closing.aborted) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#takers.delete(taker);
        reject(signal.reason);
      };
      const settled = () => {
        this.#takers.delete(taker);
        signal.removeEventListener("abort", abort);
      };
      const taker: Taker = {
        resolve: (delivery) => {
          settled();
          resolve(delivery);
        },
        reject: (reason) => {
          settled();
          reject(reason);
        },
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#takers.add(taker);
      this.#handOut();
    });
  }

  async depth(): Promise<number> {
    return this.#depth;
  }

  #handOut(): void {
    this.#again = true;
    if (this.#handingOut) return;
    this.#handingOut = true;
    this.#handOutAll()
      .catch((thrown: unknown) => {
        const error = asSignalboxError(thrown);
        for (const taker of [...this.#takers]) taker.reject(error);
        if (!this.#context.closing.aborted) {
          this.#context.logger.error({ err: error, queue: this.#name }, "the queue cannot hand out messages");
        }
      })
      .finally(() => {
        this.#handingOut = false;
        if (this.#again && this.#takers.size > 0 && !this.#context.closing.aborted) this.#handOut();
      });
  }

  async #handOutAll(): Promise<void> {
    while (this.#again && this.#takers.size > 0 && !this.#context.closing.aborted) {
      this.#again = false;
      await this.#promoteDue();
      const claimed = await this.#claim(this.#takers.size);
      for (const message of claimed) {
        const taker = first(this.#takers);
        // Whoever wanted it has left meanwhile.
        if (taker === undefined) await this.#putBack(message.stateKey, message.state);
        else taker.resolve(this.#delivery(message));
      }
      if (claimed.length > 0) this.#again = true;
    }
    this.#armTimer();
  }

  /** Moves what is due among the others that may be taken, where the order of offers counts. */
  async #promoteDue(): Promise<void> {
    const { states, waiting } = this.#tables;
    const prefix = `${this.#name}/`;
    const due = () =>
      waiting.range({ prefix, to: prefix + numberKey(Math.floor(this.#context.now()) + 1) }, movedAtOnce);
    while (due().length > 0) {
      await this.#context.store.commit(() => ({
        writes: due().flatMap(({ value: id }) => {
          const state = states.get(this.#key(id));
          return state === undefined ? [] : relocate(this.#tables, this.#key(id), state, placeless(state));
        }),
        result: undefined,
      }));
    }
  }

  async #claim(count: number): Promise<Claimed[]> {
    const { states, bodies, ready } = this.#tables;
    const prefix = `${this.#name}/`;
    if (ready.range({ prefix }, 1).length === 0) return [];
    return this.#context.store.commit(() => {
      const claimed: Claimed[] = [];
      const writes: OrderedWrite[] = [];
      for (const { value: id } of ready.range({ prefix }, Math.min(count, movedAtOnce))) {
        const stateKey = this.#key(id);
        const before = states.get(stateKey);
        if (before === undefined) continue;
        const due = this.#timeIn(this.#ackWaitMs);
        const state = { order: before.order, attempt: before.attempt + 1, due, held: true };
        writes.push(...relocate(this.#tables, stateKey, before, state));
        claimed.push({ id, stateKey, state, body: bodies.get(stateKey) ?? null });
      }
      return { writes, result: claimed };
    });
  }

  async #putBack(stateKey: string, claimed: MessageState): Promise<void> {
    await this.#change(stateKey, claimed, (state) =>
      relocate(this.#tables, stateKey, state, { order: state.order, attempt: state.attempt - 1 }),
    );
  }

  #delivery({ id, stateKey, state, body }: Claimed): Delivery {
    // The first ack or nak counts; what comes later, or after the message went to somebody else, does nothing.
    let settled = false;
    const settle = async (writes: (state: MessageState) => OrderedWrite[]) => {
      if (settled) return false;
      settled = true;
      try {
        return await this.#change(stateKey, state, writes);
      } catch (error) {
        settled = false;
        throw error;
      }
    };
    return {
      id,
      body,
      attempt: state.attempt,
      ack: async () => {
        const removed = await settle((current) => [
          ...relocate(this.#tables, stateKey, current, undefined),
          this.#tables.bodies.remove(stateKey),
        ]);
        if (removed) this.#depth -= 1;
      },
      nak: async (delayMs) => {
        await settle((current) => {
          const next = { order: current.order, attempt: current.attempt, ...this.#dueIn(delayMs) };
          return relocate(this.#tables, stateKey, current, next);
        });
        this.#handOut();
      },
      inProgress: async () => {
        if (settled) return;
        await this.#change(stateKey, state, (current) => {
          const due = this.#timeIn(this.#ackWaitMs);
          return relocate(this.#tables, stateKey, current, { ...placeless(current), due, held: true });
        });
      },
    };
  }

  /** Changes a message if that delivery of it is still the latest. */
  #change(
    stateKey: string,
    delivered: MessageState,
    writes: (state: MessageState) => OrderedWrite[],
  ): Promise<boolean> {
    return this.#context.store.commit(() => {
      const state = this.#tables.states.get(stateKey);
      // An id may be offered again after its ack: the order tells the messages apart.
      if (state?.order !== delivered.order || state.attempt !== delivered.attempt) return { writes: [], result: false };
      return { writes: writes(state), result: true };
    });
  }

  /** Wakes the hand-out when the next delayed or unacked message becomes due, if somebody waits for it. */
  #armTimer(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => undefined;
    if (this.#takers.size === 0 || this.#context.closing.aborted) return;
    const prefix = `${this.#name}/`;
    const next = this.#tables.waiting.range({ prefix }, 1)[0];
    if (next === undefined) return;
    const due = Number(next.key.slice(prefix.length, next.key.lastIndexOf("/")));
    const leftMs = due - this.#context.now();
    // Became due since it was looked at.
    if (leftMs <= 0) this.#again = true;
    else this.#cancelTimer = this.#context.clock.after(leftMs, () => this.#handOut());
  }

  #dueIn(delayMs: number): { due?: number; delayMs?: number } {
    return delayMs > 0 ? { due: this.#timeIn(delayMs), delayMs } : {};
  }

  /** Whole milliseconds, as they are a part of keys. */
  #timeIn(delayMs: number): number {
    return Math.ceil(this.#context.now() + delayMs);
  }

  #key(id: string): string {
    return `${this.#name}/${id}`;
  }

  #close(): void {
    this.#cancelTimer();
    for (const taker of [...this.#takers]) taker.reject(closedError());
  }
}

interface Claimed {
  readonly id: string;
  readonly stateKey: string;
  readonly state: MessageState;
  readonly body: Json;
}

/** The state as one that may be taken at once. */
function placeless(state: MessageState): MessageState {
  return { order: state.order, attempt: state.attempt };
}

/** Writes a message's state and moves its entry between the two lists accordingly. */
function relocate(
  tables: QueueTables,
  stateKey: string,
  before: MessageState | undefined,
  after: MessageState | undefined,
): OrderedWrite[] {
  const queue = stateKey.slice(0, stateKey.indexOf("/"));
  const id = stateKey.slice(queue.length + 1);
  const placeOf = ({ due, order }: MessageState) =>
    due === undefined
      ? { table: tables.ready, key: `${queue}/${numberKey(order)}` }
      : { table: tables.waiting, key: `${queue}/${numberKey(due)}/${numberKey(order)}` };
  const writes: OrderedWrite[] = [];
  if (before !== undefined) {
    const { table, key } = placeOf(before);
    writes.push(table.remove(key));
  }
  if (after === undefined) return [...writes, tables.states.remove(stateKey)];
  const { table, key } = placeOf(after);
  return [...writes, table.put(key, id), tables.states.put(stateKey, after)];
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  for (const item of set) return item;
  return undefined;
}

function closedError(): SignalboxError {
  return new SignalboxError("SB_NOT_READY", "The queue is closed");
}
