import { setImmediate as othersFirst } from "node:timers/promises";
import type { TypeSchema } from "../catalogue/field-schema.ts";
import type { ResourceRef } from "../catalogue/resource-view.ts";
import { validateBody } from "../catalogue/validate-body.ts";
import { SignalboxError } from "../errors.ts";
import type { ResourceEvent } from "../machines/resource/resource-types.ts";
import { CallersSight } from "./access/callers-view.ts";
import type { PendingWork } from "./access/pending-work.ts";
import { auditOf } from "./audit/audit-entry.ts";
import type { AuditTrail } from "./audit/audit-trail.ts";
import type { AuditAction, AuditPage, AuditQuery } from "./audit/audit-view.ts";
import type { AuditExport } from "./audit/verify-audit.ts";
import { checkDeletable, checkUnreferenced } from "./check-unreferenced.ts";
import { commitUpdate } from "./commit-update.ts";
import { Creations, type CreationsOptions } from "./creations.ts";
import { dependencyFailuresArrived } from "./dependency-failures.ts";
import { type AddressRefusal, requireDeviceAddresses } from "./devices/device-address-fields.ts";
import type { DryRun, DryRunRequest } from "./dry-run/dry-run.ts";
import { DryRuns } from "./dry-run/dry-runs.ts";
import type {
  GatewayApi,
  JsonObject,
  ListQuery,
  RequestOptions,
  ResourcePage,
  ResourceView,
  TransitionsQuery,
  TransitionView,
} from "./gateway-api.ts";
import { inSteps } from "./in-steps.ts";
import { indexShows } from "./index-shows.ts";
import { keyedRequest, updateKey } from "./keyed-request.ts";
import { listPage } from "./list-page.ts";
import { ownedBy, ownedTree } from "./owned-resources.ts";
import type {
  ConfigurationRenderer,
  DocumentChange,
  DocumentStore,
  EventLog,
  Secrets,
  StoredDocument,
} from "./ports.ts";
import { refusedSurely } from "./refused-surely.ts";
import { requireVersion } from "./require-version.ts";
import { requireWithin } from "./require-within.ts";
import { versionedAnswer, versionOf } from "./resource-answer.ts";
import type { Audit, Decide } from "./resource-host.ts";
import type { IndexEntry } from "./resource-index.ts";
import { parseRecord, transitionView } from "./resource-record.ts";
import { refuseSealed, sealFields } from "./sealed-fields.ts";
import { Resealing } from "./secrets/resealing.ts";
import type { Reseal, SealedReport } from "./secrets/sealed-report.ts";
import { shownId } from "./shown-id.ts";

export interface GatewayOptions extends CreationsOptions {
  readonly log: EventLog;
  readonly documents: DocumentStore;
  readonly secrets: Secrets;
  readonly renderer: ConfigurationRenderer;
  readonly addressRefusal: AddressRefusal;
  readonly trail: AuditTrail;
  readonly pending: PendingWork;
  readonly readiness: () => Promise<{ ready: boolean; checks: Readonly<Record<string, string>> }>;
}

/** Documents that are read in one go. */
const AT_A_TIME = 200;

/** What clients can ask for. */
export class Gateway implements GatewayApi {
  readonly types: readonly TypeSchema[];
  readonly creations: Creations;
  private readonly dryRuns: DryRuns;
  private readonly options: GatewayOptions;

  constructor(options: GatewayOptions) {
    this.options = options;
    this.types = [...options.catalogue.types.values()];
    this.creations = new Creations(options);
    this.dryRuns = new DryRuns({ ...options, creations: this.creations });
  }

  readiness(): Promise<{ ready: boolean; checks: Readonly<Record<string, string>> }> {
    return this.options.readiness();
  }

  async create(typeName: string, fields: JsonObject, { key, by }: RequestOptions = {}): Promise<ResourceView> {
    const type = this.options.planner.definition(typeName);
    validateBody(type, fields, "create");
    requireDeviceAddresses(type, fields, this.options.addressRefusal);
    // Sealed when its id is known: a seal is good for one resource.
    refuseSealed(type, fields, this.options.secrets);
    const keyed = key === undefined ? undefined : keyedRequest(type, key, fields, by?.tenant);
    const sight = by && new CallersSight(this.types, by);
    const place = this.options.pending.take(by);
    try {
      const audit = this.told("create", typeName, by);
      return this.view(await this.creations.create(type, fields, { keyed, audit, sight, shown: place.release }));
    } finally {
      place.release();
    }
  }

  async get(type: string, id: string): Promise<ResourceView> {
    return this.view(await this.found(type, id));
  }

