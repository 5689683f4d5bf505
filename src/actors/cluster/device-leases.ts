import { SignalboxError } from "../../errors.ts";
import { backoffMs } from "../../outages/backoff.ts";
import type { Clock, DocumentStore } from "../ports.ts";
import type { Membership } from "./membership.ts";

export const DEVICES_PREFIX = "/signalbox/devices/";

const RELEASE = { firstMs: 250, longestMs: 2_000 };

/** The right to edit a device. */
export interface DeviceLease {
  readonly host: string;
  /** @throws SB_LEASE_LOST when it may have ended: somebody else may be editing the device */
  check(): void;
  /** Lets the next one have it. */
  release(): Promise<void>;
}

/**
 * Who may edit a device: one process at a time, over all processes. The right is a document under the lease of the process, so it ends with
 * the process; it is checked before each commit, and the device's own lock is the last guard.
 */
export class DeviceLeases {
  readonly #documents: DocumentStore;
  readonly #membership: Membership;
  readonly #clock: Clock;
  readonly #held = new Set<string>();

  constructor(options: { documents: DocumentStore; membership: Membership; clock: Clock }) {
    this.#documents = options.documents;
    this.#membership = options.membership;
    this.#clock = options.clock;
  }

  /**
   * Waits until the device is free and takes it.
   * @throws SB_LEASE_LOST when this process has no lease of its own at the moment; the signal's reason when it is aborted
   */
  async acquire(host: string, signal: AbortSignal): Promise<DeviceLease> {
    const key = `${DEVICES_PREFIX}${host}`;
    for (;;) {
      signal.throwIfAborted();
      const lease = this.#membership.leaseId();
      if (lease === undefined) throw lost(host);
      const found = await this.#documents.get(key);
      const owner = (found?.value as { owner?: string } | undefined)?.owner;
      // What this process holds without knowing it is left from a release that did not get through.
      if (found === undefined || (owner === this.#membership.name && !this.#held.has(host))) {
        const { committed, revision } = await this.#documents.transaction({
          compare: [{ key, revision: found?.revision ?? 0 }],
          writes: [{ key, value: { owner: this.#membership.name }, lease }],
        });
        if (committed) return this.#taken(host, key, revision, lease);
      } else await this.#freed(key, found.revision, signal);
    }
  }

  #taken(host: string, key: string, revision: number, lease: string): DeviceLease {
    this.#held.add(host);
    return {
      host,
      check: () => {
        if (this.#membership.leaseId() !== lease) throw lost(host);
      },
      release: async () => {
        this.#held.delete(host);
        await this.#giveBack(key, revision, lease);
      },
    };
  }

  /** Until it is done, or is done by the end of the lease, or this process has taken the device again. */
  async #giveBack(key: string, revision: number, lease: string): Promise<void> {
    const attempt = () => this.#documents.transaction({ compare: [{ key, revision }], writes: [{ key, value: null }] });
    try {
      await attempt();
    } catch {
      const again = async () => {
        for (let failures = 1; this.#membership.leaseId() === lease; failures += 1) {
          await this.#clock.sleep(backoffMs(failures, RELEASE));
          const done = await attempt().then(
            () => true,
            () => false,
          );
          if (done) return;
        }
      };
      void again();
    }
  }

  /** Resolves at the next change of the device's document. */
  async #freed(key: string, revision: number, signal: AbortSignal): Promise<void> {
    const watching = new AbortController();
    const stop = () => watching.abort();
    signal.addEventListener("abort", stop, { once: true });
    try {
      const changes = this.#documents.watch(key, { fromRevision: revision + 1, signal: watching.signal });
      for await (const change of changes) if (change.key === key) return;
    } finally {
      signal.removeEventListener("abort", stop);
      watching.abort();
    }
  }
}

function lost(host: string): SignalboxError {
  return new SignalboxError("SB_LEASE_LOST", `this process may not edit ${host} any more`, { device: host });
}
