import type { TransitionView } from "../actors/gateway-api.ts";
import { codeOfReport, SignalboxError } from "../errors.ts";
import type { GatewayClient, ResourceType } from "./gateway-client.ts";
import { outcomeOf, type ResourceTracker } from "./resource-tracker.ts";

export interface WaitOptions {
  readonly timeoutMs: number;
  /** Only transitions of versions after this count: an update is not done because the version before it was. */
  readonly afterVersion?: number;
  /** Only transitions after this position of the log count. */
  readonly afterSeq?: number;
}

/**
 * Waits until a resource is ACTIVE (a type without status: completed).
 * @throws SB_TIMEOUT; the resource's own error when it failed; SB_NOT_FOUND when it was deleted
 */
export async function waitUntilActive(
  tracker: ResourceTracker,
  type: string,
  id: string,
  options: WaitOptions,
): Promise<TransitionView> {
  const look = () => {
    const latest = tracker.resources.get(id)?.latest;
    if (latest === undefined || latest.version <= (options.afterVersion ?? 0)) return undefined;
    if (latest.seq <= (options.afterSeq ?? 0)) return undefined;
    const outcome = outcomeOf(latest);
    if (outcome === "pending") return undefined;
    if (outcome === "done") return latest;
    throw failureOf(latest, outcome);
  };
  const describe = () => {
    const latest = tracker.resources.get(id)?.latest;
    const state = latest === undefined ? "not seen yet" : `${latest.status ?? "without status"}, ${latest.state}`;
    return `${type} ${id} is not ACTIVE after ${options.timeoutMs / 1000} s: it is ${state}.`;
  };
  return await tracker.until(look, { timeoutMs: options.timeoutMs, describe });
}

/**
 * Waits until a deleted resource is gone. One whose last transition came before the tracker listened is asked for.
 * @throws SB_TIMEOUT; the resource's own error when the deletion failed
 */
export async function waitUntilGone(
  client: GatewayClient,
  tracker: ResourceTracker,
  type: ResourceType,
  id: string,
  options: { timeoutMs: number },
): Promise<void> {
  try {
    await client.get(type, id);
  } catch (thrown) {
    if (thrown instanceof SignalboxError && thrown.code === "SB_NOT_FOUND") return;
    throw thrown;
  }
  const look = () => {
    const latest = tracker.resources.get(id)?.latest;
    if (latest === undefined) return undefined;
    const outcome = outcomeOf(latest);
    if (outcome === "failed" && /delet/i.test(latest.state)) throw failureOf(latest, outcome);
    return outcome === "gone" ? true : undefined;
  };
  const describe = () => `${type.type} ${id} is still there after ${options.timeoutMs / 1000} s.`;
  await tracker.until(look, { timeoutMs: options.timeoutMs, describe });
}

function failureOf(latest: TransitionView, outcome: "failed" | "gone"): SignalboxError {
  const what = `${latest.type} ${latest.name === "" ? latest.id : latest.name}`;
  if (outcome === "gone") {
    return new SignalboxError("SB_NOT_FOUND", `${what} was deleted.`, { advice: "Look into its history for who did." });
  }
  const cause = latest.error === "" ? "" : `: ${latest.error.replace(/\.$/, "")}`;
  const message = `${what} failed in state ${latest.state}${cause}.`;
  return new SignalboxError(codeOfReport(latest.error) ?? "SB_INTERNAL", message, {
    advice: `Correct the cause, then run: signalbox ${latest.type} retry ${latest.id}`,
  });
}
