import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { SignalboxError } from "../../errors.ts";
import type { RequestJournal } from "../audit/audit-journal.ts";
import type { AuditAction, AuditPage, AuditQuery } from "../audit/audit-view.ts";
import type { AuditExport } from "../audit/verify-audit.ts";
import type { DryRun, DryRunRequest } from "../dry-run/dry-run.ts";
import type {
  GatewayApi,
  JsonObject,
  ListQuery,
  RequestOptions,
  ResourcePage,
  ResourceView,
  TransitionsQuery,
  TransitionView,
} from "../gateway-api.ts";
import type { DocumentChange, StoredDocument } from "../ports.ts";
import type { Reseal, SealedReport } from "../secrets/sealed-report.ts";
import { type Caller, isOperator } from "./caller.ts";

type About = { readonly type?: string; readonly id?: string; readonly target?: string };

/**
 * The gateway as one caller has it, with all that he is refused, and all that only operators may, kept in the audit. Accepted writes of
 * resources are in it already: with the very record that makes them happen.
 */
export class AuditedGateway implements GatewayApi {
  readonly types: readonly TypeSchema[];
  readonly #api: GatewayApi;
  readonly #by: Caller;
  readonly #journal: RequestJournal;

  constructor(api: GatewayApi, by: Caller, journal: RequestJournal) {
    this.types = api.types;
    this.#api = api;
    this.#by = by;
    this.#journal = journal;
  }

  create(type: string, fields: JsonObject, options?: RequestOptions): Promise<ResourceView> {
    return this.#write("create", { type }, () => this.#api.create(type, fields, options));
  }

  get(type: string, id: string): Promise<ResourceView> {
    return this.#api.get(type, id);
  }

  versionOf(answer: ResourceView): number | undefined {
    return this.#api.versionOf(answer);
  }

  list(type: string, query: ListQuery): Promise<ResourcePage> {
    return this.#api.list(type, query);
  }

  update(type: string, id: string, fields: JsonObject, options?: RequestOptions): Promise<ResourceView> {
    return this.#write("update", { type, id }, () => this.#api.update(type, id, fields, options));
  }

  remove(type: string, id: string, options?: RequestOptions): Promise<void> {
    return this.#write("delete", { type, id }, () => this.#api.remove(type, id, options));
  }

  retry(type: string, id: string, options?: RequestOptions): Promise<ResourceView> {
    return this.#write("retry", { type, id }, () => this.#api.retry(type, id, options));
  }

  dryRun(type: string, request: DryRunRequest, options?: RequestOptions): Promise<DryRun> {
    const id = request.action === "create" ? {} : { id: request.id };
    return this.#write(request.action, { type, ...id, target: "dry_run" }, () =>
      this.#api.dryRun(type, request, options),
    );
  }

  audit(query: AuditQuery): Promise<AuditPage> {
    return this.#write("read_audit", {}, () => this.#api.audit(query));
  }

  async auditExport(): Promise<AuditExport> {
    const found = await this.#write("read_audit", { target: "export" }, () => this.#api.auditExport());
    this.#journal.read({ action: "read_audit", by: this.#by, target: "export" });
    return found;
  }

  transitions(query: TransitionsQuery): AsyncIterable<TransitionView> {
    return this.#api.transitions(query);
  }

  async documents(prefix: string): Promise<StoredDocument[]> {
    const found = await this.#write("read_documents", { target: prefix }, () => this.#api.documents(prefix));
    this.#journal.read({ action: "read_documents", by: this.#by, target: prefix });
    return found;
  }

  watchDocuments(prefix: string, options: { fromStart: boolean; signal: AbortSignal }): AsyncIterable<DocumentChange> {
    const about = { action: "read_documents", by: this.#by, target: prefix } as const;
    try {
      const changes = this.#api.watchDocuments(prefix, options);
      this.#journal.read(about);
      return changes;
    } catch (thrown) {
      this.#note("read_documents", about, thrown);
      throw thrown;
    }
  }

  async sealed(change?: Reseal): Promise<SealedReport> {
    if (change === undefined) {
      const report = await this.#write("read_seals", {}, () => this.#api.sealed());
      this.#journal.read({ action: "read_seals", by: this.#by });
      return report;
    }
    return await this.#write("reseal", {}, async () => {
      // Who may not is refused below; it must not be kept as done.
      if (isOperator(this.#by))
        await this.#journal.act({ action: "reseal", by: this.#by, ...(change.purge ? { target: "purge" } : {}) });
      return await this.#api.sealed(change);
    });
  }

  readiness(): ReturnType<GatewayApi["readiness"]> {
    return this.#api.readiness();
  }

  async #write<T>(action: AuditAction, about: About, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (thrown) {
      this.#note(action, about, thrown);
      throw thrown;
    }
  }

  /** What failed on this side is no refusal. */
  #note(action: AuditAction, about: About, thrown: unknown): void {
    if (thrown instanceof SignalboxError && thrown.status < 500)
      this.#journal.refused({ ...about, action, by: this.#by }, thrown.code);
  }
}
