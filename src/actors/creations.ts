import { isDeepStrictEqual } from "node:util";
import { numbersOf } from "../catalogue/address-blocks.ts";
import {
  type Claim,
  type Creation,
  checkNoOverlap,
  checkRelations,
  type Expansion,
  expandCreate,
  numberTaken,
  uniquesOf,
} from "../catalogue/expand-request.ts";
import type { Catalogue } from "../catalogue/load-catalogue.ts";
import type { Body, ResourceRef } from "../catalogue/resource-view.ts";
import type { TypeDefinition } from "../catalogue/type-definition.ts";
import { SignalboxError } from "../errors.ts";
import { isFree } from "../machines/resource/resource-machine.ts";
import { latestBody } from "../machines/resource/resource-steps.ts";
import type { RequestKey, ResourceEvent, UniqueValue } from "../machines/resource/resource-types.ts";
import type { CallersSight } from "./access/callers-view.ts";
import type { Quotas } from "./access/quotas.ts";
import type { ResourceCommands } from "./callers-host.ts";
import { ClaimingView } from "./claiming-view.ts";
import { checkStillThere } from "./commit-update.ts";
import { indexShows } from "./index-shows.ts";
import { type KeyedRequest, shownKey } from "./keyed-request.ts";
import type { Clock, EventLog, Logger, Random, Secrets } from "./ports.ts";
import type { RefusedProposals } from "./refused-proposals.ts";
import { refusedSurely } from "./refused-surely.ts";
import type { Audit, Decide } from "./resource-host.ts";
import { type IndexEntry, keyOf, type ResourceIndex } from "./resource-index.ts";
import type { ResourcePlanner } from "./resource-planner.ts";
import type { Retractions } from "./retractions.ts";
import { sealFields } from "./sealed-fields.ts";
import { checkDistinct, checkUnique, wasBefore } from "./unique-values.ts";

export interface CreationsOptions {
  readonly catalogue: Catalogue;
  readonly log: Pick<EventLog, "position" | "read">;
  readonly host: ResourceCommands;
  readonly retractions: Pick<Retractions, "add">;
  readonly index: ResourceIndex;
  readonly planner: ResourcePlanner;
  readonly random: Random;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly refused: RefusedProposals;
  readonly quotas: Quotas;
  /** Of this process, by which others know whose a proposal is. */
  readonly name: string;
}

/** Who asks for a creation, and what goes with it. */
export interface CreationRequest {
  readonly keyed?: KeyedRequest | undefined;
  /** Tells of its admission. */
  readonly audit?: Audit | undefined;
  /** Called when the index has it. */
  readonly shown?: () => void;
  /** Of whoever asks: what he does not see he cannot build on. */
  readonly sight?: CallersSight | undefined;
}

/** What a proposal has of its request. */
interface Asked {
  readonly request: RequestKey | undefined;
  readonly audit: Audit | undefined;
  readonly shown: () => void;
  readonly sight: CallersSight | undefined;
}

type Admission = Extract<ResourceEvent, { type: "ADMIT" }>;

/** How often a creation looks for another number when somebody else was faster. */
const ALLOCATION_ATTEMPTS = 100;

/**
 * Makes resources. A creation is proposed to the log first, with all that it claims; once the index has read the log up to the proposal it is
 * clear who was first, and it is admitted or withdrawn. So no two processes ever give away the same number, name or address, and what was
 * refused leaves nothing behind.
 */
export class Creations {
  private readonly options: CreationsOptions;
  private readonly claiming: ClaimingView;

  constructor(options: CreationsOptions) {
    this.options = options;
    this.claiming = new ClaimingView(options.index);
  }

  /**
   * Makes a resource and what belongs to it. Resolves when that is committed.
   * @throws what `expandCreate` throws; SB_KEY_REUSED; SB_NOT_READY when this process cannot decide it
   */
  async create(
    type: TypeDefinition,
    fields: Body,
    { keyed, audit, shown = () => {}, sight }: CreationRequest = {},
  ): Promise<IndexEntry> {
    for (let attempt = 1; ; attempt += 1) {
      const made = keyed && (await this.madeBefore(type.type, keyed, sight));
      if (made) return made;
      const { expansion, release } = await refusedSurely(this.options, async () =>
        this.claimed(type, fields, keyed?.id, sight),
      );
      try {
        const atOnce = this.takesNothing(type, expansion)
          ? await this.admitAtOnce(type, expansion, keyed?.request, audit, shown)
          : undefined;
        if (atOnce) return atOnce;
        const entry = await this.propose(type, expansion, attempt >= ALLOCATION_ATTEMPTS, {
          request: keyed?.request,
          audit,
          shown,
          sight,
        });
        if (entry) return entry;
      } finally {
        release();
      }
    }
  }

