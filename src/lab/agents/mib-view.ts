import type { InterfaceRow, InterfaceTable } from "./interface-table.ts";
import {
  type Binding,
  counter64,
  gauge32,
  integerValue,
  type MibValue,
  NO_SUCH_INSTANCE,
  NO_SUCH_OBJECT,
  octets,
  oidValue,
  timeTicks,
} from "./snmp-message.ts";

/** What the scalars say. */
export interface SystemGroup {
  readonly name: string;
  readonly descr: string;
  /** Hundredths of a second since the agent started. */
  uptime: number;
}

type MibObject = { readonly oid: readonly number[] } & (
  | { readonly kind: "scalar"; read(): MibValue }
  | { readonly kind: "column"; read(row: InterfaceRow): MibValue }
);

const SYSTEM = [1, 3, 6, 1, 2, 1, 1];
const INTERFACES = [1, 3, 6, 1, 2, 1, 2];
const IF_ENTRY = [...INTERFACES, 2, 1];
const IF_X_ENTRY = [1, 3, 6, 1, 2, 1, 31, 1, 1, 1];
/** Juniper Networks, product MX (JUNIPER-CHASSIS-DEFINES-MIB). */
const SYS_OBJECT_ID = [1, 3, 6, 1, 4, 1, 2636, 1, 1, 1, 2, 29];
const ETHERNET_CSMACD = 6;
const UP = 1;
const DOWN = 2;

/**
 * The objects of one agent in lexicographical order: the system group (RFC 3418) and the columns of ifTable and
 * ifXTable (RFC 2863) that monitoring reads.
 */
export class MibView {
  readonly #objects: readonly MibObject[];
  readonly #table: InterfaceTable;

  constructor(system: SystemGroup, table: InterfaceTable) {
    this.#table = table;
    const scalar = (oid: readonly number[], read: () => MibValue): MibObject => ({ oid, kind: "scalar", read });
    const column = (oid: readonly number[], read: (row: InterfaceRow) => MibValue): MibObject => ({
      oid,
      kind: "column",
      read,
    });
    this.#objects = [
      scalar([...SYSTEM, 1], () => octets(system.descr)),
      scalar([...SYSTEM, 2], () => oidValue(SYS_OBJECT_ID)),
      scalar([...SYSTEM, 3], () => timeTicks(system.uptime)),
      scalar([...SYSTEM, 5], () => octets(system.name)),
      scalar([...INTERFACES, 1], () => integerValue(table.rows.length)),
      column([...IF_ENTRY, 1], (row) => integerValue(row.index)),
      column([...IF_ENTRY, 2], (row) => octets(row.name)),
      column([...IF_ENTRY, 3], () => integerValue(ETHERNET_CSMACD)),
      column([...IF_ENTRY, 5], () => gauge32(0xffffffff)),
      column([...IF_ENTRY, 7], (row) => integerValue(row.enabled ? UP : DOWN)),
      column([...IF_ENTRY, 8], (row) => integerValue(row.up ? UP : DOWN)),
      column([...IF_X_ENTRY, 1], (row) => octets(row.name)),
      column([...IF_X_ENTRY, 6], (row) => counter64(row.inOctets)),
      column([...IF_X_ENTRY, 10], (row) => counter64(row.outOctets)),
      column([...IF_X_ENTRY, 15], () => gauge32(10_000)),
    ];
  }

  /** The value of an instance, or the marker that says what is missing (RFC 3416 section 4.2.1). */
  get(oid: readonly number[]): MibValue {
    for (const object of this.#objects) {
      if (!startsWith(oid, object.oid)) continue;
      const [index, ...rest] = oid.slice(object.oid.length);
      if (index === undefined || rest.length > 0) return NO_SUCH_INSTANCE;
      if (object.kind === "scalar") return index === 0 ? object.read() : NO_SUCH_INSTANCE;
      const row = this.#table.at(index);
      return row ? object.read(row) : NO_SUCH_INSTANCE;
    }
    return NO_SUCH_OBJECT;
  }

  /** The first instance after a name; undefined at the end of the view (RFC 3416 section 4.2.2). */
  next(oid: readonly number[]): Binding | undefined {
    for (const object of this.#objects) {
      const inside = startsWith(oid, object.oid);
      if (!inside && compare(oid, object.oid) > 0) continue;
      const index = inside ? oid[object.oid.length] : undefined;
      if (object.kind === "scalar") {
        if (index === undefined) return { oid: [...object.oid, 0], value: object.read() };
        continue;
      }
      const row = this.#table.after(index ?? 0);
      if (row) return { oid: [...object.oid, row.index], value: object.read(row) };
    }
    return undefined;
  }
}

function startsWith(oid: readonly number[], prefix: readonly number[]): boolean {
  return prefix.length <= oid.length && prefix.every((part, at) => part === oid[at]);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [at, part] of a.entries()) {
    const other = b[at];
    if (other === undefined) return 1;
    if (part !== other) return part - other;
  }
  return a.length - b.length;
}
