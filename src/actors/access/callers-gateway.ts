import type { FieldSchema, TypeSchema } from "../../catalogue/field-schema.ts";
import type { ResourceRef } from "../../catalogue/resource-view.ts";
import { SignalboxError } from "../../errors.ts";
import type { AuditPage, AuditQuery, WriteAction } from "../audit/audit-view.ts";
import type { AuditExport } from "../audit/verify-audit.ts";
import { visibleAudit } from "../audit/visible-audit.ts";
import type { DryRun, DryRunRequest } from "../dry-run/dry-run.ts";
import type {
  GatewayApi,
  JsonObject,
  ListQuery,
  RequestOptions,
  ResourcePage,
  ResourceView,
  TransitionView,
} from "../gateway-api.ts";
import type { ReadAccess } from "../inspection/inspection-api.ts";
import type { DocumentChange, StoredDocument } from "../ports.ts";
import type { Reseal, SealedReport } from "../secrets/sealed-report.ts";
import { shownId } from "../shown-id.ts";
import { type Caller, isOperator, tenantKey } from "./caller.ts";
import { CallersSight } from "./callers-view.ts";
import { isSame, requireSettable } from "./field-rights.ts";
import { belongingOf, isOperators, mayEver, mayRetry, mayWrite, type Right } from "./rights.ts";
import {
  dryRunForTenant,
  namedIn,
  namedInDryRun,
  resourceForTenant,
  type Sees,
  transitionForTenant,
} from "./tenant-view.ts";
import { withoutHidden } from "./without-hidden.ts";

/** The gateway as one caller has it: it sees and touches what its role and tenant allow, whatever the transport. */
export class CallersGateway implements GatewayApi {
  readonly types: readonly TypeSchema[];
  readonly #api: GatewayApi;
  readonly #caller: Caller;
  readonly #sight: CallersSight;
  /** What was answered, by what the caller was told of it. */
  readonly #answers = new WeakMap<ResourceView, ResourceView>();

  constructor(api: GatewayApi, caller: Caller) {
    this.types = api.types;
    this.#api = api;
    this.#caller = caller;
    this.#sight = new CallersSight(api.types, caller);
  }

