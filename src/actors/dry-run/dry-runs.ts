import type { Creation, Expansion } from "../../catalogue/expand-request.ts";
import { type Body, poolOfKey, type ResourceRef } from "../../catalogue/resource-view.ts";
import type { TypeDefinition } from "../../catalogue/type-definition.ts";
import { validateBody } from "../../catalogue/validate-body.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import type { ResourceSnapshot } from "../../machines/resource/resource-machine.ts";
import { isResting } from "../../machines/resource/resource-status.ts";
import { changedBody, latestVersion } from "../../machines/resource/resource-steps.ts";
import type { Applied, PlannedVersion, ResourceContext } from "../../machines/resource/resource-types.ts";
import { serializeXml } from "../../xml/element.ts";
import { CallersSight } from "../access/callers-view.ts";
import { checkDeletable } from "../check-unreferenced.ts";
import { checkMove, newTenant } from "../commit-update.ts";
import type { Creations, CreationsOptions } from "../creations.ts";
import { type AddressRefusal, requireDeviceAddresses } from "../devices/device-address-fields.ts";
import type { JsonObject, RequestOptions } from "../gateway-api.ts";
import { ownedTree } from "../owned-resources.ts";
import type { ConfigurationRenderer, Secrets } from "../ports.ts";
import { requireVersion } from "../require-version.ts";
import { resourceAnswer } from "../resource-answer.ts";
import { type IndexEntry, keyOf } from "../resource-index.ts";
import { sealFields } from "../sealed-fields.ts";
import { shownId } from "../shown-id.ts";
import { checkUnique } from "../unique-values.ts";
import type { OutputsOf } from "../workers/resolve-params.ts";
import type { DryRun, DryRunAllocation, DryRunDependent, DryRunRequest } from "./dry-run.ts";
import { maskedBody } from "./masked.ts";
import { inCommon } from "./placeholders.ts";
import { type PlannedWork, renderedFor, workOf } from "./planned-work.ts";

export interface DryRunsOptions extends Pick<CreationsOptions, "catalogue" | "host" | "index" | "planner" | "quotas"> {
  readonly secrets: Secrets;
  readonly renderer: ConfigurationRenderer;
  readonly addressRefusal: AddressRefusal;
  readonly creations: Pick<Creations, "expand" | "checkFree">;
}

type Report = Pick<DryRun, "resource" | "dependents" | "allocations">;

/** Works out what a change would do, with the rules by which it is done, and appends nothing to the log. */
export class DryRuns {
  private readonly options: DryRunsOptions;
  private readonly types: readonly TypeDefinition[];

  constructor(options: DryRunsOptions) {
    this.options = options;
    this.types = [...options.catalogue.types.values()];
  }

  /** @throws what the change itself would throw */
  async run(typeName: string, request: DryRunRequest, { onlyVersions, by }: RequestOptions = {}): Promise<DryRun> {
    const type = this.options.planner.definition(typeName);
    const sight = by && new CallersSight(this.types, by);
    if (request.action === "create") return this.create(type, request.fields, sight);
    const entry = this.options.index.get(typeName, request.id);
    if (entry === undefined) throw new SignalboxError("SB_NOT_FOUND", `there is no ${typeName} ${shownId(request.id)}`);
    if (request.action === "update") validateBody(type, request.fields, "update");
    const { snapshot } = await this.options.host.load(entry);
    requireVersion(snapshot.context, onlyVersions);
    switch (request.action) {
      case "update":
        return this.update(type, entry, snapshot, { fields: request.fields, sight });
      case "delete":
        return this.remove(type, entry, snapshot);
      case "retry":
        return this.retry(type, entry, snapshot);
      default:
        return request satisfies never;
    }
  }

  /** Made twice, with other new ids each time: what differs comes about only when it is carried out. */
  private create(type: TypeDefinition, fields: JsonObject, sight: CallersSight | undefined): DryRun {
    validateBody(type, fields, "create");
    requireDeviceAddresses(type, fields, this.options.addressRefusal);
    const sealed = sealFields(type, fields, { secrets: this.options.secrets, id: "dry-run" });
    const expansions = [this.expand(type, sealed, sight), this.expand(type, sealed, sight)] as const;
    const [one, other] = [this.creation(expansions[0]), this.creation(expansions[1])];
    const found = inCommon(one, other, [newNames(expansions[0]), newNames(expansions[1])]);
    return { ...found, devices: found.devices.map(asText) };
  }

