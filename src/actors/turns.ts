/**
 * What waits, by whose it is: those who have something waiting take turns, and what one of them has waiting goes in the order in which it
 * came (round robin). Who comes new has the next turn but those of the others who wait; however much one has waiting, another waits for one
 * of it at most.
 */
export class Turns<T> {
  /** In the order of the turns: who had one goes to the end. */
  readonly #waiting = new Map<string, T[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(whose: string, item: T): void {
    const own = this.#waiting.get(whose);
    if (own === undefined) this.#waiting.set(whose, [item]);
    else own.push(item);
    this.#size += 1;
  }

  /**
   * Takes what has the next turn. Who has nothing that may be taken now is passed over, and keeps the place.
   * @param may whether the first of what somebody has waiting may be taken
   */
  take(may: (item: T, whose: string) => boolean = () => true): T | undefined {
    for (const [whose, own] of this.#waiting) {
      const [item] = own;
      if (item === undefined || !may(item, whose)) continue;
      this.#waiting.delete(whose);
      own.shift();
      if (own.length > 0) this.#waiting.set(whose, own);
      this.#size -= 1;
      return item;
    }
    return undefined;
  }

  /** Takes everything. */
  takeAll(): T[] {
    const all = [...this];
    this.#waiting.clear();
    this.#size = 0;
    return all;
  }

  /** What waits, in the order in which it would be taken. */
  *[Symbol.iterator](): Generator<T> {
    const lists = [...this.#waiting.values()];
    const longest = lists.reduce((most, { length }) => Math.max(most, length), 0);
    for (let at = 0; at < longest; at += 1) {
      for (const own of lists) {
        const item = own[at];
        if (item !== undefined) yield item;
      }
    }
  }
}