  /** All that a creation would do, with what it takes kept from the other creations of this process until it is released. */
  private claimed(type: TypeDefinition, fields: Body, id: string | undefined, sight: CallersSight | undefined) {
    const { random, secrets } = this.options;
    const own = id ?? random.uuid();
    const expansion = this.expand(type, sealFields(type, fields, { secrets, id: own }), { id: own, sight });
    this.checkFree(type, expansion);
    return { expansion, release: this.claiming.hold(claimsOf(expansion)) };
  }

  /**
   * All that a creation would do, as things are now.
   * @param sight of whoever asks: what he does not see he cannot build on
   * @throws what `expandCreate` throws
   */
  expand(
    type: TypeDefinition,
    fields: Body,
    { id, sight }: { id?: string | undefined; sight?: CallersSight | undefined } = {},
  ): Expansion {
    const { catalogue, random } = this.options;
    // The first id that is asked for is the resource's own.
    let given = id;
    return expandCreate(type, fields, {
      catalogue,
      view: sight?.over(this.claiming) ?? this.claiming,
      uuid: () => {
        const next = given ?? random.uuid();
        given = undefined;
        return next;
      },
      suffix: () => random.suffix(5),
    });
  }

  /** As things are now. @throws SB_UNIQUE_TAKEN, SB_QUOTA_EXCEEDED */
  checkFree(type: TypeDefinition, expansion: Expansion): void {
    const { index, quotas } = this.options;
    const uniques = this.uniquesOf(expansion);
    checkDistinct(uniques);
    for (const unique of uniques) checkUnique(index, type.type, unique, undefined);
    quotas.check(index, type.type, expansion.root.body);
  }

  /** Values that nobody else may have: of the resource itself, and of what is made along with it. */
  private uniquesOf({ root, dependents }: Expansion): UniqueValue[] {
    const of = ({ type, body }: Creation) => uniquesOf(this.options.planner.definition(type), body);
    return [...of(root), ...dependents.flatMap((each) => of(each).map((unique) => ({ type: each.type, ...unique })))];
  }

  /**
   * What a request with the same key has made; waits for one that is not decided yet.
   * @throws SB_KEY_REUSED
   */
  private async madeBefore(
    type: string,
    { id, request }: KeyedRequest,
    sight: CallersSight | undefined,
  ): Promise<IndexEntry | undefined> {
    const { host, index, clock } = this.options;
    const ref = { type, id };
    const { seq, snapshot } = await host.load(ref);
    if (isFree(snapshot)) return undefined;
    const key = shownKey(request.key);
    if (snapshot.context.request?.digest !== request.digest) {
      throw new SignalboxError("SB_KEY_REUSED", `the key ${key} came with another request before`);
    }
    // What has gone to another tenant since is as good as gone.
    const isForeign = sight?.isForeign(latestBody(snapshot.context)) ?? false;
    if (snapshot.value.lifecycle === "deleted" || isForeign) {
      throw new SignalboxError("SB_KEY_REUSED", `what the key ${key} made, ${type} ${id}, is deleted`);
    }
    await index.caughtUp(seq);
    await indexShows(index, clock, () => index.entry(ref)?.value.lifecycle !== "proposed");
    const entry = index.entry(ref);
    if (entry?.value.lifecycle !== "proposed") return entry;
    throw new SignalboxError("SB_NOT_READY", `the first request with the key ${key} is still under way`);
  }

  /** Nothing that somebody else could want, or take away, at the same time: there is nothing to propose. */
  private takesNothing(type: TypeDefinition, { root, dependents }: Expansion): boolean {
    return (
      claimsOf({ root, dependents }).length === 0 &&
      this.uniquesOf({ root, dependents }).length === 0 &&
      this.outside({ root, dependents }).length === 0 &&
      !this.options.quotas.limits(type.type, root.body)
    );
  }

