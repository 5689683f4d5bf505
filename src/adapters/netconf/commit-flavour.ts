import type { XmlElement } from "../../xml/element.ts";

/** How a device family commits with confirmation; the members are those of the port's RouterSession. */
export interface CommitFlavour {
  commitConfirmed(options: { timeoutS: number; tag: string }): Promise<void>;
  confirm(tag: string): Promise<void>;
  revert(tag: string): Promise<void>;
  outcome(tag: string): Promise<"in-effect" | "absent" | "unknown">;
}

/** What a flavour needs of the session that it belongs to. */
export interface CommitContext {
  readonly device: string;
  rpc(operation: XmlElement): Promise<XmlElement>;
  /** Runs `work` under the candidate lock, which is taken for the time being when the session does not hold it. */
  locked<T>(work: () => Promise<T>): Promise<T>;
  discard(): Promise<void>;
  /** Ends the session. */
  close(): Promise<void>;
  /** Milliseconds by the monotonic clock. */
  now(): number;
}
