import type { ResourceRef } from "../catalogue/resource-view.ts";
import type { SignalboxError } from "../errors.ts";
import type { Audit, Committed, Decide, ResourceHost } from "./resource-host.ts";

/** What requests do with resources. */
export type ResourceCommands = Pick<ResourceHost, "load" | "command">;

/** Tells whether the log takes writes. */
export interface WritesKnown {
  readonly refusal: SignalboxError | undefined;
  /** Calls back when the log was found to take none; the returned function ends that. */
  onRefusal(listener: (refusal: SignalboxError) => void): () => void;
}

/** How long a write of a request is tried over an outage, milliseconds: its caller gets an answer within a second. */
const PATIENCE_MS = 800;

/**
 * The resource host for those who wait for an answer. What cannot be written is refused at once, and is not done later: a command that waits for its
 * turn when the log is found to take no writes never begins.
 */
export class CallersHost implements ResourceCommands {
  readonly #host: ResourceHost;
  readonly #writes: WritesKnown;

  constructor(host: ResourceHost, writes: WritesKnown) {
    this.#host = host;
    this.#writes = writes;
  }

  load(ref: ResourceRef): Promise<Committed> {
    return this.#unlessRefused(this.#host.load(ref), () => true);
  }

  /** @throws as the host's; SB_STORE_IN_DOUBT when it may be done although no answer came */
  command(ref: ResourceRef, decide: Decide, { audit }: { audit?: Audit | undefined } = {}): Promise<Committed> {
    const { refusal } = this.#writes;
    if (refusal !== undefined) return Promise.reject(refusal);
    let begun = false;
    let refused: SignalboxError | undefined;
    const unlessRefused: Decide = (snapshot, seq) => {
      if (refused !== undefined) throw refused;
      const event = decide(snapshot, seq);
      begun = event !== undefined;
      return event;
    };
    const done = this.#host.command(ref, unlessRefused, { audit, patienceMs: PATIENCE_MS });
    return this.#unlessRefused(done, (reason) => {
      if (begun) return false;
      refused = reason;
      return true;
    });
  }

  async #unlessRefused<T>(done: Promise<T>, mayEnd: (refusal: SignalboxError) => boolean): Promise<T> {
    let end = () => {};
    const refused = new Promise<never>((_, reject) => {
      end = this.#writes.onRefusal((refusal) => {
        if (mayEnd(refusal)) reject(refusal);
      });
    });
    done.catch(() => undefined);
    return Promise.race([done, refused]).finally(() => end());
  }
}
