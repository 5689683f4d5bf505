import type { EventLog } from "../ports.ts";
import type { DeviceAddress } from "./lane-job.ts";
import { JOURNAL_PREFIX, type JournalRecord, laneIdOf, parseJournal } from "./lane-journal.ts";

interface Unsettled {
  readonly addresses: ReadonlyMap<string, DeviceAddress>;
  /** Hosts on which the transaction is not known to be over. */
  readonly open: Set<string>;
}

/**
 * The lanes whose last transaction is not known to be over. While one is, no other lane touches a router on which it may
 * have a commit pending: on Junos any later commit would confirm that.
 */
export class UnsettledLanes {
  readonly #lanes = new Map<string, Unsettled>();

  /** Takes in what an earlier life of the process left in the log. */
  async scan(log: EventLog): Promise<void> {
    for await (const stored of log.lastOfEach(JOURNAL_PREFIX)) {
      const record = parseJournal(stored);
      if (record.phase !== "settled") this.open(record);
    }
  }

  open({ devices }: Pick<JournalRecord, "devices">): void {
    const addresses = new Map(devices.map((address) => [address.host, address]));
    const hosts = [...addresses.keys()].sort();
    this.#lanes.set(laneIdOf(hosts), { addresses, open: new Set(hosts) });
  }

  has(laneId: string): boolean {
    return this.#lanes.has(laneId);
  }

  all(): string[] {
    return [...this.#lanes.keys()];
  }

  addresses(laneId: string): ReadonlyMap<string, DeviceAddress> | undefined {
    return this.#lanes.get(laneId)?.addresses;
  }

  /** Nothing of the lane's last transaction is pending on that router. */
  settleHost(laneId: string, host: string): void {
    this.#lanes.get(laneId)?.open.delete(host);
  }

  settle(laneId: string): void {
    this.#lanes.delete(laneId);
  }

  /** Other lanes that may have a commit pending on one of the hosts. */
  overlapping(laneId: string, hosts: readonly string[]): string[] {
    return [...this.#lanes].flatMap(([id, { open }]) =>
      id !== laneId && hosts.some((host) => open.has(host)) ? [id] : [],
    );
  }
}
