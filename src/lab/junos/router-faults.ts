/** Which RPCs a fault means: an operation's name, or one of the names that `rpcLabels` gives it besides. */
type RpcLabel = string;

interface OnRpc {
  readonly on: RpcLabel;
  readonly skip?: number;
  readonly times?: number;
}

/**
 * What can be made to go wrong on a router. `times`: how often, then it is over; without it, until it is cleared.
 *
 * - `refuse`: no TCP connection is taken; with `times`, that many are taken and reset. `cut`: those that are open are cut.
 * Those with `on` mean the RPCs of that label, once `skip` of them have passed; `hello` is the opening of a session.
 *
 * - `hang`: sessions open, but RPCs (those of `on`, or all) are not answered, nor executed unless `when` says after.
 * - `drop`: the connection is cut in the middle of an RPC, before or after it was executed.
 * - `error`: an RPC is answered with an rpc-error, before (not executed) or after it was executed.
 * - `garbage`: an RPC is answered with what is no XML, before or after it was executed.
 * - `badBytes`: bytes that stand in the oldest comment of the history, or in the first text of another answer.
 * - `late`: an RPC is executed and answered so much later.
 * - `diskFull`: a commit is answered with an error and is not in effect; `diskFullAfterCommit`: it is in effect all the same.
 * - `reject`: a load, or the check of a commit, fails when a changed statement contains the text.
 * - `holdLock`: somebody else holds the candidate.
 * - `slowCommit`: each commit takes so much longer.
 * - `interfaceDown`: an interface (`ae0`) or a unit (`ae0.1025`) is down.
 * - `vrrpFlip`: the router is what it would not be in the groups it shares; `group` limits it to one group number.
 */
export type RouterFault =
  | { readonly kind: "refuse"; readonly cut?: boolean; readonly times?: number }
  | {
      readonly kind: "hang";
      readonly on?: RpcLabel;
      readonly when?: "before" | "after";
      readonly skip?: number;
      readonly times?: number;
    }
  | ({ readonly kind: "drop"; readonly when: "before" | "after" } & OnRpc)
  | ({ readonly kind: "error"; readonly when: "before" | "after" } & OnRpc)
  | ({ readonly kind: "garbage"; readonly when: "before" | "after" } & OnRpc)
  | ({ readonly kind: "badBytes"; readonly hex: string } & OnRpc)
  | ({ readonly kind: "late"; readonly ms: number } & OnRpc)
  | { readonly kind: "diskFull"; readonly skip?: number; readonly times?: number }
  | { readonly kind: "diskFullAfterCommit"; readonly skip?: number; readonly times?: number }
  | { readonly kind: "reject"; readonly statement: string; readonly at: "load" | "commit"; readonly times?: number }
  | { readonly kind: "holdLock"; readonly user?: string }
  | { readonly kind: "slowCommit"; readonly ms: number; readonly times?: number }
  | { readonly kind: "interfaceDown"; readonly interface: string }
  | { readonly kind: "vrrpFlip"; readonly group?: string };

export type RouterFaultKind = RouterFault["kind"];

/** The kinds of fault with what they take, for whoever offers them to a user. */
export const routerFaultKinds: ReadonlyArray<{ kind: RouterFaultKind; fields: readonly string[] }> = [
  { kind: "refuse", fields: ["cut", "times"] },
  { kind: "hang", fields: ["on", "when", "skip", "times"] },
  { kind: "drop", fields: ["on", "when", "skip", "times"] },
  { kind: "error", fields: ["on", "when", "skip", "times"] },
  { kind: "garbage", fields: ["on", "when", "skip", "times"] },
  { kind: "badBytes", fields: ["on", "hex", "skip", "times"] },
  { kind: "late", fields: ["on", "ms", "skip", "times"] },
  { kind: "diskFull", fields: ["skip", "times"] },
  { kind: "diskFullAfterCommit", fields: ["skip", "times"] },
  { kind: "reject", fields: ["statement", "at", "times"] },
  { kind: "holdLock", fields: ["user"] },
  { kind: "slowCommit", fields: ["ms", "times"] },
  { kind: "interfaceDown", fields: ["interface"] },
  { kind: "vrrpFlip", fields: ["group"] },
];

export interface ActiveFault {
  readonly id: string;
  readonly fault: RouterFault;
  /** How often it has struck. */
  readonly struck: number;
}

interface Entry {
  readonly id: string;
  readonly fault: RouterFault;
  struck: number;
  skipped: number;
}

/** The faults in force on one router. */
export class FaultBox {
  readonly #entries: Entry[] = [];
  readonly #changed: (faults: readonly ActiveFault[]) => void;
  #next = 1;

  /** @param changed called after a fault was set, cleared or used up */
  constructor(changed: (faults: readonly ActiveFault[]) => void = () => undefined) {
    this.#changed = changed;
  }

  set(fault: RouterFault): string {
    const entry = { id: `${fault.kind}-${this.#next++}`, fault, struck: 0, skipped: 0 };
    this.#entries.push(entry);
    this.#changed(this.list());
    return entry.id;
  }

  /** Takes back one fault by its id, all of a kind, or all. Returns how many there were. */
  clear(which?: string): number {
    const before = this.#entries.length;
    for (let index = before - 1; index >= 0; index--) {
      const entry = this.#entries[index];
      if (which === undefined || entry?.id === which || entry?.fault.kind === which) this.#entries.splice(index, 1);
    }
    if (this.#entries.length !== before) this.#changed(this.list());
    return before - this.#entries.length;
  }

  list(): ActiveFault[] {
    return this.#entries.map(({ id, fault, struck }) => ({ id, fault, struck }));
  }

  /** The faults of a kind, without using them up. */
  active<K extends RouterFaultKind>(kind: K): Array<Extract<RouterFault, { kind: K }>> {
    return this.#entries.map((entry) => entry.fault).filter((fault) => isKind(fault, kind));
  }

  /** The first fault of a kind that applies, counted as having struck. */
  strike<K extends RouterFaultKind>(
    kind: K,
    applies: (fault: Extract<RouterFault, { kind: K }>) => boolean = () => true,
  ): Extract<RouterFault, { kind: K }> | undefined {
    for (const entry of this.#entries) {
      const { fault } = entry;
      if (!isKind(fault, kind) || !applies(fault)) continue;
      if ("skip" in fault && entry.skipped < (fault.skip ?? 0)) {
        entry.skipped++;
        continue;
      }
      entry.struck++;
      if ("times" in fault && fault.times !== undefined && entry.struck >= fault.times) this.clear(entry.id);
      return fault;
    }
    return undefined;
  }
}

function isKind<K extends RouterFaultKind>(fault: RouterFault, kind: K): fault is Extract<RouterFault, { kind: K }> {
  return fault.kind === kind;
}