  versionOf(answer: ResourceView): number | undefined {
    return versionOf(answer);
  }

  async list(typeName: string, query: ListQuery): Promise<ResourcePage> {
    const type = this.options.planner.definition(typeName);
    return inSteps(listPage(this.options.index.ofType(type.type), type, query));
  }

  async update(typeName: string, id: string, fields: JsonObject, options: RequestOptions = {}): Promise<ResourceView> {
    const type = this.options.planner.definition(typeName);
    const entry = await this.found(typeName, id);
    validateBody(type, fields, "update");
    requireDeviceAddresses(type, fields, this.options.addressRefusal);
    const sealed = sealFields(type, fields, { secrets: this.options.secrets, id });
    const owned = entry.value.lifecycle.endsWith("_failed") ? await this.ownedAtRest(entry) : [];
    const audit = this.told("update", typeName, options.by);
    const { by, ...request } = options;
    const view = by && new CallersSight(this.types, by).over(this.options.index);
    const asked = { ...request, ...(view && { view }), key: updateKey(request.key, by?.tenant) };
    const place = this.options.pending.take(by);
    await refusedSurely(this.options, () =>
      commitUpdate(this.options, { type: typeName, id }, sealed, asked, audit),
    ).finally(() => place.release());
    // A new version of what has failed is another try, for what belongs to it too.
    await this.retryFailed(owned);
    return this.view(this.entry(typeName, id));
  }

  async remove(typeName: string, id: string, { by, onlyVersions }: RequestOptions = {}): Promise<void> {
    const { host, index, planner, clock } = this.options;
    const ref = { type: typeName, id };
    const entry = await refusedSurely(this.options, async () => {
      const found = this.entry(typeName, id);
      if (!found.context.markedForDeletion) checkDeletable(index, planner, found);
      return found;
    });
    if (entry.context.markedForDeletion) {
      // Asked again after a failure: another try.
      if (entry.value.lifecycle === "delete_failed")
        await this.tryAgain(entry, this.told("delete", typeName, by), onlyVersions);
      else requireVersion(entry.context, onlyVersions);
      return;
    }
    const process = this.options.name;
    const withdrawSurely = () =>
      this.options.retractions.add(ref, ({ context }) =>
        context.deletionProposed && context.proposedBy === process ? { type: "WITHDRAW_DELETE" } : undefined,
      );
    let isProposed = false;
    const proposing = host.command(ref, ({ context }) => {
      requireVersion(context, onlyVersions);
      isProposed = !context.markedForDeletion;
      return isProposed ? { type: "PROPOSE_DELETE", by: process } : undefined;
    });
    await proposing.catch((error: unknown) => {
      if (isProposed) withdrawSurely();
      throw error;
    });
    try {
      const current = index.entry(ref);
      if (current === undefined) return;
      // Whoever proposed to refer to it before this point is in the index now; whoever comes later sees the proposal.
      checkUnreferenced(index, planner, current);
    } catch (error) {
      await host.command(ref, () => ({ type: "WITHDRAW_DELETE" })).catch(withdrawSurely);
      throw error;
    }
    const owned = ownedBy(index, ref);
    const deletion: Decide = (snapshot) => this.deletion(snapshot.context.markedForDeletion, ref);
    await host.command(ref, deletion, { audit: this.told("delete", typeName, by) }).catch((error: unknown) => {
      withdrawSurely();
      throw error;
    });
    await indexShows(index, clock, () =>
      owned.every((dependent) => index.entry(dependent)?.context.markedForDeletion ?? true),
    );
  }

  /** The event that deletes a resource and, before it, what belongs to it. Undefined when that is under way. */
  deletion(marked: boolean, ref: ResourceRef, messageId?: string): ResourceEvent | undefined {
    const entry = this.options.index.entry(ref);
    if (entry === undefined || marked) return undefined;
    const type = this.options.planner.definition(ref.type);
    return {
      type: "DELETE",
      ...(messageId === undefined ? {} : { messageId }),
      changes: this.options.planner.deletionChanges(type, ref.id, entry.body, entry.context.claims),
      dependents: ownedBy(this.options.index, ref),
    };
  }

  async retry(typeName: string, id: string, { by, onlyVersions }: RequestOptions = {}): Promise<ResourceView> {
    this.options.pending.take(by).release();
    await this.tryAgain(await this.found(typeName, id), this.told("retry", typeName, by), onlyVersions);
    return this.view(this.entry(typeName, id));
  }

