import { SignalboxError } from "../errors.ts";
import type { EventLog } from "./ports.ts";

/**
 * Holds a position that a client has kept to the log that there is: one beyond its end is of another log, and nothing would come for long.
 * @param from the first position that is asked for: at most the one after the last record
 * @throws SB_MALFORMED_REQUEST
 */
export async function requireWithin(log: Pick<EventLog, "position">, from: number): Promise<void> {
  const position = await log.position();
  if (from <= position + 1) return;
  throw new SignalboxError("SB_MALFORMED_REQUEST", `the log ends with record ${position}, and ${from} is asked for`, {
    advice: "The position is of another log, which this one has replaced: begin again from 1.",
  });
}