  /** What a request refers to that it does not make itself. */
  private outside({ root, dependents }: Expansion): ResourceRef[] {
    const made = new Set([root.id, ...dependents.map((dependent) => dependent.id)]);
    return [root, ...dependents]
      .flatMap((creation) => this.references(creation))
      .filter((reference) => !made.has(reference.id));
  }

  /** Undefined: there is a record of its id, of the same request sent twice, or of one that was refused. */
  private async admitAtOnce(
    type: TypeDefinition,
    expansion: Expansion,
    request: RequestKey | undefined,
    audit: Audit | undefined,
    shown: () => void,
  ): Promise<IndexEntry | undefined> {
    const { root } = expansion;
    const named = {
      ...this.naming(root),
      uniques: [],
      references: distinct(this.references(root)),
      ...(request && { request }),
    };
    const admission = { ...this.admission(type, expansion, 0), named };
    let isFirst = false;
    const decide: Decide = ({ value }) => {
      isFirst = value.lifecycle === "absent";
      return isFirst ? admission : undefined;
    };
    await this.options.host.command(root, decide, { audit });
    shown();
    return isFirst ? this.admitted(expansion, admission) : undefined;
  }

  /** Proposes a creation and decides it. Undefined: somebody else took an allocated number; another try may find a free one. */
  private async propose(
    type: TypeDefinition,
    { root, dependents }: Expansion,
    lastTry: boolean,
    { request, audit, shown, sight }: Asked,
  ): Promise<IndexEntry | undefined> {
    const { host, index, quotas, name: by } = this.options;
    const ref = { type: root.type, id: root.id };
    // What others have to know of it before it is decided.
    const told = ["tenant_id", ...(type.noOverlap === undefined ? [] : [type.noOverlap.field])];
    const known = Object.fromEntries(
      told.flatMap((field) => (root.body[field] === undefined ? [] : [[field, root.body[field]]])),
    );
    const whose = Object.keys(known).length === 0 ? {} : { body: known };
    const claims = claimsOf({ root, dependents });
    const uniques = this.uniquesOf({ root, dependents });
    const outside = this.outside({ root, dependents });
    let isFirst = false;
    const proposing = host.command(ref, (snapshot) => {
      isFirst = isFree(snapshot);
      if (!isFirst) return undefined;
      const references = distinct([...outside, ...this.references(root)]);
      const named = { ...this.naming(root), ...whose, claims, uniques, references };
      return { type: "PROPOSE", by, ...(request && { request }), ...named };
    });
    const { seq } = await proposing.catch((error: unknown) => {
      // It may be in the log, or come there late, and nobody would ever decide it.
      if (isFirst) this.withdrawSurely(ref);
      throw error;
    });
    shown();
    // The same request, sent twice at once: the other one decides.
    if (!isFirst) return undefined;
    try {
      const lost = this.lostClaim(root.id, claims, seq);
      if (lost && !lost.allocated)
        throw numberTaken(root.type, lost.field, root.body[lost.field] ?? lost.number, lost.pool);
      if (lost && lastTry) {
        throw new SignalboxError(
          "SB_NOT_READY",
          `others were faster ${ALLOCATION_ATTEMPTS} times in taking a ${lost.field} for this ${root.type} from ${lost.pool}`,
          { advice: "Send the request again." },
        );
      }
      if (lost) {
        await this.withdraw(ref, seq);
        return undefined;
      }
      for (const unique of uniques) checkUnique(index, root.type, unique, { id: root.id, seq });
      quotas.check(index, root.type, root.body, seq);
      checkNoOverlap(type, root.body, this.relatedBefore(type, root, seq));
      checkRelations(type, root.body, sight?.over(index) ?? index, this.options.catalogue);
      for (const reference of outside) checkStillThere(index, reference);
    } catch (error) {
      await this.withdraw(ref, seq).catch(() => this.withdrawSurely(ref, seq));
      throw error;
    }
    try {
      return await this.admit(type, { root, dependents }, seq, audit);
    } catch (error) {
      // Where the admission is in the log all the same there is nothing to withdraw: both follow the same record, and the log takes one.
      this.withdrawSurely(ref, seq);
      throw error;
    }
  }

