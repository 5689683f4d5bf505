import { createHash } from "node:crypto";
import {
  type Claim,
  type Creation,
  checkRelations,
  type Expansion,
  expandCreate,
  numberTaken,
  referencesOf,
  uniquesOf,
} from "../catalogue/expand-request.ts";
import type { TypeSchema } from "../catalogue/field-schema.ts";
import type { Catalogue } from "../catalogue/load-catalogue.ts";
import type { Body, ResourceRef } from "../catalogue/resource-view.ts";
import type { TypeDefinition } from "../catalogue/type-definition.ts";
import { invalidBody, validateBody } from "../catalogue/validate-body.ts";
import { asSignalboxError, SignalboxError } from "../errors.ts";
import { isFree } from "../machines/resource/resource-machine.ts";
import { clientStatus } from "../machines/resource/resource-status.ts";
import type { RequestKey, ResourceEvent } from "../machines/resource/resource-types.ts";
import { ClaimingView } from "./claiming-view.ts";
import { checkStillThere, commitUpdate } from "./commit-update.ts";
import { dependencyFailuresArrived } from "./dependency-failures.ts";
import type { GatewayApi, JsonObject, ListQuery, RequestOptions, ResourceView, TransitionView } from "./gateway-api.ts";
import type {
  Clock,
  DocumentChange,
  DocumentStore,
  EventLog,
  Json,
  Logger,
  Random,
  Secrets,
  StoredDocument,
} from "./ports.ts";
import type { RefusedProposals } from "./refused-proposals.ts";
import type { ResourceHost } from "./resource-host.ts";
import { type IndexEntry, keyOf, type ResourceIndex } from "./resource-index.ts";
import type { ResourcePlanner } from "./resource-planner.ts";
import { parseRecord, transitionView } from "./resource-record.ts";
import { troubleOf } from "./trouble.ts";
import { checkUnique, wasBefore } from "./unique-values.ts";

export interface GatewayOptions {
  readonly catalogue: Catalogue;
  readonly host: ResourceHost;
  readonly index: ResourceIndex;
  readonly planner: ResourcePlanner;
  readonly log: EventLog;
  readonly documents: DocumentStore;
  readonly secrets: Secrets;
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly refused: RefusedProposals;
  /** Of this process, by which others know whose a proposal is. */
  readonly name: string;
  readonly readiness: () => Promise<{ ready: boolean; checks: Readonly<Record<string, string>> }>;
}

/** How often a creation looks for another number when somebody else was faster. */
const ALLOCATION_ATTEMPTS = 20;
/** How long an answer waits for what belongs to its resource, milliseconds. */
const DEPENDENTS_PATIENCE_MS = 2_000;
const WITHDRAW_RETRY_MS = 1_000;

/**
 * What clients can ask for. A creation is proposed to the log first, with all that it claims; once the index has read the log up to the
 * proposal it is clear who was first, and it is admitted or withdrawn. So no two processes ever give away the same number, name or address,
 * and what was refused leaves nothing behind.
 */
export class Gateway implements GatewayApi {
  readonly types: readonly TypeSchema[];
  private readonly options: GatewayOptions;
  private readonly claiming: ClaimingView;

  constructor(options: GatewayOptions) {
    this.options = options;
    this.types = [...options.catalogue.types.values()];
    this.claiming = new ClaimingView(options.index);
  }

  readiness(): Promise<{ ready: boolean; checks: Readonly<Record<string, string>> }> {
    return this.options.readiness();
  }

  async create(typeName: string, fields: JsonObject, { key }: RequestOptions = {}): Promise<ResourceView> {
    const type = this.options.planner.definition(typeName);
    validateBody(type, fields, "create");
    this.refuseSealed(type, fields);
    const keyed = key === undefined ? undefined : keyedRequest(type, key, fields);
    const sealed = this.seal(type, fields);
    for (let attempt = 1; ; attempt += 1) {
      const made = keyed && (await this.madeBefore(typeName, keyed));
      if (made) return this.view(made);
      // The first id that is asked for is the resource's own.
      let given = keyed?.id;
      const expansion = expandCreate(type, sealed, {
        catalogue: this.options.catalogue,
        view: this.claiming,
        uuid: () => {
          const id = given ?? this.options.random.uuid();
          given = undefined;
          return id;
        },
        suffix: () => this.options.random.suffix(5),
      });
      const release = this.claiming.hold(claimsOf(expansion));
      try {
        const entry = await this.admit(type, expansion, attempt >= ALLOCATION_ATTEMPTS, keyed?.request);
        if (entry) return this.view(entry);
      } finally {
        release();
      }
    }
  }