  private expand(type: TypeDefinition, sealed: Body, sight: CallersSight | undefined): Expansion {
    const expansion = this.options.creations.expand(type, sealed, { sight });
    this.options.creations.checkFree(type, expansion);
    return expansion;
  }

  private creation({ root, dependents }: Expansion): Report & ReturnType<typeof workOf> {
    const all = [root, ...dependents];
    const shown = (creation: Creation) => maskedBody(this.options.planner.definition(creation.type), creation.body);
    const work = all.map(({ type, id, body, plan }) => ({ ref: { type, id }, version: 1, body, plan, former: null }));
    return {
      resource: shown(root),
      dependents: dependents.map((creation) => ({ type: creation.type, resource: shown(creation) })),
      allocations: all.flatMap((creation) => allocationsOf(creation, creation.claims, "take")),
      ...workOf(work, this.working),
    };
  }

  private async update(
    type: TypeDefinition,
    entry: IndexEntry,
    snapshot: ResourceSnapshot,
    { fields, sight }: { readonly fields: JsonObject; readonly sight: CallersSight | undefined },
  ): Promise<DryRun> {
    const { planner, index, secrets } = this.options;
    const { context } = snapshot;
    requireDeviceAddresses(type, fields, this.options.addressRefusal);
    const set = sealFields(type, fields, { secrets, id: entry.id });
    const event = planner.update(snapshot, set, { view: sight?.over(index) });
    if (event?.type !== "UPDATE") return this.report({ resource: resourceAnswer(entry, type) }, []);
    for (const unique of event.uniques) checkUnique(index, type.type, unique, { id: entry.id });
    const tenant = newTenant(context, set);
    if (tenant !== undefined) checkMove(this.options, refOf(entry), tenant);
    const body = changedBody(context, set);
    const plan = event.plan ?? planner.preview(context, "update", body);
    const former = event.plan === null ? this.expected(entry, context) : context.applied;
    const again = snapshot.value.lifecycle.endsWith("_failed") ? await this.failedOf(entry) : [];
    const own = { ref: refOf(entry), version: latestVersion(context) + 1, body, plan, former };
    return this.report({ resource: maskedBody(type, body), dependents: this.shown(again) }, [own, ...again]);
  }

  private async remove(type: TypeDefinition, entry: IndexEntry, snapshot: ResourceSnapshot): Promise<DryRun> {
    const { index, planner } = this.options;
    if (snapshot.context.markedForDeletion) {
      if (snapshot.value.lifecycle === "delete_failed") return this.retry(type, entry, snapshot);
      return this.report({ resource: resourceAnswer(entry, type) }, []);
    }
    checkDeletable(index, planner, entry);
    const refs = [...ownedTree(index, entry).filter((ref) => !index.entry(ref)?.markedForDeletion), refOf(entry)];
    const work: PlannedWork[] = [];
    const allocations: DryRunAllocation[] = [];
    const released = new Set<string>();
    for (const ref of refs) {
      const { context, value } = (await this.options.host.load(ref)).snapshot;
      const waiting = new Set(index.referring(ref.type, ref.id).map(keyOf));
      work.push({
        ref,
        version: latestVersion(context) + 1,
        body: context.body,
        plan: planner.preview(context, "delete", changedBody(context, {})),
        former: isResting(value.lifecycle) ? context.applied : this.expected(ref, context),
        after: work.map((other) => other.ref).filter((other) => waiting.has(keyOf(other))),
      });
      // A resource has claimed what its dependents have, too; they come before it here.
      const own = context.claims.filter(({ pool, number }) => !released.has(`${pool}/${number}`));
      for (const { pool, number } of own) released.add(`${pool}/${number}`);
      allocations.push(...allocationsOf({ ...ref, body: context.body }, own, "release"));
    }
    const dependents = this.shown(work.slice(0, -1));
    return this.report({ resource: resourceAnswer(entry, type), dependents, allocations }, work);
  }

