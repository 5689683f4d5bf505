import type { Body, ResourceRef, ResourceView } from "../catalogue/resource-view.ts";
import { SignalboxError } from "../errors.ts";
import type { ResourceSnapshot } from "../machines/resource/resource-machine.ts";
import { latestBody } from "../machines/resource/resource-steps.ts";
import type { ResourceContext, ResourceEvent } from "../machines/resource/resource-types.ts";
import { tenantKey } from "./access/caller.ts";
import type { Quotas } from "./access/quotas.ts";
import type { ResourceCommands } from "./callers-host.ts";
import type { RequestOptions } from "./gateway-api.ts";
import { indexShows } from "./index-shows.ts";
import type { Clock, Random } from "./ports.ts";
import { requireVersion } from "./require-version.ts";
import type { Audit, Decide } from "./resource-host.ts";
import { keyOf, type ResourceIndex } from "./resource-index.ts";
import type { ResourcePlanner } from "./resource-planner.ts";
import type { Retractions } from "./retractions.ts";
import { checkUnique } from "./unique-values.ts";

export interface CommitUpdateOptions {
  readonly host: ResourceCommands;
  readonly retractions: Pick<Retractions, "add">;
  readonly index: ResourceIndex;
  readonly planner: ResourcePlanner;
  readonly random: Random;
  readonly clock: Clock;
  readonly quotas: Quotas;
  /** Of this process. */
  readonly name: string;
}

export interface UpdateRequest extends Pick<RequestOptions, "onlyVersions" | "requireChange"> {
  readonly key?: string | undefined;
  /** What there is for whoever asks. */
  readonly view?: ResourceView;
}

type Update = Extract<ResourceEvent, { type: "UPDATE" }>;

/**
 * Gives a resource new field values. When they take a unique value or refer to another resource, that is proposed to the log first, as a
 * creation is: once the index has read the log up to the proposal it is clear whether somebody else has the value, or deletes the resource.
 * @param request by its `key` the resource takes an update once; `onlyVersions` are those that it may have
 * @param audit tells of it
 * @throws SB_VERSION_CONFLICT, SB_UNIQUE_TAKEN, SB_RELATION_NOT_FOUND, SB_BEING_DELETED
 */
export async function commitUpdate(
  options: CommitUpdateOptions,
  ref: ResourceRef,
  set: Body,
  request: UpdateRequest = {},
  audit?: Audit,
): Promise<void> {
  let patientWith: string | undefined;
  for (;;) {
    const outcome = await tryUpdate(options, ref, set, { ...request, audit }, patientWith);
    if (outcome === "decided") return;
    if (outcome === "lost") continue;
    // Announced over it, the other change would have to begin anew; two that do that to one another never end.
    patientWith = outcome.behind;
    const { index, clock } = options;
    await indexShows(index, clock, () => index.entry(ref)?.context.proposed?.token !== patientWith);
  }
}

/** `lost`: another change of the same resource came in between, and was decided first. `behind`: one is announced and not decided yet. */
async function tryUpdate(
  options: CommitUpdateOptions,
  ref: ResourceRef,
  set: Body,
  { key, onlyVersions, requireChange, view, audit }: UpdateRequest & { readonly audit: Audit | undefined },
  patientWith: string | undefined,
): Promise<"decided" | "lost" | { readonly behind: string }> {
  const { host, index, planner, random, name: by } = options;
  const token = random.uuid();
  let wanted: Update | undefined;
  let tenant: string | undefined;
  let behind: string | undefined;
  const decide: Decide = (snapshot) => {
    wanted = undefined;
    behind = undefined;
    if (key !== undefined && snapshot.context.seen.includes(key)) return undefined;
    requireVersion(snapshot.context, onlyVersions);
    requireChange?.(latestBody(snapshot.context));
    const event = updateOf(planner, snapshot, set, { messageId: key, view });
    for (const unique of event?.uniques ?? []) checkUnique(index, ref.type, unique, { id: ref.id });
    tenant = newTenant(snapshot.context, set);
    if (tenant !== undefined) checkMove(options, ref, tenant);
    if (event === undefined || (tenant === undefined && !takesMore(event, snapshot.context))) return event;
    behind = snapshot.context.proposed?.token;
    if (behind !== undefined && behind !== patientWith) return undefined;
    behind = undefined;
    wanted = event;
    const { uniques, references } = event;
    return { type: "PROPOSE_UPDATE", by, token, uniques, references, ...(tenant === undefined ? {} : { tenant }) };
  };
  const withdrawSurely = () =>
    options.retractions.add(ref, ({ context }) =>
      context.proposed?.token === token ? { type: "WITHDRAW_UPDATE", token } : undefined,
    );
  const { seq } = await host.command(ref, decide, { audit }).catch((error: unknown) => {
    if (wanted !== undefined) withdrawSurely();
    throw error;
  });
  if (behind !== undefined) return { behind };
  if (wanted === undefined) return "decided";
  try {
    for (const unique of wanted.uniques) checkUnique(index, ref.type, unique, { id: ref.id, seq });
    for (const reference of wanted.references) checkStillThere(index, reference);
    if (tenant !== undefined) checkMove(options, ref, tenant, seq);
  } catch (error) {
    await host.command(ref, () => ({ type: "WITHDRAW_UPDATE", token })).catch(withdrawSurely);
    throw error;
  }
  let decided = true;
  let conflict: unknown;
  const decideIt: Decide = (snapshot) => {
    conflict = undefined;
    decided = snapshot.context.proposed?.token === token;
    if (!decided) return undefined;
    conflict = thrownBy(() => {
      requireVersion(snapshot.context, onlyVersions);
      requireChange?.(latestBody(snapshot.context));
    });
    if (conflict !== undefined) return { type: "WITHDRAW_UPDATE", token };
    return updateOf(planner, snapshot, set, { messageId: key, token, view }) ?? { type: "WITHDRAW_UPDATE", token };
  };
  await host.command(ref, decideIt, { audit }).catch((error: unknown) => {
    withdrawSurely();
    throw error;
  });
  if (conflict !== undefined) throw conflict;
  return decided ? "decided" : "lost";
}

