import type { ResourceRef } from "../../catalogue/resource-view.ts";
import type { AccessRole, Caller } from "../access/caller.ts";
import type { Json } from "../ports.ts";

export type AuditAction = "create" | "update" | "delete" | "retry";

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

/** One accepted write of a client: who did what to which resource, when and from where. */
export interface AuditView {
  /** Milliseconds since the epoch, by the clock of the process that took the request. */
  readonly time: number;
  readonly action: AuditAction;
  readonly type: string;
  readonly id: string;
  readonly name: string;
  /** The resource's, as its field has it. */
  readonly tenant: string | null;
  /** The resource is every tenant's to use. */
  readonly shared: boolean;
  /** Of the resource, that the write has led to. */
  readonly version: number;
  /** Null: not for the one who asks to know. */
  readonly by: AuditCaller | null;
  /** Fields that are other than before; secrets as `***`. A creation has all fields that are set, a deletion all that were. */
  readonly changes: Readonly<Record<string, { readonly before: Json; readonly after: Json }>>;
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
