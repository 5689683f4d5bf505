import type { ResourceRef } from "../../catalogue/resource-view.ts";
import { SignalboxError } from "../../errors.ts";
import type { IndexEntry, ResourceIndex } from "../resource-index.ts";
import { wasBefore } from "../unique-values.ts";
import { tenantKey } from "./caller.ts";

type Limits = Readonly<Record<string, number>>;

export interface QuotaSettings {
  /** How many resources of a type every tenant may have; as many as it likes of a type that is not named. */
  readonly default?: Limits | undefined;
  /** By tenant, what it may have instead. */
  readonly tenants?: Readonly<Record<string, Limits>> | undefined;
  /** Versions of a tenant's resources that are ordered and not done, at most. */
  readonly pending?: number | undefined;
}

interface Wanted {
  readonly type: string;
  readonly body: { readonly [field: string]: unknown };
  readonly proposedSeq: number | undefined;
  /** Of the resource that is there already, with another tenant. */
  readonly id: string | undefined;
}

/** How many resources of each type a tenant may have. What belongs to another resource does not count: nobody asked for it. */
export class Quotas {
  readonly #default: Limits;
  readonly #tenants: ReadonlyMap<string | undefined, Limits>;

  constructor(settings: QuotaSettings = {}) {
    this.#default = settings.default ?? {};
    this.#tenants = new Map(Object.entries(settings.tenants ?? {}).map(([id, limits]) => [tenantKey(id), limits]));
  }

  /** The types that are named anywhere. */
  types(): ReadonlySet<string> {
    return new Set([this.#default, ...this.#tenants.values()].flatMap(Object.keys));
  }

  /** Whether there is a limit for resources of a type with this body. */
  limits(type: string, body: { readonly [field: string]: unknown }): boolean {
    return this.#limit(type, tenantKey(body["tenant_id"])) !== undefined;
  }

  #limit(type: string, tenant: string | undefined): number | undefined {
    return tenant === undefined ? undefined : (this.#tenants.get(tenant)?.[type] ?? this.#default[type]);
  }

  /**
   * Checks that a tenant may have one more. With the position of its proposal, only what was there before it in the log's order counts; so of
   * those who propose the last one at the same time exactly one gets it.
   * @throws SB_QUOTA_EXCEEDED
   */
  check(index: ResourceIndex, type: string, body: { readonly [field: string]: unknown }, proposedSeq?: number): void {
    this.#check(index, { type, body, proposedSeq, id: undefined });
  }

  /**
   * The same of a resource that goes to another tenant, or would.
   * @throws SB_QUOTA_EXCEEDED
   */
  checkMove(index: ResourceIndex, { type, id }: ResourceRef, tenant: string, proposedSeq?: number): void {
    this.#check(index, { type, body: { tenant_id: tenant }, proposedSeq, id });
  }

  #check(index: ResourceIndex, { type, body, proposedSeq, id }: Wanted): void {
    const tenant = tenantKey(body["tenant_id"]);
    const limit = this.#limit(type, tenant);
    if (tenant === undefined || limit === undefined) return;
    const isTheirs = (entry: IndexEntry) =>
      tenantKey(entry.body["tenant_id"]) === tenant && (proposedSeq === undefined || wasBefore(entry, proposedSeq));
    const isComing = ({ context, changeProposedAt }: IndexEntry) =>
      tenantKey(context.proposed?.tenant) === tenant && (proposedSeq === undefined || changeProposedAt < proposedSeq);
    let count = 0;
    for (const entry of index.everyOfTenant(type, tenant))
      if (entry.id !== id && (isTheirs(entry) || isComing(entry))) count += 1;
    if (count < limit) return;
    throw new SignalboxError("SB_QUOTA_EXCEEDED", `tenant ${tenant} may have ${limit} ${type} and has ${count}`);
  }
}
