import type { Clock } from "../../actors/ports.ts";
import { sleepOn } from "./system-clock.ts";

interface Timer {
  readonly due: number;
  readonly order: number;
  /** Undefined once it has run or was cancelled. */
  callback: (() => void) | undefined;
}

/**
 * A clock that stands still until it is moved. Callbacks run in the order of their due times, those of the same time in the
 * order in which they were asked for, each seeing its own due time. `jump` sets the wall clock
 * without time passing.
 */
export class VirtualClock implements Clock {
  // Timers run by what has passed, as those of the system do; the wall clock is apart from it and may be set.
  #passed = 0;
  #wallAhead: number;
  #order = 0;
  #pending = 0;
  // A binary heap, the earliest first; cancelled timers stay in until they come up.
  readonly #timers: Timer[] = [];

  /** @param start milliseconds since the epoch */
  constructor(start = 0) {
    this.#wallAhead = start;
  }

  now(): number {
    return this.#wallAhead + this.#passed;
  }

  monotonic(): number {
    return this.#passed;
  }

  /** Sets the wall clock on by `ms`, back when negative. No time passes by it: no timer becomes due, `monotonic` stays. */
  jump(ms: number): void {
    this.#wallAhead += ms;
  }

  after(delayMs: number, callback: () => void): () => void {
    this.#order += 1;
    const timer: Timer = { due: this.#passed + Math.max(0, delayMs), order: this.#order, callback };
    this.#push(timer);
    this.#pending += 1;
    return () => this.#settle(timer);
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Timers that have neither run nor been cancelled. */
  pending(): number {
    return this.#pending;
  }

  /** Moves time on by `ms` and runs what becomes due on the way, also what those callbacks ask for. */
  advance(ms: number): void {
    const end = this.#passed + ms;
    for (let timer = this.#earliest(); timer !== undefined && timer.due <= end; timer = this.#earliest()) {
      this.#run(timer);
    }
    this.#passed = end;
  }

  /** Moves time on to the next timer and runs that one; false when there is none. */
  advanceToNext(): boolean {
    const timer = this.#earliest();
    if (timer === undefined) return false;
    this.#run(timer);
    return true;
  }

  #run(timer: Timer): void {
    this.#pop();
    this.#passed = Math.max(this.#passed, timer.due);
    const { callback } = timer;
    this.#settle(timer);
    callback?.();
  }

  #settle(timer: Timer): void {
    if (timer.callback === undefined) return;
    timer.callback = undefined;
    this.#pending -= 1;
  }

  #earliest(): Timer | undefined {
    while (this.#timers[0] !== undefined && this.#timers[0].callback === undefined) this.#pop();
    return this.#timers[0];
  }

  #push(timer: Timer): void {
    const heap = this.#timers;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const above = (at - 1) >>> 1;
      const parent = heap[above];
      if (parent === undefined || !isBefore(timer, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#timers;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      if (left === undefined) break;
      const [child, index] = right !== undefined && isBefore(right, left) ? [right, 2 * at + 2] : [left, 2 * at + 1];
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = index;
    }
    heap[at] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
