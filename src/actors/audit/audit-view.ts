import type { ResourceRef } from "../../catalogue/resource-view.ts";
import type { AccessRole, Caller } from "../access/caller.ts";
import type { Json } from "../ports.ts";
import type { AuditLink } from "./audit-chain.ts";

/** What is asked for of a resource. */
export type WriteAction = "create" | "update" | "delete" | "retry";

/**
 * What was asked for: the writes of resources; `authenticate`: a request that was refused before it was looked at, for its token or its rate;
 * and what only operators may.
 */
export type AuditAction =
  | WriteAction
  | "authenticate"
  | "read_audit"
  | "read_documents"
  | "read_seals"
  | "reseal"
  | "lab";
export type AuditOutcome = "accepted" | "refused";

/** Who it was. */
export interface AuditCaller {
  /** The token's name, or a JWT's subject; `anonymous` where nobody needs a token. */
  readonly name: string;
  readonly role: AccessRole | null;
  readonly tenant: string | null;
  readonly from: string | null;
  readonly via: Caller["via"] | null;
  readonly requestId: string | null;
}

/** What a client asked for: who, what, to which resource, when and from where, and whether it was accepted. */
export interface AuditView {
  /** Milliseconds since the epoch, by the clock of the process that took the request. */
  readonly time: number;
  readonly action: AuditAction;
  readonly outcome: AuditOutcome;
  /** Code of the refusal (`SB_FORBIDDEN`); null when it was accepted. */
  readonly error: string | null;
  /** How many such requests of the caller it stands for: refusals and reads that are alike are kept once a minute. */
  readonly count: number;
  /** Null where it is about no resource; the id also where there is none yet. */
  readonly type: string | null;
  readonly id: string | null;
  readonly name: string;
  /** What else it was about: a prefix of documents, a path. */
  readonly target: string | null;
  /** The resource's, as its field has it; of a refusal, the caller's. */
  readonly tenant: string | null;
  /** The resource is every tenant's to use. */
  readonly shared: boolean;
  /** Of the resource, that the write has led to. */
  readonly version: number | null;
  /** Null: not for the one who asks to know. */
  readonly by: AuditCaller | null;
  /** Fields that are other than before; secrets as `***`. A creation has all fields that are set, a deletion all that were. */
  readonly changes: Readonly<Record<string, { readonly before: Json; readonly after: Json }>>;
  /** Its place in the hash chain; null for an entry from before there was one, and where the asker is not told. */
  readonly chain: AuditLink | null;
}

export interface AuditQuery {
  /** Only of this one, whether it is still there or not. */
  readonly resource?: ResourceRef;
  /** Of the resources. */
  readonly tenant?: string;
  readonly type?: string;
  /** Name of the caller. */
  readonly who?: string;
  readonly action?: AuditAction;
  readonly outcome?: AuditOutcome;
  /** Milliseconds since the epoch, both included. */
  readonly since?: number;
  readonly until?: number;
  /** `next` of the page before. */
  readonly after?: string;
  /** At most so many; default 100, 1000 at most. */
  readonly limit?: number;
  /** Which entries there are for the caller. */
  readonly visible?: (entry: AuditView) => boolean;
}

/** The newest first. */
export interface AuditPage {
  readonly entries: readonly AuditView[];
  /** Where the next page goes on; null when there are no more. */
  readonly next: string | null;
}
