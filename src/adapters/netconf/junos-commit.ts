import type { CommitRecord } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { childrenNamed, childText, element, findElement, type XmlElement } from "../../xml/element.ts";
import type { CommitContext, CommitFlavour } from "./commit-flavour.ts";

const SECONDS_PER_MINUTE = 60;
const MAX_MINUTES = 65_535;

/**
 * Commits of Junos. The tag is the comment of the commit, so the device's own history says what became of it, to any
 * session and after any crash (Junos XML protocol: commit-configuration, get-commit-information, load-configuration).
 *
 * A second commit confirms the first, whoever sends it. So the history is read before confirming, and once more after.
 */
export class JunosCommit implements CommitFlavour {
  readonly #session: CommitContext;

  constructor(session: CommitContext) {
    this.#session = session;
  }

  async commitConfirmed({ timeoutS, tag }: { timeoutS: number; tag: string }): Promise<void> {
    const minutes = Math.min(MAX_MINUTES, Math.max(1, Math.ceil(timeoutS / SECONDS_PER_MINUTE)));
    await this.#commit([element("confirmed"), element("confirm-timeout", String(minutes)), element("log", tag)]);
  }

  async confirm(tag: string): Promise<void> {
    const [newest] = await this.#history();
    if (newest?.comment === confirmationOf(tag)) return;
    if (newest?.comment !== tag) throw this.#rolledBack(tag, newest);
    await this.#commit([element("log", confirmationOf(tag))]);
    // The device may have rolled back between the look and the commit; then the commit confirmed nothing.
    const [confirmation, confirmed] = await this.#history();
    if (confirmation?.comment !== confirmationOf(tag) || confirmed?.comment !== tag) {
      throw this.#rolledBack(tag, confirmation?.comment === confirmationOf(tag) ? confirmed : confirmation);
    }
  }

  async revert(tag: string): Promise<void> {
    if ((await this.outcome(tag)) !== "in-effect") return;
    await this.#session.locked(async () => {
      const [newest] = await this.#history();
      if (newest === undefined || !isOf(tag, newest)) return;
      // Rollback 0 is what is in effect. The confirmation is a commit of its own, with the same configuration.
      const before = newest.comment === tag ? 1 : 2;
      await this.#session.rpc(element("load-configuration", "", { rollback: String(before) }));
      await this.#commit([element("log", `${tag} revert`)]);
    });
  }

  async outcome(tag: string): Promise<"in-effect" | "absent"> {
    const [newest] = await this.#history();
    return newest !== undefined && isOf(tag, newest) ? "in-effect" : "absent";
  }

  async #commit(content: readonly XmlElement[]): Promise<void> {
    await this.#session.rpc(element("commit-configuration", content));
  }

  async #history(): Promise<CommitRecord[]> {
    return commitHistory(await this.#session.rpc(element("get-commit-information")));
  }

  #rolledBack(tag: string, newest: CommitRecord | undefined): SignalboxError {
    const { device } = this.#session;
    const now =
      newest === undefined ? "the history is empty" : `the newest commit is "${newest.comment}" by ${newest.user}`;
    return new SignalboxError("SB_COMMIT_REJECTED", `${device} has rolled back the commit ${tag}: ${now}`, {
      device,
      advice: "The change is not on the device; retry it.",
    });
  }
}

const confirmationOf = (tag: string): string => `${tag} confirm`;
const isOf = (tag: string, { comment }: CommitRecord): boolean => comment === tag || comment === confirmationOf(tag);

/** Reads the reply to get-commit-information, newest first. */
export function commitHistory(reply: XmlElement): CommitRecord[] {
  const list = findElement(reply, "commit-information");
  if (list === undefined) return [];
  return childrenNamed(list, "commit-history")
    .map((entry) => ({
      sequence: Number(childText(entry, "sequence-number") ?? 0),
      record: {
        comment: childText(entry, "log") ?? "",
        user: childText(entry, "user") ?? "",
        client: childText(entry, "client") ?? "",
      },
    }))
    .sort((one, other) => one.sequence - other.sequence)
    .map(({ record }) => record);
}
