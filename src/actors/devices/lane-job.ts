import { createHash } from "node:crypto";
import type { XmlElement } from "../../xml/element.ts";
import type { Secrets } from "../ports.ts";

/** How a router is reached; the password may hold sealed tokens. */
export interface DeviceAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

/** A change of one router: a `<configuration>` tree with operation attributes; its texts may hold sealed tokens. */
export interface RouterEdit {
  readonly address: DeviceAddress;
  readonly configuration: XmlElement;
}

/** A change that is made on all its routers or on none. */
export interface LaneJob {
  readonly id: string;
  readonly edits: readonly RouterEdit[];
  /** Each router commits when the one before it, in the order of the edits, has: else all at once. */
  readonly inTurn?: boolean;
  /** Whose it is: they take turns. Jobs without one are nobody's, and together have a turn as well. */
  readonly turn?: string;
}

/** A job on its way: whoever waits for it is told once. */
export class PendingJob {
  readonly job: LaneJob;
  readonly done: Promise<void>;
  /** Equal for jobs that reach their routers in the same way; only those share a transaction. */
  readonly route: string;
  #open = true;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;

  constructor(job: LaneJob, route: string) {
    this.job = job;
    this.route = route;
    let resolve = () => {};
    let reject = (_error: Error) => {};
    this.done = new Promise<void>((whenDone, whenFailed) => {
      resolve = whenDone;
      reject = whenFailed;
    });
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Not decided yet. */
  get open(): boolean {
    return this.#open;
  }

  resolve(): void {
    this.#open = false;
    this.#resolve();
  }

  reject(error: Error): void {
    this.#open = false;
    this.#reject(error);
  }
}

/** The hosts that a job changes, sorted, each once. */
export function hostsOf(job: LaneJob): string[] {
  return [...new Set(job.edits.map((edit) => edit.address.host))].sort();
}

/** One address per host. */
export function addressesOf(job: LaneJob): Map<string, DeviceAddress> {
  return new Map(job.edits.map(({ address }) => [address.host, address]));
}

/**
 * A digest of how an address is logged in to. The same password sealed twice looks different, so it is compared open;
 * one that cannot be opened is compared as it is.
 */
export function routeOf(addresses: Iterable<DeviceAddress>, secrets: Secrets): string {
  const hash = createHash("sha256");
  for (const { host, port, username, password } of addresses) {
    let plain = password;
    try {
      plain = secrets.open(password);
    } catch {
      // The connection attempt reports it.
    }
    hash.update(JSON.stringify([host, port, username, plain]));
  }
  return hash.digest("hex");
}
