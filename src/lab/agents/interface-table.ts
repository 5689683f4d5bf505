/** An interface as its device describes it. */
export interface LabInterface {
  /** As in ifName, such as `xe-0/0/3` or `ae0.1025`. */
  readonly name: string;
  readonly up: boolean;
  /** ifAdminStatus; true when not given. */
  readonly enabled?: boolean;
}

/** A row of ifTable and ifXTable (RFC 2863). */
export interface InterfaceRow {
  readonly index: number;
  readonly name: string;
  up: boolean;
  enabled: boolean;
  inOctets: bigint;
  outOctets: bigint;
}

/** The first index; lower ones belong to a Junos device's internal interfaces. */
const FIRST_INDEX = 501;

/**
 * The interfaces of a device with their indexes and counters. A name keeps its index for as long as it lives; an index
 * is never given to another name (RFC 2863 section 3.1.5).
 */
export class InterfaceTable {
  readonly #rows = new Map<string, InterfaceRow>();
  #nextIndex = FIRST_INDEX;
  #sorted: InterfaceRow[] = [];

  /** Follows the device, and lets the counters of interfaces that are up grow for `ticks` hundredths of a second. */
  refresh(interfaces: readonly LabInterface[], down: ReadonlySet<string>, ticks: number): void {
    const names = new Set<string>();
    for (const { name, up, enabled = true } of interfaces) {
      names.add(name);
      const row = this.#rows.get(name) ?? this.#added(name);
      row.enabled = enabled;
      row.up = up && enabled && !down.has(name);
      if (!row.up) continue;
      // Any steady rate will do; a different one per interface makes mix-ups visible.
      row.inOctets += BigInt(ticks) * BigInt(row.index);
      row.outOctets += BigInt(ticks) * BigInt(row.index * 2);
    }
    for (const name of this.#rows.keys()) if (!names.has(name)) this.#rows.delete(name);
    // Indexes only ever rise, so insertion order is index order.
    this.#sorted = [...this.#rows.values()];
  }

  /** All rows in order of their indexes. */
  get rows(): readonly InterfaceRow[] {
    return this.#sorted;
  }

  /** The row of that index. */
  at(index: number): InterfaceRow | undefined {
    const row = this.after(index - 1);
    return row?.index === index ? row : undefined;
  }

  /** The first row whose index is greater. */
  after(index: number): InterfaceRow | undefined {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle]?.index ?? 0) > index) high = middle;
      else low = middle + 1;
    }
    return this.#sorted[low];
  }

  #added(name: string): InterfaceRow {
    const row = { index: this.#nextIndex, name, up: false, enabled: true, inOctets: 0n, outOctets: 0n };
    this.#nextIndex += 1;
    this.#rows.set(name, row);
    return row;
  }
}
