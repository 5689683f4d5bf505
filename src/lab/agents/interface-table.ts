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
  readonly up: boolean;
  readonly enabled: boolean;
  readonly inOctets: bigint;
  readonly outOctets: bigint;
}

/** The first index; lower ones belong to a Junos device's internal interfaces. */
const FIRST_INDEX = 501;

/**
 * The interfaces of a device with their indexes and counters. A name keeps its index for as long as it lives; an index
 * is never given to another name (RFC 2863 section 3.1.5).
 */
export class InterfaceTable {
  readonly #rows = new Map<string, Row>();
  #nextIndex = FIRST_INDEX;
  #sorted: Row[] = [];
  /** Hundredths of a second that have passed. */
  #ticks = 0;
  #seen: { readonly interfaces: readonly LabInterface[]; readonly down: string } | undefined;

  /** Follows the device, and lets the counters of interfaces that are up grow for `ticks` hundredths of a second. */
  refresh(interfaces: readonly LabInterface[], down: ReadonlySet<string>, ticks: number): void {
    const before = this.#ticks;
    this.#ticks += ticks;
    // A walk asks hundreds of times in a row, of a device with thousands of interfaces that stay as they are.
    const seen = { interfaces, down: JSON.stringify([...down]) };
    if (this.#seen?.interfaces === interfaces && this.#seen.down === seen.down) return;
    this.#seen = seen;
    const names = new Set<string>();
    for (const { name, up, enabled = true } of interfaces) {
      names.add(name);
      const row = this.#rows.get(name) ?? this.#added(name);
      row.become(up && enabled && !down.has(name), enabled, before);
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

  #added(name: string): Row {
    const row = new Row(this.#nextIndex, name, () => this.#ticks);
    this.#nextIndex += 1;
    this.#rows.set(name, row);
    return row;
  }
}

/** Counts only the ticks in which it was up. */
class Row implements InterfaceRow {
  readonly index: number;
  readonly name: string;
  up = false;
  enabled = true;
  readonly #now: () => number;
  #upSince = 0;
  #ticksBefore = 0;

  constructor(index: number, name: string, now: () => number) {
    this.index = index;
    this.name = name;
    this.#now = now;
  }

  /** @param at ticks that had passed when it became so */
  become(up: boolean, enabled: boolean, at: number): void {
    this.enabled = enabled;
    if (up === this.up) return;
    if (up) this.#upSince = at;
    else this.#ticksBefore += at - this.#upSince;
    this.up = up;
  }

  // Any steady rate will do; a different one per interface makes mix-ups visible.
  get inOctets(): bigint {
    return BigInt(this.#ticksUp()) * BigInt(this.index);
  }

  get outOctets(): bigint {
    return BigInt(this.#ticksUp()) * BigInt(this.index * 2);
  }

  #ticksUp(): number {
    return this.#ticksBefore + (this.up ? this.#now() - this.#upSince : 0);
  }
}
