import { SignalboxError } from "../../errors.ts";
import type { DocumentStore, EventLog, Random } from "../ports.ts";
import { ensureIdentity, readIdentity } from "./identity-record.ts";
import { LOG_DOCUMENT, type LogPosition, readLogPositions } from "./log-positions.ts";

/** A log, as far as it is compared with what was derived from one. */
export interface LogState {
  /** Undefined: it has none. */
  readonly identity: string | undefined;
  /** seq of its last record. */
  readonly position: number;
}

/**
 * Why the log cannot be the one that the positions were derived from; undefined when it can. Positions without an identity are of an earlier
 * version of the program: they must lie within the log.
 */
export function strangerIn(positions: readonly LogPosition[], { identity, position }: LogState): string | undefined {
  for (const { key, log, seq } of positions) {
    if (log !== undefined && log !== identity) {
      const present =
        identity === undefined ? "the present one is empty or another's" : `the present one is ${identity}`;
      return `${key} is of the log ${log}${seq > 0 ? ` up to record ${seq}` : ""}, and ${present}`;
    }
    if (seq > position) return `${key} stands at record ${seq}, and the log ends with record ${position}`;
  }
  return undefined;
}

/** The error for a log that is not the one that the documents were written from. */
export function replacedError(reason: string, cause?: unknown): SignalboxError {
  return new SignalboxError(
    "SB_LOG_REPLACED",
    `the event log is not the one that the documents were written from: ${reason}`,
    cause === undefined ? {} : { cause },
  );
}

/**
 * Sees to it that log and documents belong together, and that the documents say so from now on. A log that has no identity yet gets one.
 * @returns the identity of the log
 * @throws SB_LOG_REPLACED when the documents were written from another log, or from more of this one than there is
 */
export async function requireOwnLog(options: {
  log: Pick<EventLog, "last" | "append" | "position">;
  documents: DocumentStore;
  random: Random;
}): Promise<string> {
  const { log, documents, random } = options;
  for (;;) {
    // The documents first: what other processes write to both meanwhile is in the log before the documents tell of it.
    const positions = await readLogPositions(documents);
    const state = { identity: await readIdentity(log), position: await log.position() };
    const reason = strangerIn(positions, state);
    if (reason !== undefined) throw replacedError(reason);
    const identity = state.identity ?? (await ensureIdentity(log, random));
    if (positions.some(({ key }) => key === LOG_DOCUMENT)) return identity;
    const { committed } = await documents.transaction({
      compare: [{ key: LOG_DOCUMENT, revision: 0 }],
      writes: [{ key: LOG_DOCUMENT, value: { log: identity } }],
    });
    if (committed) return identity;
  }
}
