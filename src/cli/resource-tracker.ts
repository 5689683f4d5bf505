import type { TransitionView } from "../actors/gateway-api.ts";
import { SignalboxError } from "../errors.ts";

export type Outcome = "pending" | "done" | "failed" | "gone";

/**
 * What a resource has come to with a transition: `done` when it is ACTIVE, or, where the type has no status, when its
 * state says that it is completed (reference: the types without jobs are ready when read).
 */
export function outcomeOf(transition: TransitionView): Outcome {
  if (transition.deleted) return "gone";
  if (transition.status === "ERROR" || /(^|[._])failed$/i.test(transition.state)) return "failed";
  if (transition.status !== null) return transition.status === "ACTIVE" ? "done" : "pending";
  return /(^|[._])(read|create|update)_completed?$/i.test(transition.state) ? "done" : "pending";
}

/** A resource as its transitions tell it. */
export interface Tracked {
  readonly latest: TransitionView;
  /** Something on a device or controller is watched for it, so it can be UP or not. */
  readonly monitored: boolean;
  /** Milliseconds of the local clock at its first transition. */
  readonly since: number;
}

/** Why a resource is not ACTIVE and UP; undefined when it is, or when it is gone. */
export function shortfall({ latest, monitored }: Tracked): string | undefined {
  const outcome = outcomeOf(latest);
  if (outcome === "gone") return undefined;
  const name = `${latest.type} ${latest.name === "" ? latest.id : latest.name}`;
  if (outcome === "failed") return `${name} failed: ${latest.error === "" ? latest.state : latest.error}`;
  if (outcome === "pending") return `${name} is ${latest.status ?? latest.state}`;
  const state = latest.operationalState;
  // What nothing is watched for has no state to be in.
  const fine = state === "UP" || (!monitored && state !== "FAIL" && state !== "DOWN") || state === "";
  return latest.status === null || fine ? undefined : `${name} is ACTIVE but ${state}`;
}

/** The resources that transitions were seen of, and a way to wait for them. */
export class ResourceTracker {
  readonly resources = new Map<string, Tracked>();
  readonly #listeners = new Set<() => void>();
  #failure: unknown;
  #failed = false;

  add(transition: TransitionView): void {
    const before = this.resources.get(transition.id);
    this.resources.set(transition.id, {
      latest: transition,
      monitored:
        before?.monitored === true ||
        transition.jobs.some((job) => job.handler === "monitoring_worker" && job.action !== "delete"),
      since: before?.since ?? performance.now(),
    });
    this.#notify();
  }

  /** No more transitions will come: whoever waits gets this error. */
  fail(thrown: unknown): void {
    this.#failed = true;
    this.#failure = thrown;
    this.#notify();
  }

  /**
   * Resolves with what `look` finds, which is asked now and after every transition.
   * @throws SB_TIMEOUT with the text of `describe` when it finds nothing in time
   */
  async until<T>(look: () => T | undefined, options: { timeoutMs: number; describe: () => string }): Promise<T> {
    return await new Promise<T>((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#listeners.delete(check);
        act();
      };
      const check = () => {
        let found: T | undefined;
        try {
          found = look();
        } catch (thrown) {
          settle(() => reject(thrown));
          return;
        }
        if (found !== undefined) {
          const value = found;
          settle(() => resolve(value));
        } else if (this.#failed) settle(() => reject(this.#failure));
      };
      const timer = setTimeout(
        () => settle(() => reject(new SignalboxError("SB_TIMEOUT", options.describe()))),
        options.timeoutMs,
      );
      this.#listeners.add(check);
      check();
    });
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
