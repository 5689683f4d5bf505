import type { TypeSchema } from "../../catalogue/field-schema.ts";
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
import {
  belongingOf,
  mayEver,
  mayRead,
  mayRetry,
  mayWrite,
  type Right,
  type TypeClass,
  typeClasses,
} from "./rights.ts";
import {
  dryRunForTenant,
  namedIn,
  namedInDryRun,
  resourceForTenant,
  type Sees,
  transitionForTenant,
} from "./tenant-view.ts";

const classesOf = new WeakMap<readonly TypeSchema[], ReadonlyMap<string, TypeClass>>();

/** The gateway as one caller has it: it sees and touches what its role and tenant allow, whatever the transport. */
export class CallersGateway implements GatewayApi {
  readonly types: readonly TypeSchema[];
  readonly #api: GatewayApi;
  readonly #caller: Caller;
  readonly #classes: ReadonlyMap<string, TypeClass>;
  /** What was answered, by what the caller was told of it. */
  readonly #answers = new WeakMap<ResourceView, ResourceView>();

  constructor(api: GatewayApi, caller: Caller) {
    this.types = api.types;
    this.#api = api;
    this.#caller = caller;
    const classes = classesOf.get(api.types) ?? typeClasses(api.types);
    classesOf.set(api.types, classes);
    this.#classes = classes;
  }

  /** What of the resources it sees, for whoever reads them another way. */
  get access(): ReadAccess {
    return {
      everything: isOperator(this.#caller),
      mayRead: (type, body) => mayRead(this.#caller, this.#class(type), belongingOf(this.#caller, body)),
    };
  }

  /**
   * Checks what can be checked before anything is known of the resource but, maybe, its id.
   * @throws SB_FORBIDDEN, SB_NOT_FOUND
   */
  async permit(type: string, action: WriteAction, id?: string): Promise<void> {
    const rule = action === "retry" ? mayRetry : mayWrite;
    if (mayEver(this.#caller, this.#class(type), rule)) return;
    const verb = action === "update" ? "change" : action;
    if (id !== undefined) return this.#may(rule, type, id, verb);
    this.#require("forbidden", `${verb} a ${type}`, "none");
  }

  async create(type: string, fields: JsonObject, options: RequestOptions = {}): Promise<ResourceView> {
    const named = this.#named(type, fields);
    this.#requireCreation(type, named);
    return this.#shown(await this.#told(this.#api.create(type, named, { ...options, by: this.#caller })));
  }

  async get(type: string, id: string): Promise<ResourceView> {
    const view = await this.#api.get(type, id);
    if (!mayRead(this.#caller, this.#class(type), belongingOf(this.#caller, view))) throw notFound(type, id);
    return this.#shown(view);
  }

  versionOf(answer: ResourceView): number | undefined {
    return this.#api.versionOf(this.#answers.get(answer) ?? answer);
  }

  async list(type: string, query: ListQuery): Promise<ResourcePage> {
    const kind = this.#class(type);
    const page = await this.#api.list(type, {
      ...query,
      visible: (body) => mayRead(this.#caller, kind, belongingOf(this.#caller, body)),
    });
    if (isOperator(this.#caller)) return page;
    return { ...page, resources: await Promise.all(page.resources.map((view) => this.#shown(view))) };
  }

  async update(type: string, id: string, fields: JsonObject, options: RequestOptions = {}): Promise<ResourceView> {
    await this.#may(mayWrite, type, id, "change");
    return this.#shown(await this.#told(this.#api.update(type, id, fields, { ...options, by: this.#caller })));
  }

  async remove(type: string, id: string, options: RequestOptions = {}): Promise<void> {
    await this.#may(mayWrite, type, id, "delete");
    return this.#told(this.#api.remove(type, id, { ...options, by: this.#caller }));
  }

  async retry(type: string, id: string, options: RequestOptions = {}): Promise<ResourceView> {
    await this.#may(mayRetry, type, id, "retry");
    return this.#shown(await this.#told(this.#api.retry(type, id, { ...options, by: this.#caller })));
  }

  async dryRun(type: string, request: DryRunRequest, options: RequestOptions = {}): Promise<DryRun> {
    const { action } = request;
    if (action !== "create") {
      await this.#may(
        action === "retry" ? mayRetry : mayWrite,
        type,
        request.id,
        action === "update" ? "change" : action,
      );
      return this.#shownDryRun(this.#api.dryRun(type, request, { ...options, by: this.#caller }));
    }
    const fields = this.#named(type, request.fields);
    this.#requireCreation(type, fields);
    return this.#shownDryRun(this.#api.dryRun(type, { action, fields }, { ...options, by: this.#caller }));
  }

  audit(query: AuditQuery): Promise<AuditPage> {
    return visibleAudit({ api: this.#api, caller: this.#caller, classOf: (type) => this.#class(type) }, query);
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
    const schema = this.types.find((each) => each.type === type)?.fields["tenant_id"];
    const isGiven = tenantKey(fields["tenant_id"]) !== undefined;
    return tenant === undefined || isGiven || !schema?.writable.includes("create")
      ? fields
      : { ...fields, tenant_id: tenant };
  }

  #requireCreation(type: string, named: JsonObject): void {
    const belonging = belongingOf(this.#caller, { ...named, shared: false });
    this.#require(mayWrite(this.#caller, this.#class(type), belonging), `create a ${type}`, belonging);
  }

  async #may(rule: typeof mayWrite, type: string, id: string, verb: string): Promise<void> {
    const view = await this.#api.get(type, id);
    const belonging = belongingOf(this.#caller, view);
    const right = rule(this.#caller, this.#class(type), belonging);
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

  /** A refusal names no resource that the caller does not see. */
  async #told<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (thrown) {
      const naming = thrown instanceof SignalboxError ? thrown.naming : undefined;
      for (const { type, id } of naming?.resources ?? []) if (!(await this.#sees(type, id))) throw naming?.otherwise;
      throw thrown;
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

  async #shownDryRun(answer: Promise<DryRun>): Promise<DryRun> {
    const dryRun = await this.#told(answer);
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
      (view) => mayRead(this.#caller, this.#class(type), belongingOf(this.#caller, view)),
      () => false,
    );
  }

  #class(type: string): TypeClass {
    // An unknown type is refused by whoever looks it up.
    return this.#classes.get(type) ?? "tenant";
  }
}

/** As when there is none. */
function notFound(type: string, id: string): SignalboxError {
  return new SignalboxError("SB_NOT_FOUND", `there is no ${type} ${shownId(id)}`);
}
