import { SignalboxError } from "../../errors.ts";
import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import type { Clock } from "../ports.ts";
import type { TargetProber } from "./prober.ts";
import { unavailableBecause } from "./target-status.ts";

/** Milliseconds within which a target of a kind shall be good after it was configured. */
export const targetTimeoutsMs: Readonly<Record<string, number>> = {
  vrrp_session: 360_000,
  bgp_session: 360_000,
};

/** The same for the kinds that are not in `targetTimeoutsMs`. */
export const defaultTargetTimeoutMs = 120_000;

export interface AwaitTargetsOptions {
  readonly prober: TargetProber;
  readonly clock: Clock;
  /** For all targets; each one's kind decides when not given. */
  readonly timeoutMs?: number;
  /** Milliseconds from the first answer to the next question, which double each time; 50 when not given. */
  readonly firstDelayMs?: number;
  /** 5000 when not given. */
  readonly maxDelayMs?: number;
  readonly signal?: AbortSignal;
  /** Called after each answer, with the last one of each target that has answered. */
  readonly onProgress?: (statuses: Readonly<Record<string, TargetStatus>>) => void;
}

export interface AwaitedTargets {
  /** The last answer of each target; `unavailable` for one that gave none in time. */
  readonly statuses: Record<string, TargetStatus>;
  readonly allGood: boolean;
}

/**
 * Waits until every target was seen good. All are asked side by side; one that is good is not asked again, the others are, less and less
 * often. Ends without success as soon as one target has not been seen good within its timeout, whatever its probe is still waiting for.
 * Rejects with the signal's reason when it is aborted, and with the probe's error when asking again cannot help.
 */
export async function awaitTargets(
  targets: readonly MonitoringTarget[],
  options: AwaitTargetsOptions,
): Promise<AwaitedTargets> {
  const { clock, prober, signal, onProgress } = options;
  signal?.throwIfAborted();
  const statuses: Record<string, TargetStatus> = {};
  const isGood = ({ name }: MonitoringTarget) => statuses[name]?.verdict === "good";
  const over = new AbortController();

  const untilGood = async (target: MonitoringTarget): Promise<void> => {
    for (let delayMs = options.firstDelayMs ?? 50; ; delayMs = Math.min(delayMs * 2, options.maxDelayMs ?? 5000)) {
      const status = await prober.probe(target);
      if (over.signal.aborted) return;
      statuses[target.name] = status;
      onProgress?.({ ...statuses });
      if (status.verdict === "good") return;
      await clock.sleep(delayMs, over.signal);
    }
  };

  const timers: Array<() => void> = [];
  let abort = () => {};
  try {
    await Promise.race([
      Promise.all(targets.map(untilGood)),
      new Promise<void>((resolve, reject) => {
        for (const target of targets) {
          timers.push(clock.after(timeoutOf(target, options), () => !isGood(target) && resolve()));
        }
        abort = () => reject(signal?.reason);
        signal?.addEventListener("abort", abort, { once: true });
      }),
    ]);
  } finally {
    signal?.removeEventListener("abort", abort);
    for (const cancel of timers) cancel();
    over.abort();
  }
  for (const target of targets) statuses[target.name] ??= unavailableBecause(noAnswer(target, options));
  return { statuses, allGood: targets.every(isGood) };
}

function timeoutOf(target: MonitoringTarget, { timeoutMs }: AwaitTargetsOptions): number {
  return timeoutMs ?? targetTimeoutsMs[target.kind] ?? defaultTargetTimeoutMs;
}

function noAnswer(target: MonitoringTarget, options: AwaitTargetsOptions): SignalboxError {
  const message = `The monitoring target ${target.name} gave no answer within ${timeoutOf(target, options)} ms`;
  return new SignalboxError("SB_MONITORING_TIMEOUT", message);
}