  /** @throws SB_NOT_READY when another process has withdrawn the proposal at `proposedSeq`, whatever was proposed after it */
  private async admit(
    type: TypeDefinition,
    expansion: Expansion,
    proposedSeq: number,
    audit: Audit | undefined,
  ): Promise<IndexEntry> {
    const admission = this.admission(type, expansion, proposedSeq);
    const decide: Decide = (_, seq) => (seq === proposedSeq ? admission : undefined);
    const { snapshot } = await this.options.host.command(expansion.root, decide, { audit });
    if (snapshot.context.proposedSeq !== proposedSeq) {
      throw new SignalboxError("SB_NOT_READY", "this process lost its lease while it decided; nothing was stored", {
        advice: "Send the request again.",
      });
    }
    return this.admitted(expansion, admission);
  }

  private admission(type: TypeDefinition, { root, dependents }: Expansion, proposedSeq: number): Admission {
    return {
      type: "ADMIT",
      proposedSeq,
      body: root.body,
      plan: root.plan,
      changes: this.options.planner.changes(type, root.id, root.body, root.claims),
      dependents: dependents.map((dependent) => ({
        to: { type: dependent.type, id: dependent.id },
        event: this.dependentEvent(dependent),
      })),
    };
  }

  /** What was admitted, when the index has it and what it brings about. */
  private async admitted({ root, dependents }: Expansion, admission: Admission): Promise<IndexEntry> {
    const { index, clock } = this.options;
    // All that it brings about is on its way whatever happens; waiting for it lets the client see, and build on, all of its request at once.
    const { now: changes } = admission.changes;
    await indexShows(
      index,
      clock,
      () =>
        dependents.every((dependent) => index.entry(dependent) !== undefined) &&
        changes.every(({ to, set }) => hasAll(index.entry(to)?.body, set)),
    );
    const entry = index.entry(root);
    if (entry === undefined) throw new SignalboxError("SB_NOT_FOUND", `${root.type} ${root.id} was deleted meanwhile`);
    return entry;
  }

  /** Withdraws a proposal of this process as soon as that can be done: what it claims must not stay taken. */
  private withdrawSurely(ref: ResourceRef, proposedSeq?: number): void {
    const { name, retractions } = this.options;
    retractions.add(ref, ({ value, context }, seq) => {
      const isOwn = proposedSeq === undefined ? context.proposedBy === name : seq === proposedSeq;
      return value.lifecycle === "proposed" && isOwn ? { type: "REJECT" } : undefined;
    });
  }

  /** Withdraws the proposal at that position of the log. It leaves nothing behind: in time not even its records. */
  async withdraw(ref: ResourceRef, proposedSeq: number): Promise<void> {
    const { host, refused } = this.options;
    await host.command(ref, ({ value }, seq) =>
      value.lifecycle === "proposed" && seq === proposedSeq ? { type: "REJECT" } : undefined,
    );
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

  /** The bodies of those of its type that were at the same resource before it in the log's order. */
  private relatedBefore({ noOverlap, fields }: TypeDefinition, { id, type, body }: Creation, seq: number): Body[] {
    if (noOverlap === undefined) return [];
    const target = fields[noOverlap.within]?.relation ?? "";
    return this.options.index
      .referring(target, String(body[noOverlap.within]))
      .filter((other) => other.type === type && other.id !== id && wasBefore(other, seq))
      .map((other) => other.body);
  }

  /** The claim on which somebody else was first. */
  private lostClaim(id: string, claims: readonly Claim[], seq: number): Claim | undefined {
    const isLost = (pool: string, number: number) =>
      this.options.index.claimants(pool, number).some((other) => other.id !== id && wasBefore(other, seq));
    return claims.find((claim) => numbersOf(claim).some((number) => isLost(claim.pool, number)));
  }
}

/** What changes meanwhile once more is waited for in vain, for as long as `indexShows` has patience. */
function hasAll(body: Body | undefined, set: Body): boolean {
  return body === undefined || Object.entries(set).every(([field, value]) => isDeepStrictEqual(body[field], value));
}

/** All that a request takes: what belongs to the resource is proposed together with it. */
function claimsOf({ root, dependents }: Expansion): Claim[] {
  return [root, ...dependents].flatMap(({ claims }) => claims);
}

function distinct(refs: readonly ResourceRef[]): ResourceRef[] {
  return [...new Map(refs.map((ref) => [keyOf(ref), { type: ref.type, id: ref.id }])).values()];
}
