import { SignalboxError } from "../errors.ts";
import { type ReadAllOptions, readAll } from "./read-all.ts";

/** How long a refusal waits for what others have committed before it, milliseconds. */
const PATIENCE_MS = 10_000;

/**
 * Runs a request that the index decides. Other processes may have committed, and answered, what this one has not read yet. So a refusal counts
 * only when the index had all that was in the log when the request came; else the request is decided once more, with all of it. Who was told by
 * one process that something is done is not told by another that it is not.
 * @throws what `run` throws; what the log throws; SB_NOT_READY when this process does not get to read what the log has
 */
export async function refusedSurely<T>(options: ReadAllOptions, run: () => Promise<T>): Promise<T> {
  const { index, log, clock } = options;
  const { seen } = index;
  try {
    return await run();
  } catch (thrown) {
    if (!(thrown instanceof SignalboxError) || thrown.status >= 500) throw thrown;
    if ((await log.position()) <= seen) throw thrown;
    let cancel = () => {};
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(PATIENCE_MS, () => reject(notRead()));
    });
    await Promise.race([readAll(options), late]).finally(() => cancel());
    return run();
  }
}

function notRead(): SignalboxError {
  return new SignalboxError("SB_NOT_READY", "this process has not read yet what others have committed", {
    advice: "Send the request again.",
  });
}
