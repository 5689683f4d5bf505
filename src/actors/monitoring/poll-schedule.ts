import type { Clock } from "../ports.ts";

/**
 * When each of many things is due, with one timer for all of them. Times are rounded up to whole ticks, so that things of the same tick come
 * up together and can share what they ask.
 */
export class PollSchedule<T> {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #onDue: (items: Iterable<T>) => void;
  /** By tick of the monotonic clock; as few as an interval has ticks. */
  readonly #ticks = new Map<number, Set<T>>();
  readonly #tickOf = new Map<T, number>();
  #armed: { readonly tick: number; readonly cancel: () => void } | undefined;

  /** @param tickMs milliseconds */
  constructor(clock: Clock, tickMs: number, onDue: (items: Iterable<T>) => void) {
    this.#clock = clock;
    this.#tickMs = tickMs;
    this.#onDue = onDue;
  }

  /** Makes it due after `delayMs`, and at no other time. */
  set(item: T, delayMs: number): void {
    this.delete(item);
    const tick = Math.ceil((this.#clock.monotonic() + delayMs) / this.#tickMs);
    const items = this.#ticks.get(tick);
    if (items === undefined) this.#ticks.set(tick, new Set([item]));
    else items.add(item);
    this.#tickOf.set(item, tick);
    this.#arm();
  }

  delete(item: T): void {
    const tick = this.#tickOf.get(item);
    if (tick === undefined) return;
    this.#tickOf.delete(item);
    const items = this.#ticks.get(tick);
    items?.delete(item);
    if (items?.size === 0) this.#ticks.delete(tick);
    this.#arm();
  }

  clear(): void {
    this.#ticks.clear();
    this.#tickOf.clear();
    this.#arm();
  }

  #arm(): void {
    const next = this.#ticks.size === 0 ? undefined : Math.min(...this.#ticks.keys());
    if (next === this.#armed?.tick) return;
    this.#armed?.cancel();
    this.#armed =
      next === undefined
        ? undefined
        : {
            tick: next,
            cancel: this.#clock.after(next * this.#tickMs - this.#clock.monotonic(), () => this.#fire(next)),
          };
  }

  #fire(tick: number): void {
    this.#armed = undefined;
    const items = this.#ticks.get(tick) ?? new Set<T>();
    this.#ticks.delete(tick);
    for (const item of items) this.#tickOf.delete(item);
    this.#arm();
    this.#onDue(items);
  }
}