  private async retry(type: TypeDefinition, entry: IndexEntry, snapshot: ResourceSnapshot): Promise<DryRun> {
    const others = await this.failedOf(entry);
    const own = this.again(entry, snapshot, others);
    const work = snapshot.context.markedForDeletion ? [...others, own] : [own, ...others];
    return this.report({ resource: resourceAnswer(entry, type), dependents: this.shown(others) }, work);
  }

  /** What belongs to a resource and has failed is tried again along with it. */
  private async failedOf(entry: IndexEntry): Promise<PlannedWork[]> {
    const work: PlannedWork[] = [];
    for (const ref of ownedTree(this.options.index, entry)) {
      const { snapshot } = await this.options.host.load(ref);
      if (snapshot.value.lifecycle.endsWith("_failed") && snapshot.context.queue.length === 0) {
        work.push(this.again(ref, snapshot));
      }
    }
    return work;
  }

  /** @param before what is tried again before it: that it has failed until now is no obstacle then */
  private again(ref: ResourceRef, snapshot: ResourceSnapshot, before: readonly PlannedWork[] = []): PlannedWork {
    const { context } = snapshot;
    const plan = this.planAgain(snapshot, before.length > 0 && context.markedForDeletion);
    return { ref: refOf(ref), version: context.version, body: context.body, plan, former: context.applied };
  }

  private planAgain(snapshot: ResourceSnapshot, isCleared: boolean): PlannedVersion {
    const { planner } = this.options;
    try {
      const event = planner.retry(snapshot);
      return event.type === "RETRY" ? event.plan : { jobs: [], templates: {} };
    } catch (thrown) {
      if (!isCleared || asSignalboxError(thrown).code !== "SB_DEPENDENCY_FAILED") throw thrown;
      return planner.preview(snapshot.context, "delete", snapshot.context.body);
    }
  }

  /** What a resource has on its routers when all that is under way is done. */
  private expected(ref: ResourceRef, context: ResourceContext): Applied | null {
    const latest = changedBody(context, {});
    const plan = this.options.planner.preview(context, "create", latest);
    const job = plan.jobs.find(({ handler }) => handler === "heat_worker");
    return job === undefined ? null : { routers: renderedFor({ ref, plan }, job, this.working), objects: [] };
  }

  private shown(work: readonly PlannedWork[]): DryRunDependent[] {
    return work.map(({ ref, body }) => ({
      type: ref.type,
      resource: maskedBody(this.options.planner.definition(ref.type), body),
    }));
  }

  private report(report: Partial<Report> & Pick<Report, "resource">, work: readonly PlannedWork[]): DryRun {
    const { jobs, devices } = workOf(work, this.working);
    return { dependents: [], allocations: [], ...report, jobs, devices: devices.map(asText) };
  }

  private get working() {
    const { catalogue, index, renderer } = this.options;
    const outputsOf: OutputsOf = (ref) => index.entry(ref)?.context.outputs;
    return { catalogue, view: index, renderer, outputsOf };
  }
}

/** What each new id is called. */
function newNames({ root, dependents }: Expansion): ReadonlyMap<string, string> {
  return new Map([
    [root.id, `(id of the new ${root.type})`] as const,
    ...dependents.map(({ id, type }, at) => {
      const alike = dependents.filter((other) => other.type === type);
      const number = dependents.slice(0, at + 1).filter((other) => other.type === type).length;
      return [id, `(id of the new ${type}${alike.length > 1 ? ` ${number}` : ""})`] as const;
    }),
  ]);
}

function allocationsOf(
  { type, id, body }: Pick<Creation, "type" | "id" | "body">,
  claims: Creation["claims"],
  action: DryRunAllocation["action"],
): DryRunAllocation[] {
  return claims.map(({ pool, field, allocated }) => {
    const { owner, pool: name } = poolOfKey(pool);
    return { action, type, id, field, value: body[field] ?? null, pool: { ...owner, name }, chosen: allocated };
  });
}

function asText({ configuration, ...device }: ReturnType<typeof workOf>["devices"][number]): DryRun["devices"][number] {
  return { ...device, configuration: configuration === undefined ? "" : serializeXml(configuration) };
}

function refOf({ type, id }: ResourceRef): ResourceRef {
  return { type, id };
}
