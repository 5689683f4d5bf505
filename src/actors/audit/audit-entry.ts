import type { FieldSchema } from "../../catalogue/field-schema.ts";
import type { Body } from "../../catalogue/resource-view.ts";
import type { TypeDefinition } from "../../catalogue/type-definition.ts";
import { SignalboxError } from "../../errors.ts";
import { latestBody, latestVersion } from "../../machines/resource/resource-steps.ts";
import type { Caller } from "../access/caller.ts";
import type { Clock, DocumentWrite, Json, StoredDocument } from "../ports.ts";
import type { Audit } from "../resource-host.ts";
import { MASK, SEAL } from "../sealed-form.ts";
import { BY_TIME, placeOf, placeOfFirst, resourceKey } from "./audit-keys.ts";
import type { AuditAction, AuditCaller, AuditView } from "./audit-view.ts";

/** Version of the stored form. Version 1 had accepted writes only, without `outcome`, `error`, `count`, `target` and `chain`. */
const VERSION = 2;

/** The events with which a client's write takes effect. What is proposed may still be refused. */
const EFFECTIVE: ReadonlySet<string> = new Set(["ADMIT", "UPDATE", "DELETE", "RETRY"]);
/** The system's, not a client's. */
const STATES: ReadonlySet<string> = new Set(["status", "orchestration_state", "operational_state"]);
const ANONYMOUS: AuditCaller = { name: "anonymous", role: null, tenant: null, from: null, via: null, requestId: null };

export type UnlinkedEntry = Omit<AuditView, "chain">;

export interface AuditedRequest {
  readonly action: AuditAction;
  readonly type: TypeDefinition;
  /** Undefined where nobody needs a token. */
  readonly by: Caller | undefined;
  readonly clock: Clock;
}

/** The documents that tell of a client's write. They are part of the very record that makes it happen, so there is one entry for each. */
export function auditOf({ action, type, by, clock }: AuditedRequest): Audit {
  return ({ event, before, after, seq }) => {
    if (!EFFECTIVE.has(event.type)) return [];
    const { context } = after;
    const body = latestBody(context);
    const entry: UnlinkedEntry = {
      time: clock.now(),
      action,
      outcome: "accepted",
      error: null,
      count: 1,
      type: context.type,
      id: context.id,
      name: String(body["name"] ?? ""),
      target: null,
      tenant: typeof body["tenant_id"] === "string" ? body["tenant_id"] : null,
      shared: body["shared"] === true,
      version: latestVersion(context),
      by: callerOf(by),
      changes: changesOf(type, ...bodies(action, latestBody(before.context), body)),
    };
    const place = seq === 0 ? placeOfFirst(entry.time, `${context.type}/${context.id}`) : placeOf(entry.time, seq);
    return [entryDocument(place, entry), { key: resourceKey(context, place), value: place }];
  };
}

/** An entry as it is stored; its link to the chain comes with its projection. */
export function entryDocument(place: string, entry: UnlinkedEntry): DocumentWrite {
  return { key: `${BY_TIME}${place}`, value: { v: VERSION, ...entry } as unknown as DocumentWrite["value"] };
}

/** @throws SB_DATA_VERSION */
export function entryOf({ key, value }: StoredDocument): AuditView {
  const { v, ...entry } = value as unknown as AuditView & { v: number };
  if (v > VERSION) throw new SignalboxError("SB_DATA_VERSION", `${key} is of version ${v}`);
  // Without a link: of version 1, or written by a projector of that version.
  return { ...VERSION_1, ...entry };
}

/** What entries of version 1 do not say. */
const VERSION_1 = { outcome: "accepted", error: null, count: 1, target: null, chain: null } as const;

export function callerOf(
  by: (Omit<Caller, "role"> & { readonly role: Caller["role"] | null }) | undefined,
): AuditCaller {
  if (by === undefined) return ANONYMOUS;
  const { name, role, tenant = null, from, via, requestId } = by;
  return { name, role, tenant, from, via, requestId };
}

function bodies(action: AuditAction, before: Body, after: Body): [before: Body, after: Body] {
  return action === "create" ? [{}, after] : action === "delete" ? [before, {}] : [before, after];
}

function changesOf(type: TypeDefinition, before: Body, after: Body): AuditView["changes"] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const changed = [...names].filter(
    (name) => !STATES.has(name) && JSON.stringify(before[name] ?? null) !== JSON.stringify(after[name] ?? null),
  );
  const shown = (name: string, body: Body) => masked(type.fields[name], body[name]);
  return Object.fromEntries(changed.map((name) => [name, { before: shown(name, before), after: shown(name, after) }]));
}

/** A secret's seal is nobody's to see either, wherever it stands. */
function masked(schema: FieldSchema | undefined, value: unknown): Json {
  if (schema?.secret === true && typeof value === "string" && value !== "") return MASK;
  if (typeof value === "string") return SEAL.test(value) ? MASK : value;
  if (Array.isArray(value)) return value.map((each) => masked(undefined, each));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, masked(undefined, each)]));
  }
  return (value ?? null) as Json;
}
