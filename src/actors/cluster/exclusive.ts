import { Mailboxes } from "../mailboxes.ts";
import type { DeviceLeases } from "./device-leases.ts";

/**
 * Runs a task while nobody else, in no process, runs one for the same key.
 * `check` throws SB_LEASE_LOST when somebody else may be at it: to be called right before each write.
 */
export type Exclusive = <T>(key: string, task: (check: () => void) => Promise<T>) => Promise<T>;

/** One at a time within this process, and among all processes by a lease. */
export function exclusiveBy(leases: Pick<DeviceLeases, "acquire">, signal: AbortSignal): Exclusive {
  const mailboxes = new Mailboxes();
  return (key, task) =>
    mailboxes.run(key, async () => {
      const lease = await leases.acquire(key, signal);
      try {
        return await task(lease.check);
      } finally {
        await lease.release();
      }
    });
}
