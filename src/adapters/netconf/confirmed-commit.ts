import { SignalboxError } from "../../errors.ts";
import { element, type XmlElement } from "../../xml/element.ts";
import type { CommitContext, CommitFlavour } from "./commit-flavour.ts";
import { checkAcknowledged } from "./commit-reply.ts";

/**
 * Confirmed commits of RFC 6241 section 8.4 (confirmed-commit:1.1). The tag is the persist id, so that the pending
 * commit outlives the session and any session can confirm or cancel it. There is no history to read: what became of a
 * commit is known only to the session that saw it. To any other one it is unknown; then it is safe to cancel it as long as
 * nobody has confirmed it, since the device says whether anything is pending under its id.
 */
export class PersistentConfirmedCommit implements CommitFlavour {
  readonly #session: CommitContext;
  /** What this session knows: until when a commit is pending (ms by the monotonic clock), or how it ended. */
  readonly #seen = new Map<string, number | "final" | "reverted">();

  constructor(session: CommitContext) {
    this.#session = session;
  }

  async commitConfirmed({ timeoutS, tag }: { timeoutS: number; tag: string }): Promise<void> {
    // Counted from before the request: the device's own timer ends later, never earlier.
    const deadline = this.#session.now() + timeoutS * 1000;
    await this.#commit([
      element("confirmed"),
      element("confirm-timeout", String(Math.max(1, Math.ceil(timeoutS)))),
      element("persist", tag),
    ]);
    this.#seen.set(tag, deadline);
  }

  async confirm(tag: string): Promise<void> {
    if (this.#seen.get(tag) === "final") return;
    try {
      await this.#commit([element("persist-id", tag)]);
    } catch (cause) {
      if (!saysNothingPending(cause)) throw cause;
      this.#seen.delete(tag);
      const { device } = this.#session;
      const message = `${device} has no pending commit ${tag} any more: ${cause.message}`;
      throw new SignalboxError("SB_COMMIT_REJECTED", message, { device, cause });
    }
    this.#seen.set(tag, "final");
  }

  async revert(tag: string): Promise<void> {
    const { device } = this.#session;
    if (this.#seen.get(tag) === "final") {
      throw new SignalboxError(
        "SB_RPC_FAILED",
        `${device} cannot take back ${tag}: it is final and there is no history`,
        {
          device,
        },
      );
    }
    try {
      await this.#session.rpc(element("cancel-commit", [element("persist-id", tag)]));
    } catch (error) {
      // Nothing pending under that id: nothing to take back. Any other error says nothing about what is in effect.
      if (!saysNothingPending(error)) throw error;
    }
    this.#seen.set(tag, "reverted");
  }

  async outcome(tag: string): Promise<"in-effect" | "absent" | "unknown"> {
    const seen = this.#seen.get(tag);
    if (seen === "final") return "in-effect";
    if (seen === "reverted") return "absent";
    return seen !== undefined && this.#session.now() < seen ? "in-effect" : "unknown";
  }

  async #commit(content: readonly XmlElement[]): Promise<void> {
    checkAcknowledged(await this.#session.rpc(element("commit", content)), this.#session.device);
  }
}

/**
 * The device rejects the persist id: nothing is pending under it. RFC 6241 has no error of its own for that, and netconfd says no more than
 * "operation failed". An error that names something else that is wrong says nothing about what is pending.
 */
function saysNothingPending(error: unknown): error is SignalboxError {
  if (!(error instanceof SignalboxError)) return false;
  if (error.code !== "SB_COMMIT_REJECTED" && error.code !== "SB_RPC_FAILED") return false;
  return !/\b(space|disk|full|memory|resource|denied|permission|in.use|busy|locked|progress)\b/i.test(error.message);
}

/**
 * Confirmed commits of RFC 4741 section 8.4 (confirmed-commit:1.0), without a persist id: the pending commit belongs to
 * the session. Taking it back means ending the session, upon which the device restores what was before.
 */
export class SessionConfirmedCommit implements CommitFlavour {
  readonly #session: CommitContext;
  #pending: { readonly tag: string; readonly deadline: number; readonly acknowledged: boolean } | undefined;
  readonly #final = new Set<string>();

  constructor(session: CommitContext) {
    this.#session = session;
  }

  async commitConfirmed({ timeoutS, tag }: { timeoutS: number; tag: string }): Promise<void> {
    const deadline = this.#session.now() + timeoutS * 1000;
    const timeout = element("confirm-timeout", String(Math.max(1, Math.ceil(timeoutS))));
    // Before the answer: an error says nothing about what is in effect, and ending the session takes it back.
    this.#pending = { tag, deadline, acknowledged: false };
    await this.#commit([element("confirmed"), timeout]);
    this.#pending = { tag, deadline, acknowledged: true };
  }

  async confirm(tag: string): Promise<void> {
    if (this.#final.has(tag)) return;
    const { device } = this.#session;
    if (!this.#isPending(tag)) {
      throw new SignalboxError("SB_COMMIT_REJECTED", `this session with ${device} has no pending commit ${tag}`, {
        device,
      });
    }
    await this.#commit();
    this.#pending = undefined;
    this.#final.add(tag);
  }

  async revert(tag: string): Promise<void> {
    if (this.#pending?.tag !== tag) return;
    await this.#session.discard();
    await this.#session.close();
    this.#pending = undefined;
  }

  async outcome(tag: string): Promise<"in-effect" | "absent" | "unknown"> {
    if (this.#final.has(tag)) return "in-effect";
    return this.#isPending(tag) ? "in-effect" : "unknown";
  }

  #isPending(tag: string): boolean {
    const pending = this.#pending;
    return pending?.tag === tag && pending.acknowledged && this.#session.now() < pending.deadline;
  }

  async #commit(content: readonly XmlElement[] = []): Promise<void> {
    checkAcknowledged(await this.#session.rpc(element("commit", content)), this.#session.device);
  }
}

/** For a device without any confirmed commit: changes are refused rather than made without a way back. */
export function noConfirmedCommit(device: string): CommitFlavour {
  const refuse = (): never => {
    throw new SignalboxError("SB_RPC_FAILED", `${device} offers no confirmed commit`, { device });
  };
  return {
    commitConfirmed: async () => refuse(),
    confirm: async () => refuse(),
    revert: async () => refuse(),
    outcome: async () => "unknown",
  };
}