  /**
   * What a request with the same key has made; waits for one that is not decided yet.
   * @throws SB_KEY_REUSED
   */
  private async madeBefore(type: string, { id, request }: KeyedRequest): Promise<IndexEntry | undefined> {
    const ref = { type, id };
    const { seq, snapshot } = await this.options.host.load(ref);
    if (isFree(snapshot)) return undefined;
    if (snapshot.context.request?.digest !== request.digest) {
      throw new SignalboxError("SB_KEY_REUSED", `the key ${shownKey(request.key)} came with another request before`);
    }
    if (snapshot.value.lifecycle === "deleted") {
      throw new SignalboxError(
        "SB_KEY_REUSED",
        `what the key ${shownKey(request.key)} made, ${type} ${id}, is deleted`,
      );
    }
    await this.options.index.caughtUp(seq);
    await this.seen(() => this.options.index.entry(ref)?.value.lifecycle !== "proposed");
    const entry = this.options.index.entry(ref);
    if (entry?.value.lifecycle !== "proposed") return entry;
    throw new SignalboxError(
      "SB_NOT_READY",
      `the first request with the key ${shownKey(request.key)} is still under way`,
    );
  }

  /** Proposes and admits a creation. Undefined: somebody else took an allocated number; another try may find a free one. */
  private async admit(
    type: TypeDefinition,
    { root, dependents }: Expansion,
    lastTry: boolean,
    request: RequestKey | undefined,
  ): Promise<IndexEntry | undefined> {
    const { host, index } = this.options;
    const ref = { type: root.type, id: root.id };
    const claims = claimsOf({ root, dependents });
    const uniques = uniquesOf(type, root.body);
    for (const unique of uniques) checkUnique(index, root.type, unique, undefined);
    const made = new Set([root.id, ...dependents.map((dependent) => dependent.id)]);
    const outside = [root, ...dependents]
      .flatMap((creation) => this.references(creation))
      .filter((reference) => !made.has(reference.id));
    let isFirst = false;
    const proposed = await host.command(ref, (snapshot) => {
      isFirst = isFree(snapshot);
      if (!isFirst) return undefined;
      const references = distinct([...outside, ...this.references(root)]);
      const { name: by } = this.options;
      return { type: "PROPOSE", by, ...(request && { request }), ...this.naming(root), claims, uniques, references };
    });
    // The same request, sent twice at once: the other one decides.
    if (!isFirst) return undefined;
    try {
      const lost = this.lostClaim(root.id, claims, proposed.seq);
      if (lost && (!lost.allocated || lastTry)) throw numberTaken(root.type, lost.field, lost.number, lost.pool);
      if (lost) {
        await this.withdrawSurely(ref);
        return undefined;
      }
      for (const unique of uniques) checkUnique(index, root.type, unique, { id: root.id, seq: proposed.seq });
      checkRelations(type, root.body, index, this.options.catalogue);
      for (const reference of outside) checkStillThere(index, reference);
    } catch (error) {
      await this.withdrawSurely(ref);
      throw error;
    }
    const admitted = await host.command(ref, () => ({
      type: "ADMIT",
      proposedSeq: proposed.seq,
      body: root.body,
      plan: root.plan,
      changes: this.options.planner.changes(type, root.id, root.body, root.claims),
      dependents: dependents.map((dependent) => ({
        to: { type: dependent.type, id: dependent.id },
        event: this.dependentEvent(dependent),
      })),
    }));
    if (admitted.snapshot.value.lifecycle === "deleted" || admitted.seq === 0) {
      throw new SignalboxError("SB_NOT_READY", "this process lost its lease while it decided; nothing was stored", {
        advice: "Send the request again.",
      });
    }
    // The dependents are on their way whatever happens; waiting for them lets the client see all of its request at once.
    await this.seen(() => dependents.every((dependent) => index.entry(dependent) !== undefined));
    const entry = index.entry(ref);
    if (entry === undefined) throw new SignalboxError("SB_NOT_FOUND", `${root.type} ${root.id} was deleted meanwhile`);
    return entry;
  }

