import { checkConfiguration } from "./commit-check.ts";
import { type ConfigNode, emptyConfiguration, sameConfiguration } from "./config-node.ts";
import type { StoredRouterState } from "./router-state-file.ts";
import { type RpcErrorFields, RpcFailure, rpcFailure } from "./rpc-failure.ts";
import { applySet, type EditResult, renderSet } from "./set-lines.ts";

/** A session as far as the configuration is concerned. */
export interface Editor {
  readonly id: number;
  readonly user: string;
}

export interface Commit {
  readonly user: string;
  readonly client: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly log: string;
  /** What the router adds: "commit confirmed, rollback in 60 secs". */
  readonly comment: string;
  /** Undefined when it is older than what a restart keeps. */
  readonly tree: ConfigNode | undefined;
}

export interface DatabaseStatistics {
  locks: number;
  locksDenied: number;
  edits: number;
  commits: number;
  commitsFailed: number;
  /** Confirmed commits that the router took back by itself. */
  automaticRollbacks: number;
  /** The most sessions that had uncommitted changes at the same time. */
  maxConcurrentEditors: number;
}

export type DatabaseEvent =
  | { readonly kind: "commit"; readonly commit: Commit; readonly confirmedWithinMs: number | undefined }
  | { readonly kind: "confirmed" }
  | { readonly kind: "rollback"; readonly commit: Commit }
  | { readonly kind: "violation"; readonly text: string };

interface DatabaseOptions {
  readonly base: ConfigNode;
  readonly restored?: StoredRouterState | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly notify: (event: DatabaseEvent) => void;
  /** Keeps the state over a restart. A commit whose state cannot be kept is not made. */
  readonly persist?: () => void;
}

/** A commit that waits for its confirmation. */
interface Pending {
  /** What is gone back to without it. */
  readonly before: ConfigNode;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
  readonly withinMs: number;
  readonly timer: NodeJS.Timeout;
}

/** Junos keeps rollback 0 to 49. */
const KEPT_COMMITS = 50;
const STORED_CONFIGURATIONS = 5;

/**
 * The shared candidate and the running configuration of one router: one candidate for all sessions, guarded by a lock
 * that a client should take. Whoever edits beside another session's uncommitted changes is let through, as the device
 * does, and written down as a violation; so is who is refused because he edits, discards or commits while another one
 * holds the lock. Controllers that keep to one editor at a time leave `violations` empty, however many they are.
 */