  /** What of the resources it sees, for whoever reads them another way. */
  get access(): ReadAccess {
    return {
      everything: isOperator(this.#caller),
      mayRead: (type, body) => this.#sight.sees(type, body),
    };
  }

  /**
   * Checks what can be checked before anything is known of the resource but, maybe, its id.
   * @throws SB_FORBIDDEN, SB_NOT_FOUND
   */
  async permit(type: string, action: WriteAction, id?: string): Promise<void> {
    const rule = action === "retry" ? mayRetry : mayWrite;
    if (mayEver(this.#caller, this.#sight.classOf(type), rule)) return;
    const verb = action === "update" ? "change" : action;
    if (id !== undefined) return this.#may(rule, type, id, verb);
    this.#require("forbidden", `${verb} a ${type}`, "none");
  }

  async create(type: string, fields: JsonObject, options: RequestOptions = {}): Promise<ResourceView> {
    const named = this.#named(type, fields);
    this.#requireCreation(type, named);
    return this.#shown(await this.#told(named, this.#api.create(type, named, { ...options, by: this.#caller })));
  }

  async get(type: string, id: string): Promise<ResourceView> {
    return this.#shown(await this.#visible(type, id));
  }

  versionOf(answer: ResourceView): number | undefined {
    return this.#api.versionOf(this.#answers.get(answer) ?? answer);
  }

  async list(type: string, query: ListQuery): Promise<ResourcePage> {
    const page = await this.#api.list(type, { ...query, visible: (body) => this.#sight.sees(type, body) });
    if (isOperator(this.#caller)) return page;
    return { ...page, resources: await Promise.all(page.resources.map((view) => this.#shown(view))) };
  }

  async update(type: string, id: string, fields: JsonObject, options: RequestOptions = {}): Promise<ResourceView> {
    this.#requireChange(type, id, await this.#visible(type, id), fields);
    const answer = this.#api.update(type, id, fields, this.#ofChange(type, id, fields, options));
    return this.#shown(await this.#told({ id, ...fields }, answer));
  }

  async remove(type: string, id: string, options: RequestOptions = {}): Promise<void> {
    await this.#may(mayWrite, type, id, "delete");
    return this.#told({ id }, this.#api.remove(type, id, { ...options, by: this.#caller }));
  }

  async retry(type: string, id: string, options: RequestOptions = {}): Promise<ResourceView> {
    await this.#may(mayRetry, type, id, "retry");
    return this.#shown(await this.#told({ id }, this.#api.retry(type, id, { ...options, by: this.#caller })));
  }

  async dryRun(type: string, request: DryRunRequest, options: RequestOptions = {}): Promise<DryRun> {
    const by = { ...options, by: this.#caller };
    switch (request.action) {
      case "create": {
        const fields = this.#named(type, request.fields);
        this.#requireCreation(type, fields);
        return this.#shownDryRun(fields, this.#api.dryRun(type, { action: "create", fields }, by));
      }
      case "update": {
        const { id, fields } = request;
        this.#requireChange(type, id, await this.#visible(type, id), fields);
        return this.#shownDryRun({ id, ...fields }, this.#api.dryRun(type, request, by));
      }
      default: {
        const { action, id } = request;
        await this.#may(action === "retry" ? mayRetry : mayWrite, type, id, action);
        return this.#shownDryRun({ id }, this.#api.dryRun(type, request, by));
      }
    }
  }

  audit(query: AuditQuery): Promise<AuditPage> {
    return visibleAudit({ api: this.#api, sight: this.#sight }, query);
  }

  async auditExport(): Promise<AuditExport> {
    this.#requireOperator("export the audit");
    return this.#api.auditExport();
  }

  async *transitions(options: Parameters<GatewayApi["transitions"]>[0]): AsyncIterable<TransitionView> {
    const views = this.#api.transitions({ ...options, visible: this.access.mayRead });
    if (isOperator(this.#caller)) yield* views;
    else
      for await (const view of views) {
        yield transitionForTenant(view, await this.#seen(namedIn(view.error, view.jobs)));
      }
  }

  async documents(prefix: string): Promise<StoredDocument[]> {
    this.#requireOperator("read stored documents");
    return this.#api.documents(prefix);
  }

  watchDocuments(prefix: string, options: { fromStart: boolean; signal: AbortSignal }): AsyncIterable<DocumentChange> {
    this.#requireOperator("read stored documents");
    return this.#api.watchDocuments(prefix, options);
  }

  async sealed(change?: Reseal): Promise<SealedReport> {
    this.#requireOperator("look after the key of secrets");
    return this.#api.sealed(change);
  }

  readiness(): ReturnType<GatewayApi["readiness"]> {
    return this.#api.readiness();
  }

  /** What a tenant's caller creates is its tenant's when it does not say whose. */
  #named(type: string, fields: JsonObject): JsonObject {
    const { tenant } = this.#caller;
    const schema = this.#schema(type)?.fields["tenant_id"];
    const isGiven = tenantKey(fields["tenant_id"]) !== undefined;
    return tenant === undefined || isGiven || !schema?.writable.includes("create")
      ? fields
      : { ...fields, tenant_id: tenant };
  }

  #requireCreation(type: string, named: JsonObject): void {
    const belonging = belongingOf(this.#caller, { ...named, shared: false });
    this.#require(mayWrite(this.#caller, this.#sight.classOf(type), belonging), `create a ${type}`, belonging);
    requireSettable(this.#caller, this.#schema(type), "create", named, {});
  }

  /**
   * Of a change the resource as it is and as it is to be are the caller's to write. What operators set in the resources of tenants they may
   * set in those of every tenant.
   */
  #requireChange(type: string, id: string, before: JsonObject, fields: JsonObject): void {
    const caller = this.#caller;
    const schema = this.#schema(type);
    const changed = Object.entries(fields).filter(([name, value]) => !isSame(value, before[name]));
    const isTheirs = ([name]: [string, unknown]) =>
      schema !== undefined && isOperators(schema.fields[name] ?? NO_FIELD);
    const isOperatorsChange = caller.role === "operator" && changed.length > 0 && changed.every(isTheirs);
    const classOf = this.#sight.classOf(type);
    const belonging = belongingOf(caller, before);
    if (!isOperatorsChange)
      this.#require(mayWrite(caller, classOf, belonging), `change ${type} ${shownId(id)}`, belonging);
    requireSettable(caller, schema, "update", fields, before);
    const after = belongingOf(caller, { ...before, ...fields });
    // A tenant's resource stays that tenant's, unless who may set the field moves it.
    if (!isOperator(caller)) this.#require(mayWrite(caller, classOf, after), `change ${type} ${shownId(id)}`, after);
  }

  /** The same of the resource as it is when the change is decided. */
  #ofChange(type: string, id: string, fields: JsonObject, options: RequestOptions): RequestOptions {
    return {
      ...options,
      by: this.#caller,
      requireChange: (before) => this.#requireChange(type, id, before as JsonObject, fields),
    };
  }

  /** A resource as it is, when the caller sees it. */
  async #visible(type: string, id: string): Promise<ResourceView> {
    const view = await this.#api.get(type, id);
    if (!this.#sight.sees(type, view)) throw notFound(type, id);
    return view;
  }

  async #may(rule: typeof mayWrite, type: string, id: string, verb: string): Promise<void> {
    const view = await this.#visible(type, id);
    const belonging = belongingOf(this.#caller, view);
    const right = rule(this.#caller, this.#sight.classOf(type), belonging);
    if (right === "hidden") throw notFound(type, id);
    this.#require(right, `${verb} ${type} ${id}`, belonging);
  }

  #require(right: Right, what: string, belonging: string): void {
    if (right === "allowed") return;
    const { name, role } = this.#caller;
    const whose = belonging === "foreign" ? ", which is another tenant's" : "";
    throw new SignalboxError("SB_FORBIDDEN", `${name} (${role}) may not ${what}${whose}`);
  }

  #requireOperator(what: string): void {
    this.#require(isOperator(this.#caller) ? "allowed" : "forbidden", what, "none");
  }

  /** A refusal names no resource that the caller neither sees nor has named. */
  async #told<T>(given: unknown, answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (thrown) {
      if (!(thrown instanceof SignalboxError)) throw thrown;
      const { naming } = thrown;
      const sees = (type: string, id: string) => this.#sees(type, id);
      for (const { type, id } of naming?.resources ?? []) if (!(await sees(type, id))) throw naming?.otherwise;
      throw isOperator(this.#caller) ? thrown : await withoutHidden(thrown, { types: this.types, given, sees });
    }
  }

  /** An answer as the caller is told it. */
  async #shown(view: ResourceView): Promise<ResourceView> {
    const { error } = view;
    if (isOperator(this.#caller) || typeof error !== "string" || error === "") return view;
    const shown = resourceForTenant(view, await this.#seen(namedIn(error)));
    this.#answers.set(shown, view);
    return shown;
  }

  async #shownDryRun(given: unknown, answer: Promise<DryRun>): Promise<DryRun> {
    const dryRun = await this.#told(given, answer);
    if (isOperator(this.#caller)) return dryRun;
    return dryRunForTenant(dryRun, await this.#seen(namedInDryRun(dryRun)));
  }

  async #seen(refs: readonly ResourceRef[]): Promise<Sees> {
    const seen = new Set<string>();
    const keyOf = ({ type, id }: ResourceRef) => `${type}/${id}`;
    for (const ref of refs) if (!seen.has(keyOf(ref)) && (await this.#sees(ref.type, ref.id))) seen.add(keyOf(ref));
    return (ref) => seen.has(keyOf(ref));
  }

  #sees(type: string, id: string): Promise<boolean> {
    return this.#api.get(type, id).then(
      (view) => this.#sight.sees(type, view),
      () => false,
    );
  }

  #schema(type: string): TypeSchema | undefined {
    return this.types.find((each) => each.type === type);
  }
}

/** A field that there is not is refused by whoever looks it up. */
const NO_FIELD: FieldSchema = { type: "null", writable: [] };

/** As when there is none. */
function notFound(type: string, id: string): SignalboxError {
  return new SignalboxError("SB_NOT_FOUND", `there is no ${type} ${shownId(id)}`);
}
