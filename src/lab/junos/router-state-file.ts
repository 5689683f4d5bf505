import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { SignalboxError } from "../../errors.ts";
import type { VrrpSince } from "./lab-network.ts";

/** A commit as it is kept: the configuration as `set` lines, for the newest ones only. */
export interface StoredCommit {
  readonly user: string;
  readonly client: string;
  readonly time: number;
  readonly log: string;
  readonly comment: string;
  readonly configuration?: string;
}

/** What survives the end of the process that runs the router. */
export interface StoredRouterState {
  readonly version: 1;
  readonly running: string;
  /** A commit that waits for its confirmation: what to go back to, when (milliseconds since the epoch), and how long that was from then. */
  readonly pending?: { readonly before: string; readonly deadline: number; readonly withinMs?: number };
  /** Since when it has its VRRP groups. */
  readonly vrrpSince?: VrrpSince;
  /** Newest first. */
  readonly history: readonly StoredCommit[];
}

/** Replaces the file in one step, so that a reader never sees half of it. */
export function writeRouterState(file: string, state: StoredRouterState): void {
  const temporary = `${file}.new`;
  writeFileSync(temporary, JSON.stringify(state), { mode: 0o600 });
  renameSync(temporary, file);
}

/**
 * Reads the file back; undefined when there is none.
 * @throws SB_DATA_VERSION when another version of the program wrote it
 */
export function readRouterState(file: string): StoredRouterState | undefined {
  if (!existsSync(file)) return undefined;
  const state: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (typeof state !== "object" || state === null || !("version" in state) || state.version !== 1) {
    throw new SignalboxError("SB_DATA_VERSION", `${file} holds no router state of version 1`);
  }
  return state as StoredRouterState;
}