export class ConfigurationDatabase {
  running: ConfigNode;
  candidate: ConfigNode;
  /** Newest first. */
  history: readonly Commit[];
  readonly violations: string[] = [];
  readonly statistics: DatabaseStatistics = {
    locks: 0,
    locksDenied: 0,
    edits: 0,
    commits: 0,
    commitsFailed: 0,
    automaticRollbacks: 0,
    maxConcurrentEditors: 0,
  };
  readonly #options: DatabaseOptions;
  #lock: { readonly editor: Editor; readonly since: number } | undefined;
  #reserved: Editor | undefined;
  /** Sessions whose changes the candidate holds. */
  readonly #editors = new Map<number, Editor>();
  #pending: Pending | undefined;
  #stopped = false;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    const { restored, base } = options;
    const first: Commit = { user: "root", client: "other", time: options.now(), log: "", comment: "", tree: base };
    this.running = restored ? parseSet(restored.running) : base;
    this.history = restored ? restored.history.map(readCommit) : [first];
    this.candidate = this.running;
    if (restored?.pending) {
      const { before, deadline, withinMs = Number.POSITIVE_INFINITY } = restored.pending;
      // The wall clock may have been set meanwhile: nobody waits longer than was asked.
      this.#await(parseSet(before), Math.min(deadline - options.now(), withinMs));
    }
  }

  get lockHolder(): Editor | undefined {
    return this.#lock?.editor;
  }

  /** When the pending confirmed commit is taken back, milliseconds since the epoch. */
  get pendingDeadline(): number | undefined {
    return this.#pending?.deadline;
  }

  get modified(): boolean {
    return this.#editors.size > 0;
  }

  lock(editor: Editor): void {
    const holder = this.#lock?.editor;
    const [modifier] = this.#editors.values();
    if (holder || modifier) {
      this.statistics.locksDenied++;
      if (holder) throw this.#lockedBy();
      throw rpcFailure("lock-denied", "configuration database modified", { sessionId: modifier?.id ?? 0 });
    }
    this.statistics.locks++;
    this.#lock = { editor, since: this.#options.now() };
  }

  /** @throws RpcFailure when the session does not hold the lock */
  unlock(editor: Editor): void {
    if (this.#lock?.editor.id !== editor.id) {
      throw rpcFailure("operation-failed", "configuration database is not locked by this session");
    }
    // RFC 6241 section 8.3.5.2: what the holder did not commit goes with the lock.
    if (this.#editors.has(editor.id)) this.#reset();
    this.#free();
  }

  /** Lets somebody who is no session have the lock as soon as it is free, until `undefined` gives it back. */
  reserve(editor: Editor | undefined): void {
    const before = this.#reserved;
    this.#reserved = editor;
    if (before && this.#lock?.editor.id === before.id) this.#free();
    else if (!this.#lock) this.#free();
  }

  discard(editor: Editor): void {
    this.#guard(editor, "discard changes");
    this.#noteForeign(editor, "discarded");
    this.#reset();
  }

  /** Changes the candidate; when the change throws, only what the failure calls partial is kept. */
  edit(editor: Editor, change: (candidate: ConfigNode) => EditResult): EditResult {
    this.#guard(editor, "edit");
    const result = change(this.candidate);
    if (result.tree === this.candidate) return result;
    this.statistics.edits++;
    this.#editors.set(editor.id, editor);
    this.statistics.maxConcurrentEditors = Math.max(this.statistics.maxConcurrentEditors, this.#editors.size);
    this.#noteForeign(editor, "edited beside");
    this.candidate = result.tree;
    return result;
  }

  /** Is the candidate the same as the running configuration? */
  unchanged(): boolean {
    return this.candidate === this.running || sameConfiguration(this.candidate, this.running);
  }

  /** @throws RpcFailure with all that keeps the candidate from being committed */
  check(more: readonly RpcErrorFields[] = []): void {
    const found = [...checkConfiguration(this.candidate), ...more];
    if (found.length === 0) return;
    const summary = { tag: "operation-failed", message: "configuration check-out failed" };
    throw new RpcFailure([...found, summary]);
  }

  /** May this session commit now? @throws RpcFailure when another one holds the lock */
  mayCommit(editor: Editor): void {
    this.#guard(editor, "commit");
    this.#noteForeign(editor, "committed");
  }

  /**
   * Makes a configuration the running one. Any commit confirms the one that is pending.
   * @param confirmWithinMs the commit is taken back after this time unless another commit comes first
   */
  commit(tree: ConfigNode, by: { user: string; client: string; log: string }, confirmWithinMs?: number): Commit {
    const undo = { running: this.running, candidate: this.candidate, history: this.history };
    const editors = [...this.#editors];
    const confirms = this.#pending;
    this.#pending = undefined;
    const comment =
      confirmWithinMs === undefined ? "" : `commit confirmed, rollback in ${Math.round(confirmWithinMs / 1000)} secs`;
    const commit: Commit = { ...by, time: this.#options.now(), comment, tree };
    if (this.candidate === tree) this.#editors.clear();
    this.running = tree;
    this.#remember(commit);
    if (this.#editors.size === 0) this.candidate = tree;
    if (confirmWithinMs !== undefined) this.#await(undo.running, confirmWithinMs);
    try {
      this.#options.persist?.();
    } catch (cause) {
      this.#putPending(confirms);
      Object.assign(this, undo);
      for (const [id, editor] of editors) this.#editors.set(id, editor);
      this.statistics.commitsFailed++;
      throw rpcFailure("operation-failed", `the commit could not be saved: ${textOf(cause)}`);
    }
    if (confirms) {
      clearTimeout(confirms.timer);
      this.#options.notify({ kind: "confirmed" });
    }
    this.statistics.commits++;
    this.#options.notify({ kind: "commit", commit, confirmedWithinMs: confirmWithinMs });
    return commit;
  }

  /** Takes the pending confirmed commit back now (cancel-commit). */
  cancelPending(): void {
    if (!this.#pending) throw rpcFailure("operation-failed", "no confirmed commit is pending");
    this.#rollBack();
  }

  /** The configuration of `rollback N`. */
  rollback(number: number): ConfigNode {
    const tree = number === 0 ? this.running : this.history[number]?.tree;
    if (!tree)
      throw rpcFailure("invalid-value", `rollback ${number}: no such configuration`, { badElement: String(number) });
    return tree;
  }

  /** Junos drops what a session did not commit, and its lock, when the session ends. */
  endSession(editor: Editor): void {
    if (this.#editors.has(editor.id)) this.#reset();
    if (this.#lock?.editor.id === editor.id) this.#free();
  }

  /** What a restart needs. */
  state(): StoredRouterState {
    return {
      version: 1,
      running: setText(this.running),
      ...(this.#pending
        ? {
            pending: {
              before: setText(this.#pending.before),
              deadline: this.#pending.deadline,
              withinMs: this.#pending.withinMs,
            },
          }
        : {}),
      history: this.history.map(({ tree, ...commit }, index) =>
        tree && index < STORED_CONFIGURATIONS ? { ...commit, configuration: setText(tree) } : commit,
      ),
    };
  }

  /** No timer of this database runs any more. */
  stop(): void {
    this.#stopped = true;
    if (this.#pending) clearTimeout(this.#pending.timer);
  }

  #free(): void {
    this.#lock = this.#reserved && { editor: this.#reserved, since: this.#options.now() };
  }

  #reset(): void {
    this.candidate = this.running;
    this.#editors.clear();
  }

  /** @throws RpcFailure, after writing it down, when another session holds the lock: nobody tries who took it before */
  #guard(editor: Editor, what: string): void {
    const holder = this.#lock?.editor;
    if (holder === undefined || holder.id === editor.id) return;
    this.#violated(`${nameOf(editor)} tried to ${what} while ${nameOf(holder)} holds the lock`);
    throw this.#lockedBy();
  }

  #lockedBy(): RpcFailure {
    const holder = this.#lock;
    const since = new Date(holder?.since ?? 0).toISOString().replace("T", " ").slice(0, 19);
    const { user, id } = holder?.editor ?? { user: "root", id: 0 };
    return rpcFailure(
      "lock-denied",
      `configuration database locked by: ${user} terminal (pid ${id}) on since ${since} UTC exclusive [edit], session id ${id}`,
      { sessionId: id },
    );
  }

  #noteForeign(editor: Editor, did: string): void {
    const others = [...this.#editors.values()].filter((other) => other.id !== editor.id);
    if (others.length === 0) return;
    this.#violated(`${nameOf(editor)} ${did} the uncommitted changes of ${others.map(nameOf).join(", ")}`);
  }

  #violated(text: string): void {
    this.violations.push(text);
    this.#options.notify({ kind: "violation", text });
  }

  #remember(commit: Commit): void {
    this.history = [commit, ...this.history].slice(0, KEPT_COMMITS);
  }

  #await(before: ConfigNode, leftMs: number): void {
    const withinMs = Math.max(0, leftMs);
    const timer = setTimeout(() => this.#rollBack(), withinMs);
    timer.unref();
    this.#pending = { before, deadline: this.#options.now() + withinMs, withinMs, timer };
  }

  #putPending(pending: Pending | undefined): void {
    if (this.#pending) clearTimeout(this.#pending.timer);
    this.#pending = pending;
  }

  #rollBack(): void {
    const pending = this.#pending;
    if (!pending || this.#stopped) return;
    clearTimeout(pending.timer);
    this.#pending = undefined;
    this.running = pending.before;
    if (this.#editors.size === 0) this.candidate = this.running;
    const log = "automatic rollback: the commit was not confirmed in time";
    const commit = { user: "root", client: "other", time: this.#options.now(), log, comment: "", tree: this.running };
    this.#remember(commit);
    this.statistics.automaticRollbacks++;
    try {
      this.#options.persist?.();
    } catch {
      // What is kept has the commit as pending still, and past its time: it is rolled back again at the next start.
    }
    this.#options.notify({ kind: "rollback", commit });
  }
}

const textOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
const nameOf = ({ user, id }: Editor): string => `${user} (session ${id})`;

const setTexts = new WeakMap<ConfigNode, string>();

/** The `set` lines of a tree. Every commit stores several trees, most of which the one before stored too. */
function setText(tree: ConfigNode): string {
  const known = setTexts.get(tree);
  if (known !== undefined) return known;
  const text = renderSet(tree).join("\n");
  setTexts.set(tree, text);
  return text;
}

/** Reads stored `set` lines. */
function parseSet(text: string): ConfigNode {
  return applySet(emptyConfiguration, text).tree;
}

function readCommit(stored: StoredRouterState["history"][number]): Commit {
  const { configuration, ...commit } = stored;
  return { ...commit, tree: configuration === undefined ? undefined : parseSet(configuration) };
}
