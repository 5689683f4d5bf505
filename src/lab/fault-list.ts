export interface ListedFault<F> {
  readonly id: string;
  readonly fault: F;
}

/**
 * The faults in force on a device that knows only switches to turn: gives them ids and tells the device, after each
 * change, all that is in force.
 */
export class FaultList<F extends { readonly kind: string }> {
  readonly #apply: (faults: readonly F[]) => void;
  readonly #several: ReadonlySet<F["kind"]>;
  #listed: readonly ListedFault<F>[] = [];
  #next = 1;

  /**
   * @param apply makes the device be as the faults say
   * @param several kinds of which several may be in force; of the others a new one takes the place of the one before
   */
  constructor(apply: (faults: readonly F[]) => void, several: ReadonlyArray<F["kind"]> = []) {
    this.#apply = apply;
    this.#several = new Set(several);
  }

  /** Returns the fault's id. */
  set(fault: F): string {
    const id = `${fault.kind}-${this.#next++}`;
    const kept = this.#listed.filter((each) => each.fault.kind !== fault.kind || this.#several.has(fault.kind));
    this.#become([...kept, { id, fault }]);
    return id;
  }

  /** Takes back a fault by id, all of a kind, or all; how many there were. */
  clear(which?: string): number {
    const before = this.#listed;
    const kept = before.filter(({ id, fault }) => which !== undefined && id !== which && fault.kind !== which);
    if (kept.length !== before.length) this.#become(kept);
    return before.length - kept.length;
  }

  list(): readonly ListedFault<F>[] {
    return this.#listed;
  }

  #become(listed: readonly ListedFault<F>[]): void {
    this.#listed = listed;
    this.#apply(listed.map(({ fault }) => fault));
  }
}
