import { asSignalboxError, type ErrorCode, SignalboxError } from "../../errors.ts";
import { MASK } from "../sealed-form.ts";

/** The device answered, or nothing was sent: the session is as good as before. Of a commit that says nothing about what is in effect. */
const ANSWERED: ReadonlySet<ErrorCode> = new Set([
  "SB_LOCK_DENIED",
  "SB_DEVICE_BUSY",
  "SB_LOAD_REJECTED",
  "SB_COMMIT_REJECTED",
  "SB_RPC_FAILED",
  "SB_SECRET_UNREADABLE",
]);

/** True when the session is of no more use, and nothing was heard of what the last request did. */
export function isLost(error: SignalboxError): boolean {
  return !ANSWERED.has(error.code);
}

/** Any thrown value as a SignalboxError that names its device. */
export function deviceError(thrown: unknown, host: string): SignalboxError {
  const error = asSignalboxError(thrown);
  if (error.device === host) return error;
  const { code, message, ...rest } = error.toJson();
  return new SignalboxError(code, message, { ...rest, device: host, cause: error.cause ?? error });
}

/** The error without values that may not be shown: devices quote what they reject. */
export function withoutSecrets(error: SignalboxError, hidden: ReadonlySet<string>): SignalboxError {
  const { code, message, statement, ...rest } = error.toJson();
  const shown = { message: mask(message, hidden), statement: statement && mask(statement, hidden) };
  if (shown.message === message && shown.statement === statement) return error;
  // The cause would bring them back into the log.
  const details = shown.statement === undefined ? rest : { ...rest, statement: shown.statement };
  return new SignalboxError(code, shown.message, details);
}

function mask(text: string, hidden: ReadonlySet<string>): string {
  let shown = text;
  for (const value of hidden) {
    // A short value stands in the middle of many a word.
    const pattern = value.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    shown = shown.replaceAll(value.length < 4 ? new RegExp(`(?<!\\w)${pattern}(?!\\w)`, "g") : value, MASK);
  }
  return shown;
}

/** What is in effect on the device named cannot be told or put right at the moment. */
export function inDoubt(what: string, cause: SignalboxError): SignalboxError {
  return new SignalboxError("SB_LANE_IN_DOUBT", `${what}: ${cause.message}`, {
    cause,
    ...(cause.device === undefined ? {} : { device: cause.device }),
    ...(cause.statement === undefined ? {} : { statement: cause.statement }),
  });
}

/** The reasons of the promises that were rejected, in order. */
export function rejections(results: readonly PromiseSettledResult<unknown>[]): SignalboxError[] {
  return results.flatMap((result) => (result.status === "rejected" ? [asSignalboxError(result.reason)] : []));
}

/**
 * Waits until all are done, also when some fail, so that nothing is still under way afterwards.
 * @throws the first failure; a transient one before the others, because it says nothing about the jobs
 */
export async function allDone<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  const failed = rejections(results);
  const worst = failed.find((error) => error.transient) ?? failed[0];
  if (worst !== undefined) throw worst;
  return results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
}
