import type { Body, ResourceRef } from "../catalogue/resource-view.ts";
import { SignalboxError } from "../errors.ts";
import type { ResourceSnapshot } from "../machines/resource/resource-machine.ts";
import type { ResourceContext, ResourceEvent } from "../machines/resource/resource-types.ts";
import type { Random } from "./ports.ts";
import type { Audit, Decide, ResourceHost } from "./resource-host.ts";
import { keyOf, type ResourceIndex } from "./resource-index.ts";
import type { ResourcePlanner } from "./resource-planner.ts";
import { checkUnique } from "./unique-values.ts";

export interface CommitUpdateOptions {
  readonly host: ResourceHost;
  readonly index: ResourceIndex;
  readonly planner: ResourcePlanner;
  readonly random: Random;
  /** Of this process. */
  readonly name: string;
}

type Update = Extract<ResourceEvent, { type: "UPDATE" }>;

/**
 * Gives a resource new field values. When they take a unique value or refer to another resource, that is proposed to the log first, as a
 * creation is: once the index has read the log up to the proposal it is clear whether somebody else has the value, or deletes the resource.
 * @param key of the client's: the resource takes an update with the same key once
 * @param audit tells of it
 * @throws SB_UNIQUE_TAKEN, SB_RELATION_NOT_FOUND, SB_BEING_DELETED
 */
export async function commitUpdate(
  options: CommitUpdateOptions,
  ref: ResourceRef,
  set: Body,
  { key, audit }: { key?: string | undefined; audit?: Audit } = {},
): Promise<void> {
  while (!(await tryUpdate(options, ref, set, key, audit)));
}

/** False: another change of the same resource came in between, and was decided first. */
async function tryUpdate(
  options: CommitUpdateOptions,
  ref: ResourceRef,
  set: Body,
  key: string | undefined,
  audit: Audit | undefined,
): Promise<boolean> {
  const { host, index, planner, random, name: by } = options;
  const token = random.uuid();
  let wanted: Update | undefined;
  const decide: Decide = (snapshot) => {
    wanted = undefined;
    if (key !== undefined && snapshot.context.seen.includes(key)) return undefined;
    const event = updateOf(planner, snapshot, set, { messageId: key });
    for (const unique of event?.uniques ?? []) checkUnique(index, ref.type, unique, { id: ref.id });
    if (event === undefined || !takesMore(event, snapshot.context)) return event;
    wanted = event;
    return { type: "PROPOSE_UPDATE", by, token, uniques: event.uniques, references: event.references };
  };
  const { seq } = await host.command(ref, decide, { audit });
  if (wanted === undefined) return true;
  try {
    for (const unique of wanted.uniques) checkUnique(index, ref.type, unique, { id: ref.id, seq });
    for (const reference of wanted.references) checkStillThere(index, reference);
  } catch (error) {
    await host.command(ref, () => ({ type: "WITHDRAW_UPDATE", token }));
    throw error;
  }
  let decided = true;
  const decideIt: Decide = (snapshot) => {
    decided = snapshot.context.proposed?.token === token;
    if (!decided) return undefined;
    return updateOf(planner, snapshot, set, { messageId: key, token }) ?? { type: "WITHDRAW_UPDATE", token };
  };
  await host.command(ref, decideIt, { audit });
  return decided;
}

function updateOf(
  planner: ResourcePlanner,
  snapshot: ResourceSnapshot,
  set: Body,
  { messageId, token }: { messageId: string | undefined; token?: string },
): Update | undefined {
  const event = planner.update(snapshot, set, messageId);
  return event?.type === "UPDATE" ? { ...event, ...(token === undefined ? {} : { token }) } : undefined;
}

/** The update takes a unique value, or refers to a resource, that the resource has not had. */
function takesMore(event: Update, context: ResourceContext): boolean {
  const held = new Set(context.uniques.map(({ field, value }) => `${field}/${value}`));
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