  /** Resolves when the index fulfils the condition, or when it has had time enough for that. */
  private async seen(condition: () => boolean): Promise<void> {
    if (condition()) return;
    const { index, clock } = this.options;
    await new Promise<void>((resolve) => {
      const done = () => {
        cancel();
        unsubscribe();
        resolve();
      };
      const cancel = clock.after(DEPENDENTS_PATIENCE_MS, done);
      const unsubscribe = index.onChange(() => {
        if (condition()) done();
      });
    });
  }

  /** Withdraws a proposal, later when it cannot be done now: what it claims must not stay taken. */
  private async withdrawSurely(ref: ResourceRef): Promise<void> {
    try {
      await this.withdraw(ref);
    } catch (thrown) {
      const { logger, clock } = this.options;
      const { code, message } = asSignalboxError(thrown);
      logger.warn({ resource: keyOf(ref), code, error: message }, "a proposal could not be withdrawn; trying again");
      clock.after(WITHDRAW_RETRY_MS, () => void this.withdrawSurely(ref));
    }
  }

  /** A proposal that was refused leaves nothing behind: in time not even its records. */
  async withdraw(ref: ResourceRef): Promise<void> {
    const { host, refused } = this.options;
    await host.command(ref, ({ value }) => (value.lifecycle === "proposed" ? { type: "REJECT" } : undefined));
    await refused.sweep();
  }

  private dependentEvent(dependent: Creation): Extract<ResourceEvent, { type: "CREATE" }> {
    const type = this.options.planner.definition(dependent.type);
    const status = dependent.body["status"];
    return {
      type: "CREATE",
      ...this.naming(dependent),
      uniques: uniquesOf(type, dependent.body),
      references: this.references(dependent),
      body: dependent.body,
      plan: dependent.plan,
      changes: this.options.planner.changes(type, dependent.id, dependent.body, dependent.claims),
      fixedStatus: typeof status === "string" && status !== "PENDING_CREATE" ? status : null,
    };
  }

  private naming(creation: Creation) {
    const type = this.options.planner.definition(creation.type);
    return {
      resourceType: creation.type,
      collection: type.collection,
      id: creation.id,
      hasStatus: "status" in type.fields,
      owner: creation.owner ?? null,
      claims: creation.claims,
    };
  }

  private references({ type, body, claims }: Pick<Creation, "type" | "body" | "claims">): ResourceRef[] {
    const { planner } = this.options;
    return distinct(planner.references(planner.definition(type), body, claims));
  }

  /** The claim on which somebody else was first. */
  private lostClaim(id: string, claims: readonly Claim[], seq: number): Claim | undefined {
    return claims.find((claim) =>
      this.options.index.claimants(claim.pool, claim.number).some((other) => other.id !== id && wasBefore(other, seq)),
    );
  }

  async get(type: string, id: string): Promise<ResourceView> {
    return this.view(this.entry(type, id));
  }

  async list(typeName: string, query: ListQuery): Promise<ResourceView[]> {
    const type = this.options.planner.definition(typeName);
    const filters = Object.entries(query.filters ?? {});
    const matches = (view: ResourceView) => filters.every(([field, wanted]) => wanted.includes(textOf(view[field])));
    return [...this.options.index.ofType(type.type)].map((entry) => this.view(entry)).filter(matches);
  }

  async update(typeName: string, id: string, fields: JsonObject, { key }: RequestOptions = {}): Promise<ResourceView> {
    const type = this.options.planner.definition(typeName);
    const entry = this.entry(typeName, id);
    validateBody(type, fields, "update");
    this.refuseSealed(type, fields);
    const sealed = this.seal(type, fields);
    const owned = entry.value.lifecycle.endsWith("_failed") ? await this.ownedAtRest(entry) : [];
    await commitUpdate(this.options, { type: typeName, id }, sealed, key);
    // A new version of what has failed is another try, for what belongs to it too.
    await this.retryFailed(owned);
    return this.view(this.entry(typeName, id));
  }