  private async tryAgain(entry: IndexEntry, audit: Audit, onlyVersions: RequestOptions["onlyVersions"]): Promise<void> {
    const { host, planner } = this.options;
    const { type, id } = entry;
    await refusedSurely(this.options, async () => requireVersion(this.entry(type, id).context, onlyVersions));
    const owned = await this.ownedAtRest(entry);
    const again: Decide = (snapshot) => {
      requireVersion(snapshot.context, onlyVersions);
      return planner.retry(snapshot);
    };
    const root = () => host.command({ type, id }, again, { audit });
    // Each is planned after what it waits for: a deletion begins with what is built on the resource, everything else with the resource.
    if (!entry.context.markedForDeletion) await root();
    await this.retryFailed(owned);
    if (entry.context.markedForDeletion) await root();
  }

  private told(action: AuditAction, typeName: string, by: RequestOptions["by"]): Audit {
    const { planner, clock } = this.options;
    return auditOf({ action, type: planner.definition(typeName), by, clock });
  }

  async audit(query: AuditQuery): Promise<AuditPage> {
    const { planner, trail } = this.options;
    const { resource, after } = query;
    if (resource !== undefined) planner.definition(resource.type);
    const page = await trail.read(query);
    const isKnown = page.entries.length > 0 || page.next !== null || after !== undefined;
    if (resource !== undefined && !isKnown) await this.found(resource.type, resource.id);
    return page;
  }

  auditExport(): Promise<AuditExport> {
    return this.options.trail.export();
  }

  dryRun(type: string, request: DryRunRequest, options?: RequestOptions): Promise<DryRun> {
    return refusedSurely(this.options, () => this.dryRuns.run(type, request, options));
  }

  /** What belongs to a resource, in the order in which it is planned, once the failures of what it waited for have arrived at it. */
  private async ownedAtRest(entry: IndexEntry): Promise<ResourceRef[]> {
    const inOrderOfDeletion = ownedTree(this.options.index, entry);
    const owned = entry.context.markedForDeletion ? inOrderOfDeletion : inOrderOfDeletion.reverse();
    await dependencyFailuresArrived(this.options.index, owned);
    return owned;
  }

  private async retryFailed(refs: readonly ResourceRef[]): Promise<void> {
    for (const ref of refs) {
      await this.options.host.command(ref, (snapshot) =>
        // A newer version that waits is another try already.
        snapshot.value.lifecycle.endsWith("_failed") && snapshot.context.queue.length === 0
          ? this.options.planner.retry(snapshot)
          : undefined,
      );
    }
  }

  async *transitions({ from, visible = () => true, ...options }: TransitionsQuery): AsyncIterable<TransitionView> {
    await requireWithin(this.options.log, from);
    for await (const stored of this.options.log.read(from, options)) {
      const record = parseRecord(stored);
      // A proposal may still be withdrawn: clients see a resource from its admission on.
      if (record === undefined || record.after === "proposed" || record.event === "REJECT") continue;
      const { type, body } = record.snapshot.context;
      if (visible(type, body)) yield transitionView(stored, record);
    }
  }

  async documents(prefix: string): Promise<StoredDocument[]> {
    const found: StoredDocument[] = [];
    for (let after: string | undefined; ; ) {
      const some = await this.options.documents.range(prefix, { limit: AT_A_TIME, ...(after && { after }) });
      for (const document of some) if (!document.key.startsWith("/signalbox/")) found.push(document);
      if (some.length < AT_A_TIME) return found;
      after = some.at(-1)?.key;
      await othersFirst();
    }
  }

  async *watchDocuments(
    prefix: string,
    options: { fromStart: boolean; signal: AbortSignal },
  ): AsyncIterable<DocumentChange> {
    const fromRevision = options.fromStart ? 1 : (await this.options.documents.revision()) + 1;
    for await (const change of this.options.documents.watch(prefix, { fromRevision, signal: options.signal })) {
      if (!change.key.startsWith("/signalbox/")) yield change;
    }
  }

  sealed(change?: Reseal): Promise<SealedReport> {
    return new Resealing(this.options).report(change);
  }

  private found(type: string, id: string): Promise<IndexEntry> {
    return refusedSurely(this.options, async () => this.entry(type, id));
  }

  private entry(type: string, id: string): IndexEntry {
    this.options.planner.definition(type);
    const entry = this.options.index.get(type, id);
    if (entry === undefined) throw new SignalboxError("SB_NOT_FOUND", `there is no ${type} ${shownId(id)}`);
    return entry;
  }

  private view(entry: IndexEntry): ResourceView {
    return versionedAnswer(entry, this.options.planner.definition(entry.type));
  }
}
