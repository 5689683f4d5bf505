import type { Lease } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { asCallError, EtcdCallError } from "./call-error.ts";
import type { EtcdClient } from "./etcd-client.ts";
import type { EtcdConnection } from "./etcd-connection.ts";
import { status } from "./grpc-status.ts";

interface LiveLease {
  /** Milliseconds by the monotonic clock after which the server may have ended it. */
  endsAt: number;
}

/**
 * The leases of one process. The server ends a lease when its time is over; so does this class, by its own clock and a moment
 * earlier, because the time counts from before the request that granted or prolonged it.
 */
export class EtcdLeases {
  readonly #connection: EtcdConnection;
  readonly #live = new Map<string, LiveLease>();

  constructor(connection: EtcdConnection) {
    this.#connection = connection;
  }

  /** @param ttlMs rounded up to whole seconds; etcd itself lengthens it to 1.5 times its election timeout where that is more */
  async grant(ttlMs: number): Promise<Lease> {
    const seconds = Math.max(1, Math.ceil(ttlMs / 1000));
    const { id, endsAt } = await this.#connection.repeatable(
      { doing: "The lease was not granted" },
      async ({ client, deadline }) => {
        const sentAt = this.#connection.clock.monotonic();
        const { ID, TTL } = await client.unary("leaseGrant", { TTL: seconds }, deadline);
        return { id: ID, endsAt: sentAt + Number(TTL) * 1000 };
      },
    );
    const lease: LiveLease = { endsAt };
    this.#live.set(id, lease);
    return { id, keepAlive: () => this.#keepAlive(id, lease), revoke: () => this.#revoke(id, lease) };
  }

  /** @throws SB_TIMEOUT when this process took the lease and its time is over; another's lease is for etcd to know */
  requireLive(id: string): void {
    const lease = this.#live.get(id);
    if (lease !== undefined && lease.endsAt <= this.#connection.clock.monotonic()) throw gone(id);
  }

  /** Ends all leases that are still alive, so that their keys go at once and not after their time. */
  async revokeAll(deadline: number): Promise<void> {
    const { client } = this.#connection;
    const ids = [...this.#live]
      .filter(([, { endsAt }]) => endsAt > this.#connection.clock.monotonic())
      .map(([id]) => id);
    this.#live.clear();
    await Promise.allSettled(ids.map((id) => client.unary("leaseRevoke", { ID: id }, deadline)));
  }

  async #keepAlive(id: string, lease: LiveLease): Promise<void> {
    if (lease.endsAt <= this.#connection.clock.monotonic()) throw gone(id);
    const until = lease.endsAt;
    let endsAt: number;
    try {
      endsAt = await this.#connection.repeatable(
        { doing: `The lease ${id} was not prolonged`, until },
        async ({ client, deadline }) => {
          const sentAt = this.#connection.clock.monotonic();
          return sentAt + (await prolong(client, id, deadline)) * 1000;
        },
      );
    } catch (cause) {
      if (this.#connection.clock.monotonic() >= until) throw gone(id, cause);
      throw cause;
    }
    // Time to live 0: the server does not know it any more.
    if (endsAt <= this.#connection.clock.monotonic()) {
      lease.endsAt = 0;
      throw gone(id);
    }
    // Another call may have ended it or prolonged it further meanwhile.
    if (lease.endsAt === 0) throw gone(id);
    lease.endsAt = Math.max(lease.endsAt, endsAt);
  }

  async #revoke(id: string, lease: LiveLease): Promise<void> {
    lease.endsAt = 0;
    await this.#connection.repeatable({ doing: `The lease ${id} was not revoked` }, async ({ client, deadline }) => {
      try {
        await client.unary("leaseRevoke", { ID: id }, deadline);
      } catch (thrown) {
        if (asCallError(thrown).code !== status.notFound) throw thrown;
      }
    });
    this.#live.delete(id);
  }
}

/** Prolongs a lease; resolves with the seconds that it has now, 0 when there is no such lease. */
async function prolong(client: EtcdClient, id: string, deadline: number): Promise<number> {
  const stream = await client.openKeepAlive(deadline);
  try {
    stream.write({ ID: id });
    for await (const { TTL } of stream) return Number(TTL);
    throw new EtcdCallError(status.unavailable, "the stream ended without an answer");
  } finally {
    stream.end();
    stream.cancel();
  }
}

function gone(id: string, cause?: unknown): SignalboxError {
  return new SignalboxError("SB_TIMEOUT", `The lease ${id} is gone`, {
    advice: "Take a new lease and write its keys again.",
    ...(cause === undefined ? {} : { cause }),
  });
}