/** The tenant that a resource goes to with a change; undefined: it stays with its own. */
export function newTenant(context: ResourceContext, set: Body): string | undefined {
  const tenant = tenantKey(set["tenant_id"]);
  return tenant === tenantKey(latestBody(context)["tenant_id"]) ? undefined : tenant;
}

/**
 * Checks that a resource may go to another tenant: it has room for it, and nothing of the former one is built on it.
 * @throws SB_QUOTA_EXCEEDED, SB_REFERENCED
 */
export function checkMove(
  { index, quotas, planner }: Pick<CommitUpdateOptions, "index" | "quotas" | "planner">,
  ref: ResourceRef,
  tenant: string,
  seq?: number,
): void {
  quotas.checkMove(index, ref, tenant, seq);
  const staying = index.referring(ref.type, ref.id).filter(({ type, body, context }) => {
    const owner = tenantKey(body["tenant_id"]);
    const isOperators = planner.definition(type).infrastructure;
    return !context.markedForDeletion && !isOperators && owner !== undefined && owner !== tenant;
  });
  const [first] = staying;
  if (first === undefined) return;
  throw new SignalboxError(
    "SB_REFERENCED",
    `${ref.type} ${ref.id} cannot go to another tenant: ${first.type} ${first.id} of its own is built on it`,
    { fields: [{ pointer: "/tenant_id", detail: "cannot be changed while what its tenant has is built on it" }] },
  );
}

function thrownBy(check: () => void): unknown {
  try {
    check();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

function updateOf(
  planner: ResourcePlanner,
  snapshot: ResourceSnapshot,
  set: Body,
  { messageId, token, view }: { messageId: string | undefined; token?: string; view: ResourceView | undefined },
): Update | undefined {
  const event = planner.update(snapshot, set, { messageId, view });
  return event?.type === "UPDATE" ? { ...event, ...(token === undefined ? {} : { token }) } : undefined;
}

/** The update takes a unique value, or refers to a resource, that the resource has not had. */
function takesMore(event: Update, context: ResourceContext): boolean {
  const own = context.uniques.filter(({ type }) => type === undefined);
  const held = new Set(own.map(({ field, value }) => `${field}/${value}`));
  const referred = new Set(context.references.map(keyOf));
  return (
    event.uniques.some(({ field, value }) => !held.has(`${field}/${value}`)) ||
    event.references.some((reference) => !referred.has(keyOf(reference)))
  );
}

/** @throws SB_RELATION_NOT_FOUND, SB_BEING_DELETED */
export function checkStillThere(index: ResourceIndex, reference: ResourceRef): void {
  const target = index.get(reference.type, reference.id);
  if (target === undefined)
    throw new SignalboxError("SB_RELATION_NOT_FOUND", `there is no ${reference.type} ${reference.id}`);
  if (target.markedForDeletion)
    throw new SignalboxError("SB_BEING_DELETED", `${reference.type} ${reference.id} is being deleted`);
}
