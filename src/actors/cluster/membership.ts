import { asSignalboxError } from "../../errors.ts";
import { backoffMs } from "../../outages/backoff.ts";
import { RepeatedFailures } from "../../outages/repeated-failures.ts";
import type { Clock, DocumentChange, DocumentStore, Lease, Logger } from "../ports.ts";
import { ownerOf, type Role, SHARES } from "./shares.ts";

export interface MembershipOptions {
  readonly documents: DocumentStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Unlike that of every other process, past ones included. */
  readonly name: string;
  readonly roles: readonly Role[];
  /** A process that says nothing for so long counts as dead, milliseconds. */
  readonly ttlMs: number;
}

/** A process of the system, as it says of itself. */
export interface Member {
  readonly name: string;
  readonly roles: readonly Role[];
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export const MEMBERS_PREFIX = "/signalbox/members/";

/** Parts of the time to live: a sign of life every third of it; a tenth before its end a process stops by itself. */
const SIGNS_PER_TTL = 3;
const MARGIN = 0.1;
const REJOIN = { firstMs: 200, longestMs: 2_000 };

/**
 * The processes that are alive, and what is whose. Each has a leased document; the shares of a role are spread over the live processes that
 * have it. A process whose lease may have ended stops owning anything by its own clock, before the store lets others take over.
 *
 * Two processes may for a moment both take a share for theirs, while the news of a third is on its way: whatever a share allows must be
 * safe when it is done twice. What must never be done twice is under a lease of its own (`DeviceLeases`).
 */
export class Membership {
  readonly name: string;
  readonly #options: MembershipOptions;
  readonly #members = new Map<string, Member>();
  readonly #owned = new Map<Role, ReadonlySet<number>>();
  readonly #listeners = new Set<() => void>();
  readonly #stopping = new AbortController();
  #lease: Lease | undefined;
  /** By the own clock. */
  #validUntil = 0;
  #running: Promise<unknown> | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.name = options.name;
  }

  /** Joins. Resolves when it is known who else is there. */
  async start(): Promise<void> {
    await this.#join();
    const revision = await this.#read();
    this.#running = Promise.all([this.#keepAlive(), this.#follow(revision + 1)]);
  }

  /** Leaves at once: what it owned goes to others now. */
  async leave(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#validUntil = 0;
    this.#changed();
    await this.#lease?.revoke().catch(() => undefined);
  }

  /** The processes that are alive, this one included while its lease holds. */
  members(): Member[] {
    return [...this.#members.values()];
  }

  isAlive(name: string): boolean {
    return this.#members.has(name);
  }

  owns(role: Role, share: number): boolean {
    return this.leaseId() !== undefined && (this.#owned.get(role)?.has(share) ?? false);
  }

  /** The lease under which this process holds what is its alone; undefined when it may have ended. */
  leaseId(): string | undefined {
    return this.#options.clock.monotonic() < this.#validUntil ? this.#lease?.id : undefined;
  }

  /** Calls back when a process came or went, or when this one lost or got back its lease. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #join(): Promise<void> {
    const { documents, clock, name, roles, ttlMs } = this.#options;
    const asked = clock.monotonic();
    const lease = await documents.lease(ttlMs);
    const member: Member = { name, roles, since: clock.now() };
    await documents.transaction({
      writes: [{ key: `${MEMBERS_PREFIX}${name}`, value: { ...member, roles: [...roles] }, lease: lease.id }],
    });
    this.#lease = lease;
    this.#members.set(name, member);
    this.#prolonged(asked);
    this.#changed();
  }

  #prolonged(askedAt: number): void {
    this.#validUntil = askedAt + this.#options.ttlMs * (1 - MARGIN);
  }

  async #keepAlive(): Promise<void> {
    const { clock, ttlMs, logger } = this.#options;
    const { signal } = this.#stopping;
    let lost = false;
    let rejoins = 1;
    while (!signal.aborted) {
      const pauseMs = lost ? backoffMs(rejoins, REJOIN) : ttlMs / SIGNS_PER_TTL;
      await clock.sleep(pauseMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        if (lost) {
          await this.#join();
          await this.#read();
          logger.info({ member: this.name }, "joined again");
        } else {
          const asked = clock.monotonic();
          await this.#lease?.keepAlive();
          this.#prolonged(asked);
        }
        lost = false;
      } catch (thrown) {
        const error = asSignalboxError(thrown);
        const ended = error.code === "SB_TIMEOUT" || this.leaseId() === undefined;
        if (lost) rejoins += 1;
        if (!ended || lost) continue;
        lost = true;
        rejoins = 1;
        this.#validUntil = 0;
        logger.warn(
          { member: this.name, code: error.code, error: error.message },
          "the lease of this process has ended; it leaves its shares to others until it has a new one",
        );
        this.#changed();
      }
    }
  }

  /** Reads who is there; answers the revision that was read. */
  async #read(): Promise<number> {
    const { documents } = this.#options;
    const revision = await documents.revision();
    const found = await documents.range(MEMBERS_PREFIX);
    this.#members.clear();
    for (const { key, value } of found) this.#take({ key, value });
    this.#changed();
    return revision;
  }

  async #follow(from: number): Promise<void> {
    const { documents, clock, logger } = this.#options;
    const { signal } = this.#stopping;
    const failures = new RepeatedFailures({ logger, failed: "the list of processes cannot be followed; trying again" });
    let attempt = 0;
    for (let fromRevision = from; !signal.aborted; ) {
      try {
        for await (const change of documents.watch(MEMBERS_PREFIX, { fromRevision, signal })) {
          attempt = 0;
          failures.succeeded();
          fromRevision = change.revision + 1;
          this.#take(change);
          this.#changed();
        }
        // Ended without a word: the store is being closed.
        await clock.sleep(REJOIN.firstMs, signal).catch(() => undefined);
      } catch (thrown) {
        if (signal.aborted) return;
        failures.failed(thrown);
        attempt += 1;
        await clock.sleep(backoffMs(attempt, REJOIN), signal).catch(() => undefined);
      }
    }
  }

  #take({ key, value }: Pick<DocumentChange, "key" | "value">): void {
    const name = key.slice(MEMBERS_PREFIX.length);
    if (value === null) this.#members.delete(name);
    else this.#members.set(name, value as unknown as Member);
  }

  #changed(): void {
    const { roles } = this.#options;
    for (const role of roles) {
      const names = this.members().flatMap((member) => (member.roles.includes(role) ? [member.name] : []));
      const shares = Array.from({ length: SHARES }, (_, share) => share);
      this.#owned.set(role, new Set(shares.filter((share) => ownerOf(share, names) === this.name)));
    }
    for (const listener of this.#listeners) listener();
  }
}
