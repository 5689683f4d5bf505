import { SignalboxError } from "../../errors.ts";
import type { EventLog, Random, StoredRecord } from "../ports.ts";

/** The subject whose last record names the log. It is a record like any other, so that a backup has it and an emptied log has not. */
export const IDENTITY_SUBJECT = "log.identity";

/** The identity of the log: a UUID; undefined when it has none (it is empty, or an earlier version of the program wrote it). */
export async function readIdentity(log: Pick<EventLog, "last">): Promise<string | undefined> {
  const stored = await log.last(IDENTITY_SUBJECT);
  return stored === undefined ? undefined : identityOf(stored);
}

/** The identity of the log, which is given to it now when it has none. Processes that do so at once agree on one. */
export async function ensureIdentity(log: Pick<EventLog, "last" | "append">, random: Random): Promise<string> {
  return (await readIdentity(log)) ?? (await give(log, random, 0)) ?? ensureIdentity(log, random);
}

/** Gives the log another identity than it has had: every position that was derived from it is a stranger's from then on. */
export async function renewIdentity(log: Pick<EventLog, "last" | "append">, random: Random): Promise<string> {
  const last = await log.last(IDENTITY_SUBJECT);
  return (await give(log, random, last?.seq ?? 0)) ?? renewIdentity(log, random);
}

/** Undefined: another process was faster. */
async function give(log: Pick<EventLog, "append">, random: Random, expectedSeq: number): Promise<string | undefined> {
  const id = random.uuid();
  try {
    await log.append(IDENTITY_SUBJECT, { v: 1, id }, { expectedSeq, messageId: id });
    return id;
  } catch (error) {
    if (error instanceof SignalboxError && error.code === "SB_SEQUENCE_CONFLICT") return undefined;
    throw error;
  }
}

/** @throws SB_DATA_VERSION when a newer version of the program wrote it */
function identityOf({ seq, data }: StoredRecord): string {
  const { v, id } = data as { v?: unknown; id?: unknown };
  if (v === 1 && typeof id === "string") return id;
  throw new SignalboxError("SB_DATA_VERSION", `record ${seq} (${IDENTITY_SUBJECT}) is of an unknown version`);
}