  async remove(typeName: string, id: string): Promise<void> {
    const { host, index } = this.options;
    const entry = this.entry(typeName, id);
    const ref = { type: typeName, id };
    if (entry.context.markedForDeletion) {
      // Asked again after a failure: another try.
      if (entry.value.lifecycle === "delete_failed") await this.retry(typeName, id);
      return;
    }
    if (entry.owner !== undefined && this.options.index.entry(entry.owner)?.markedForDeletion !== true) {
      throw new SignalboxError("SB_REFERENCED", `${typeName} ${id} belongs to ${entry.owner.type} ${entry.owner.id}`, {
        advice: `Delete ${entry.owner.type} ${entry.owner.id}: what belongs to it goes with it.`,
      });
    }
    this.checkUnreferenced(entry);
    await host.command(ref, (snapshot) =>
      snapshot.context.markedForDeletion ? undefined : { type: "PROPOSE_DELETE", by: this.options.name },
    );
    try {
      const current = index.entry(ref);
      if (current === undefined) return;
      // Whoever proposed to refer to it before this point is in the index now; whoever comes later sees the proposal.
      this.checkUnreferenced(current);
    } catch (error) {
      await host.command(ref, () => ({ type: "WITHDRAW_DELETE" }));
      throw error;
    }
    const owned = this.owned(ref);
    await host.command(ref, (snapshot) => this.deletion(snapshot.context.markedForDeletion, ref));
    await this.seen(() => owned.every((dependent) => index.entry(dependent)?.context.markedForDeletion ?? true));
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
      dependents: this.owned(ref),
    };
  }

  /** What belongs to a resource, in the order in which it is deleted: what refers to another goes before it. */
  private owned(ref: ResourceRef): ResourceRef[] {
    let left = this.options.index
      .referring(ref.type, ref.id)
      .filter((entry) => entry.owner !== undefined && keyOf(entry.owner) === keyOf(ref));
    const ordered: ResourceRef[] = [];
    while (left.length > 0) {
      const referred = new Set(left.flatMap((entry) => entry.context.references.map(keyOf)));
      const free = left.filter((entry) => !referred.has(keyOf(entry)));
      const next = free.length > 0 ? free : left;
      ordered.push(...next.map(({ type, id }) => ({ type, id })));
      left = left.filter((entry) => !next.includes(entry));
    }
    return ordered;
  }

  private checkUnreferenced(entry: IndexEntry): void {
    const owned = new Set(this.ownedTree(entry).map(keyOf));
    const referrers = this.options.index
      .referring(entry.type, entry.id)
      .filter(
        (referrer) =>
          !referrer.context.markedForDeletion && !owned.has(keyOf(referrer)) && !this.refersOnlyBack(referrer, entry),
      );
    if (referrers.length === 0) return;
    const names = referrers.slice(0, 10).map((referrer) => `${referrer.type} ${referrer.id}`);
    const more = referrers.length > names.length ? ` and ${referrers.length - names.length} more` : "";
    throw new SignalboxError("SB_REFERENCED", `${entry.type} ${entry.id} is used by ${names.join(", ")}${more}`);
  }

  /** The referrer names this resource only in fields that this resource's creation has set there and its deletion clears. */
  private refersOnlyBack(referrer: IndexEntry, entry: IndexEntry): boolean {
    const { planner } = this.options;
    const rules = planner.definition(entry.type).changes.filter((rule) => rule.type === referrer.type);
    const cleared = new Set(rules.flatMap((rule) => Object.keys(rule.onDelete ?? {})));
    const references = referencesOf(planner.definition(referrer.type), referrer.body).filter(
      ({ id }) => id === entry.id,
    );
    return references.length > 0 && references.every(({ pointer }) => cleared.has(pointer.split("/")[1] ?? ""));
  }

  private ownedTree(ref: ResourceRef): ResourceRef[] {
    return this.owned(ref).flatMap((dependent) => [dependent, ...this.ownedTree(dependent)]);
  }

  async retry(typeName: string, id: string): Promise<ResourceView> {
    const entry = this.entry(typeName, id);
    const owned = await this.ownedAtRest(entry);
    const root = () =>
      this.options.host.command({ type: typeName, id }, (snapshot) => this.options.planner.retry(snapshot));
    // Each is planned after what it waits for: a deletion begins with what is built on the resource, everything else with the resource.
    if (!entry.context.markedForDeletion) await root();
    await this.retryFailed(owned);
    if (entry.context.markedForDeletion) await root();
    return this.view(this.entry(typeName, id));
  }

  /** What belongs to a resource, in the order in which it is planned, once the failures of what it waited for have arrived at it. */
  private async ownedAtRest(entry: IndexEntry): Promise<ResourceRef[]> {
    const inOrderOfDeletion = this.ownedTree(entry);
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

  async *transitions(options: { from: number; follow: boolean; signal: AbortSignal }): AsyncIterable<TransitionView> {
    for await (const stored of this.options.log.read(options.from, {
      follow: options.follow,
      signal: options.signal,
    })) {
      const record = parseRecord(stored);
      // A proposal may still be withdrawn: clients see a resource from its admission on.
      if (record && record.after !== "proposed" && record.event !== "REJECT") yield transitionView(stored, record);
    }
  }

  async documents(prefix: string): Promise<StoredDocument[]> {
    return (await this.options.documents.range(prefix)).filter(({ key }) => !key.startsWith("/signalbox/"));
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

  private entry(type: string, id: string): IndexEntry {
    this.options.planner.definition(type);
    const entry = this.options.index.get(type, id);
    if (entry === undefined) throw new SignalboxError("SB_NOT_FOUND", `there is no ${type} ${shownId(id)}`);
    return entry;
  }

  /** Every field of the type, null where nobody set it; secrets masked. What failed, or is tried again, says why in `error`. */
  private view(entry: IndexEntry): ResourceView {
    const type = this.options.planner.definition(entry.type);
    const status = clientStatus(entry.value, entry.context);
    const view: Record<string, Json> = {};
    for (const [name, schema] of Object.entries(type.fields)) {
      const value = entry.body[name];
      if (name === "status") view[name] = status.status;
      else if (name === "orchestration_state") view[name] = status.orchestrationState;
      else if (name === "operational_state") view[name] = status.operationalState;
      else if (schema.secret && typeof value === "string" && value !== "") view[name] = "***";
      else view[name] = (value ?? (schema.type === "array" ? [] : null)) as Json;
    }
    const error = troubleOf(entry);
    return error === "" ? view : { ...view, error };
  }

  private seal(type: TypeDefinition, fields: Body): Body {
    const sealed: Record<string, unknown> = { ...fields };
    for (const [name, schema] of Object.entries(type.fields)) {
      const value = sealed[name];
      if (schema.secret && typeof value === "string" && value !== "") sealed[name] = this.options.secrets.seal(value);
    }
    return sealed;
  }

  /** A sealed value is opened wherever it stands: nobody may bring one along. */
  private refuseSealed(type: TypeDefinition, fields: Body): void {
    const problems = Object.entries(fields)
      .filter(([, value]) => containsSealed(value, this.options.secrets))
      .map(([name]) => ({ pointer: `/${name}`, detail: "must not contain a sealed value" }));
    if (problems.length > 0) throw invalidBody(type.type, problems);
  }
}

/** An id as it may stand in a message and in a log, whatever a client made of it. */
function shownId(id: string): string {
  return /^[\w.-]{1,64}$/.test(id) ? id : JSON.stringify(id.length > 64 ? `${id.slice(0, 64)}...` : id);
}

interface KeyedRequest {
  readonly id: string;
  readonly request: RequestKey;
}

/** The id of what a key makes is the key's own (a UUID of version 8, RFC 9562), so that every process knows it. */
function keyedRequest({ type, fields: schemas }: TypeDefinition, key: string, fields: JsonObject): KeyedRequest {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  // A digest of a password could be guessed at.
  const open = Object.fromEntries(Object.entries(fields).filter(([name]) => schemas[name]?.secret !== true));
  const hex = digest(`${type} ${key}`).toString("hex");
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
  return { id, request: { key, digest: digest(canonical(open)).toString("base64url").slice(0, 22) } };
}

/** JSON text in which the order of members does not matter. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

function shownKey(key: string): string {
  return key.length > 40 ? `${key.slice(0, 40)}...` : key;
}

function containsSealed(value: unknown, secrets: Secrets): boolean {
  if (typeof value === "string") return secrets.isSealed(value) || /sb1~/.test(value);
  return (
    typeof value === "object" && value !== null && Object.values(value).some((inner) => containsSealed(inner, secrets))
  );
}

/** All that a request takes: what belongs to the resource is proposed together with it. */
function claimsOf({ root, dependents }: Expansion): Claim[] {
  return [root, ...dependents].flatMap(({ claims }) => claims);
}

function distinct(refs: readonly ResourceRef[]): ResourceRef[] {
  return [...new Map(refs.map((ref) => [keyOf(ref), { type: ref.type, id: ref.id }])).values()];
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : value === null || value === undefined ? "" : JSON.stringify(value);
}
