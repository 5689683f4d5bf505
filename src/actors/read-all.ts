import type { Clock, EventLog } from "./ports.ts";
import type { ResourceIndex } from "./resource-index.ts";

export interface ReadAllOptions {
  readonly index: Pick<ResourceIndex, "seen" | "caughtUp">;
  readonly log: Pick<EventLog, "position" | "read">;
  readonly clock: Clock;
}

/** How long the index may take before it is looked whether there is anything to be read at all, milliseconds. */
const LOOK_MS = 1_000;

/**
 * Resolves when the index has read all that was in the log at the call. The last records of the log can have been taken out of it unread
 * (`RefusedProposals`): then the index does not come to the log's position, and has read all the same.
 * @throws what the log throws
 */
export async function readAll({ index, log, clock }: ReadAllOptions): Promise<void> {
  const position = await log.position();
  let isDone = index.seen >= position;
  const reading = index.caughtUp(position).then(() => {
    isDone = true;
  });
  while (!isDone) {
    let cancel = () => {};
    const look = new Promise<void>((resolve) => {
      cancel = clock.after(LOOK_MS, resolve);
    });
    await Promise.race([reading, look]).finally(() => cancel());
    if (!isDone && (await isAtTheEnd(log, index.seen))) return;
  }
}

async function isAtTheEnd(log: Pick<EventLog, "read">, seen: number): Promise<boolean> {
  for await (const _ of log.read(seen + 1)) return false;
  return true;
}
