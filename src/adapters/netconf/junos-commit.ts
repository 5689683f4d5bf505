import type { CommitRecord } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { child, element, findElement, type XmlElement } from "../../xml/element.ts";
import type { CommitContext, CommitFlavour } from "./commit-flavour.ts";
import { commitHistory, confirmationOf, reversalOf, type Standing, standingOf } from "./commit-history.ts";
import { checkAcknowledged } from "./commit-reply.ts";
import { inverseEdit } from "./inverse-edit.ts";
import { editOperation, getConfigOperation } from "./operations.ts";

const SECONDS_PER_MINUTE = 60;
const MAX_MINUTES = 65_535;

/**
 * Commits of Junos. The tag is the comment of the commit, so the device's own history says what became of it, to any
 * session and after any crash (Junos XML protocol: commit-configuration, get-commit-information, load-configuration).
 *
 * A second commit confirms the first, whoever sends it. So the history is read before confirming, and once more after.
 * Where somebody else has committed since, the history alone does not say whether the change is still there; then the
 * configurations before it, with it and now are compared.
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
    const history = await this.#history();
    if (standingOf(tag, history).kind === "newest") {
      await this.#commit([element("log", confirmationOf(tag))]);
      // The device may have rolled back between the look and the commit; then the commit confirmed nothing.
      await this.#mustBeFinal(tag, await this.#history());
    } else await this.#mustBeFinal(tag, history);
  }

  async revert(tag: string): Promise<void> {
    if (standingOf(tag, await this.#history()).kind === "absent") return;
    await this.#session.locked(async () => {
      const history = await this.#history();
      const standing = standingOf(tag, history);
      if (standing.kind === "absent") return;
      if (standing.kind === "buried") {
        const edit = await this.#inverse(history, standing.depth);
        if (edit !== undefined) await this.#edit(edit);
      } else {
        // Rollback 0 is what is in effect. The confirmation is a commit of its own, with the same configuration.
        await this.#loadRollback(standing.kind === "newest" ? 1 : 2, history);
      }
      await this.#commit([element("log", reversalOf(tag))]);
    });
  }

  async outcome(tag: string): Promise<"in-effect" | "absent"> {
    const history = await this.#history();
    const standing = standingOf(tag, history);
    if (standing.kind === "absent") return "absent";
    return (await this.#isInEffect(standing, history)) ? "in-effect" : "absent";
  }

  /** What was confirmed was done, whatever others have made of it since. */
  async #isInEffect(standing: Standing, history: readonly CommitRecord[]): Promise<boolean> {
    if (standing.kind !== "buried" || standing.confirmed) return standing.kind !== "absent";
    return (await this.#session.locked(() => this.#inverse(history, standing.depth))) !== undefined;
  }

  async #mustBeFinal(tag: string, history: readonly CommitRecord[]): Promise<void> {
    const standing = standingOf(tag, history);
    if (standing.kind !== "newest" && (await this.#isInEffect(standing, history))) return;
    const { device } = this.#session;
    const [newest] = history;
    const now =
      newest === undefined ? "the history is empty" : `the newest commit is "${newest.comment}" by ${newest.user}`;
    throw new SignalboxError("SB_COMMIT_REJECTED", `${device} has rolled back the commit ${tag}: ${now}`, {
      device,
      advice: "The change is not on the device; retry it.",
    });
  }

  /** The edit that takes back the commit that `depth` others came after; the candidate is as running afterwards. */
  async #inverse(history: readonly CommitRecord[], depth: number): Promise<XmlElement | undefined> {
    await this.#loadRollback(depth + 1, history);
    const before = await this.#configuration("candidate");
    await this.#loadRollback(depth, history);
    const after = await this.#configuration("candidate");
    await this.#session.discard();
    return inverseEdit(before, after, await this.#configuration("running"));
  }

  /**
   * Makes the candidate an earlier configuration.
   * @throws SB_COMMIT_REJECTED, transient, when a commit came in between: what the number means has moved by one
   */
  async #loadRollback(number: number, history: readonly CommitRecord[]): Promise<void> {
    const { device } = this.#session;
    await this.#session.rpc(element("load-configuration", "", { rollback: String(number) }));
    const now = await this.#history();
    if (JSON.stringify(now) === JSON.stringify(history)) return;
    throw new SignalboxError("SB_COMMIT_REJECTED", `${device} has committed while rollback ${number} was loaded`, {
      device,
      transient: true,
    });
  }

  async #configuration(source: "candidate" | "running"): Promise<XmlElement> {
    const reply = await this.#session.rpc(getConfigOperation(source, undefined));
    const data = child(reply, "data") ?? findElement(reply, "data");
    const configuration = data && child(data, "configuration");
    if (configuration !== undefined) return configuration;
    const { device } = this.#session;
    throw new SignalboxError("SB_DEVICE_PROTOCOL", `${device} answers get-config without <configuration>`, { device });
  }

  async #edit(tree: XmlElement): Promise<void> {
    const options = { defaultOperation: "merge", errorOption: "stop-on-error", qualifiedOperation: false } as const;
    await this.#session.rpc(editOperation(tree, options));
  }

  async #commit(content: readonly XmlElement[]): Promise<void> {
    checkAcknowledged(await this.#session.rpc(element("commit-configuration", content)), this.#session.device);
  }

  async #history(): Promise<CommitRecord[]> {
    return commitHistory(await this.#session.rpc(element("get-commit-information")), this.#session.device);
  }
}
