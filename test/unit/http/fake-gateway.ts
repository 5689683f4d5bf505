import { EMPTY_CHAIN } from "../../../src/actors/audit/audit-chain.ts";
import type { AuditPage, AuditQuery } from "../../../src/actors/audit/audit-view.ts";
import type { AuditExport } from "../../../src/actors/audit/verify-audit.ts";
import type { DryRun, DryRunRequest } from "../../../src/actors/dry-run/dry-run.ts";
import type {
  GatewayApi,
  JobView,
  JsonObject,
  ListQuery,
  RequestOptions,
  ResourcePage,
  ResourceView,
  TransitionView,
} from "../../../src/actors/gateway-api.ts";
import type { DocumentChange, Json, StoredDocument } from "../../../src/actors/ports.ts";
import type { Reseal, SealedReport } from "../../../src/actors/secrets/sealed-report.ts";
import type { FieldSchema, TypeSchema } from "../../../src/catalogue/field-schema.ts";
import { SignalboxError } from "../../../src/errors.ts";

const set: FieldSchema["writable"] = ["create", "update"];
const states: Record<string, FieldSchema> = {
  id: { type: "string", format: "hyph-uuid", unique: true, writable: [] },
  status: { type: "string", default: "NO_STATE", writable: [] },
  orchestration_state: { type: "string", default: "NO_STATE", writable: [] },
  operational_state: { type: "string", default: "NO_STATE", writable: [] },
};

export const fakeTypes: readonly TypeSchema[] = [
  {
    type: "edge_router",
    collection: "edge_routers",
    infrastructure: false,
    title: "A router at the edge",
    fields: {
      ...states,
      name: { type: "string", default: "", writable: set },
      ip: { type: "string", format: "ipv4", unique: true, required: true, writable: ["create"] },
      ssh_port: { type: "integer", minimum: 1, maximum: 65535, default: 830, writable: set },
      password: { type: "string", secret: true, default: "", writable: set },
      enabled: { type: "boolean", default: true, writable: set },
      tags: { type: "object", items: { type: "string", writable: set }, default: {}, writable: set },
      kind: { type: ["string", "null"], enum: ["mx", "vmx"], writable: set },
    },
  },
  {
    type: "gw_interface",
    collection: "gw_interfaces",
    infrastructure: false,
    title: "An interface of a gateway",
    parent: "edge_router",
    fields: {
      ...states,
      name: { type: "string", writable: set },
      vrid: { type: "integer", minimum: 1, maximum: 255, writable: ["create"] },
      edge_router_id: { type: "string", format: "hyph-uuid-or-empty", relation: "edge_router", writable: ["create"] },
      fixed_ips: {
        type: "array",
        items: {
          type: "object",
          properties: { ip_address: { type: "string", required: true, writable: set } },
          writable: set,
        },
        writable: set,
      },
    },
  },
  {
    type: "vpn_service",
    collection: "vpn_services",
    infrastructure: false,
    title: "A service without status",
    fields: { id: { type: "string", writable: [] }, name: { type: "string", writable: set } },
  },
];

interface Held {
  type: string;
  version: number;
  fields: Record<string, Json | undefined>;
}

/**
 * A gateway in memory. Every command makes transitions and documents as the real one does, some turns of the event loop
 * later; a resource called "broken" fails, one called "slow" stays PENDING until `finish` is called, one called "down" is
 * ACTIVE but not UP.
 */
export class FakeGateway implements GatewayApi {
  readonly types = fakeTypes;
  readonly log: TransitionView[] = [];
  readonly writes: DocumentChange[] = [];
  /** Signals of streams that were opened, to see them aborted. */
  readonly signals: AbortSignal[] = [];
  ready = true;
  /** Thrown by the next call of `get`. */
  failure: Error | undefined;
  readonly #held = new Map<string, Held>();
  readonly #documents = new Map<string, StoredDocument>();
  #wake: Array<() => void> = [];
  #ids = 0;

  async create(type: string, fields: JsonObject): Promise<ResourceView> {
    const schema = this.#schema(type);
    const unknown = Object.keys(fields).filter((name) => schema.fields[name]?.writable.includes("create") !== true);
    if (unknown.length > 0) {
      throw new SignalboxError("SB_INVALID_BODY", `${type} has no such field.`, {
        fields: unknown.map((name) => ({ pointer: `/${name}`, detail: "is not a field that can be set" })),
      });
    }
    const taken = [...this.#held.values()].find((each) => fields.ip !== undefined && each.fields.ip === fields.ip);
    if (taken !== undefined) throw new SignalboxError("SB_UNIQUE_TAKEN", `ip ${String(fields.ip)} is taken.`);
    const related = fields.edge_router_id;
    if (typeof related === "string" && related !== "" && !this.#held.has(related)) {
      throw new SignalboxError("SB_RELATION_NOT_FOUND", `There is no edge_router ${related}.`, {
        fields: [{ pointer: "/edge_router_id", detail: "does not exist" }],
      });
    }
    this.#ids += 1;
    const id = `00000000-0000-4000-8000-${String(this.#ids).padStart(12, "0")}`;
    const held: Held = { type, version: 1, fields: { ...fields, id, ...this.#states(type, "PENDING_CREATE") } };
    this.#held.set(id, held);
    this.#transition(held, "CREATE", "create.working");
    this.#later(held);
    return this.#view(held);
  }

  async get(type: string, id: string): Promise<ResourceView> {
    if (this.failure !== undefined) throw this.failure;
    return this.#view(this.#find(type, id));
  }

  versionOf(answer: ResourceView): number | undefined {
    return this.#held.get(String(answer.id))?.version;
  }

  async list(type: string, query: ListQuery): Promise<ResourcePage> {
    const { filters = {}, sort = [], offset = 0, limit = Number.POSITIVE_INFINITY, fields } = query;
    const matching = [...this.#held.values()]
      .filter((held) => held.type === type)
      .filter(({ fields: body }) =>
        Object.entries(filters).every(([name, values]) => values.includes(String(body[name]))),
      )
      .map((held) => this.#view(held));
    for (const { field, descending } of sort.toReversed()) {
      matching.sort((a, b) => String(a[field]).localeCompare(String(b[field])) * (descending ? -1 : 1));
    }
    const resources = matching
      .slice(offset, offset + limit)
      .map((view) => Object.fromEntries(Object.entries(view).filter(([name]) => fields?.includes(name) ?? true)));
    return { resources, total: matching.length };
  }

  async update(type: string, id: string, fields: JsonObject, options: RequestOptions = {}): Promise<ResourceView> {
    const held = this.#find(type, id, options);
    held.version += 1;
    held.fields = { ...held.fields, ...fields, ...this.#states(type, "PENDING_UPDATE") };
    this.#transition(held, "UPDATE", "update.working");
    this.#later(held);
    return this.#view(held);
  }

  async remove(type: string, id: string, options: RequestOptions = {}): Promise<void> {
    const held = this.#find(type, id, options);
    const user = [...this.#held.values()].find((each) => each.fields.edge_router_id === id);
    if (user !== undefined) {
      throw new SignalboxError("SB_REFERENCED", `${type} ${id} is used by ${user.type} ${String(user.fields.id)}.`);
    }
    held.fields = { ...held.fields, ...this.#states(type, "PENDING_DELETE") };
    this.#transition(held, "DELETE", "delete.working");
    setImmediate(() => {
      this.#held.delete(id);
      this.#transition(held, "JOB_FINISHED", "deleted", { deleted: true });
    });
  }

  async retry(type: string, id: string, options: RequestOptions = {}): Promise<ResourceView> {
    const held = this.#find(type, id, options);
    if (held.fields.status !== "ERROR") throw new SignalboxError("SB_NOT_RETRYABLE", `${type} ${id} has not failed.`);
    held.fields.name = "mended";
    held.fields.status = "PENDING_CREATE";
    this.#transition(held, "RETRY", "create.working");
    this.#later(held);
    return this.#view(held);
  }

  async dryRun(type: string, request: DryRunRequest, options: RequestOptions = {}): Promise<DryRun> {
    const resource = request.action === "create" ? request.fields : this.#view(this.#find(type, request.id, options));
    return { resource, dependents: [], allocations: [], jobs: [], devices: [] };
  }

  readonly audited: AuditQuery[] = [];
  async audit(query: AuditQuery): Promise<AuditPage> {
    this.audited.push(query);
    return { entries: [], next: null };
  }

  async auditExport(): Promise<AuditExport> {
    return { begin: { head: EMPTY_CHAIN, sweptTo: 0 }, entries: (async function* () {})() };
  }

  async sealed(change?: Reseal): Promise<SealedReport> {
    const resealed = { resources: change === undefined ? 0 : 2, secrets: change === undefined ? 0 : 3 };
    const purged = change?.purge === true ? 4 : 0;
    return { key: "newer", keys: {}, needed: [], inHistory: [], resealed, purged, left: [] };
  }

  /** Completes a resource that stays pending. */
  finish(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) throw new Error(`nothing called ${id}`);
    this.#complete(held);
  }

  async *transitions(options: { from: number; follow: boolean; signal: AbortSignal }): AsyncIterable<TransitionView> {
    this.signals.push(options.signal);
    const { from, follow, signal } = options;
    yield* this.#tail(() => this.log.filter((each) => each.seq >= from), follow, signal);
  }

  async documents(prefix: string): Promise<StoredDocument[]> {
    return [...this.#documents.values()]
      .filter((each) => each.key.startsWith(prefix))
      .sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async *watchDocuments(
    prefix: string,
    options: { fromStart: boolean; signal: AbortSignal },
  ): AsyncIterable<DocumentChange> {
    this.signals.push(options.signal);
    const skip = options.fromStart ? 0 : this.writes.length;
    const writes = () => this.writes.slice(skip).filter((each) => each.key.startsWith(prefix));
    yield* this.#tail(writes, true, options.signal);
  }

  async readiness() {
    return { ready: this.ready, checks: { log: this.ready ? "ok" : "no connection" } };
  }

  async *#tail<T>(all: () => readonly T[], follow: boolean, signal: AbortSignal): AsyncIterable<T> {
    let seen = 0;
    while (!signal.aborted) {
      const items = all();
      const next = items[seen];
      if (next !== undefined) {
        seen += 1;
        yield next;
      } else if (!follow) return;
      else {
        await new Promise<void>((resolve) => {
          const wake = () => {
            signal.removeEventListener("abort", wake);
            resolve();
          };
          this.#wake.push(wake);
          signal.addEventListener("abort", wake);
        });
      }
    }
  }

  #later(held: Held): void {
    if (held.fields.name !== "slow") setImmediate(() => setImmediate(() => this.#complete(held)));
  }

  #complete(held: Held): void {
    const failed = held.fields.name === "broken";
    const verb = held.version === 1 ? "create" : "update";
    Object.assign(held.fields, this.#states(held.type, failed ? "ERROR" : "ACTIVE"));
    if (this.#schema(held.type).fields.status === undefined) {
      this.#transition(held, "READ", "read_completed");
      return;
    }
    if (failed) {
      this.#transition(held, "JOB_FAILED", `${verb}_failed`, { error: "SB_LOAD_REJECTED: no" });
      return;
    }
    if (held.fields.name !== "down") {
      held.fields.operational_state = "UP";
      const address = String(held.fields.ip ?? "10.0.0.1");
      this.#write(`/monitoring/v2.0/${this.#schema(held.type).collection}/${String(held.fields.id)}`, {
        state: "UP",
        address,
      });
    }
    this.#transition(held, "JOB_FINISHED", `${verb}_completed`);
  }

  #states(type: string, status: string): Record<string, string> {
    if (this.#schema(type).fields.status === undefined) return {};
    const phase = status === "ACTIVE" ? "COMPLETE" : status === "ERROR" ? "FAILED" : "IN_PROGRESS";
    return { status, orchestration_state: `CREATE_${phase}`, operational_state: "NO_STATE" };
  }

  #transition(held: Held, event: string, state: string, more: Partial<TransitionView> = {}): void {
    const { collection } = this.#schema(held.type);
    const id = String(held.fields.id);
    const done = state.includes("completed");
    const job: JobView = {
      id: `create:monitoring_worker:${held.type}:${id}:${held.version}:abcde`,
      action: "create",
      handler: "monitoring_worker",
      phase: done ? "finished" : "working",
      waitsFor: [],
      attempt: 1,
      devices: ["10.79.5.184"],
    };
    this.log.push({
      seq: this.log.length + 1,
      time: 1_700_000_000_000 + this.log.length * 250,
      type: held.type,
      id,
      name: String(held.fields.name ?? ""),
      version: held.version,
      event,
      state,
      status: (held.fields.status as string | undefined) ?? null,
      orchestrationState: String(held.fields.orchestration_state ?? ""),
      operationalState: String(held.fields.operational_state ?? "NO_STATE"),
      jobs: held.type === "vpn_service" ? [] : [job],
      error: "",
      deleted: false,
      ...more,
    });
    const gone = more.deleted === true;
    this.#write(`/config/v2.0/${collection}/${id}`, gone ? null : { body: { ...held.fields }, version: held.version });
    if (done || gone) {
      this.#write(`/state/v2.0/${collection}/${id}`, gone ? null : { state: {}, version: held.version, error: "" });
    }
    for (const wake of this.#wake.splice(0)) wake();
  }

  #write(key: string, value: Json): void {
    const revision = this.writes.length + 1;
    this.writes.push({ key, value, revision });
    if (value === null) this.#documents.delete(key);
    else this.#documents.set(key, { key, value, revision });
  }

  #schema(type: string): TypeSchema {
    const schema = fakeTypes.find((each) => each.type === type);
    if (schema === undefined) throw new Error(`no type ${type}`);
    return schema;
  }

  #find(type: string, id: string, { onlyVersions }: RequestOptions = {}): Held {
    const held = this.#held.get(id);
    if (held?.type !== type) throw new SignalboxError("SB_NOT_FOUND", `There is no ${type} ${id}.`);
    if (onlyVersions?.includes(String(held.version)) === false) {
      const message = `${type} ${id} is at version ${held.version}, not ${onlyVersions.join(" or ")}.`;
      throw new SignalboxError("SB_VERSION_CONFLICT", message);
    }
    return held;
  }

  #view(held: Held): ResourceView {
    const fields = Object.keys(this.#schema(held.type).fields);
    return Object.fromEntries(
      fields.map((name) => {
        const value = held.fields[name] ?? null;
        return [name, name === "password" && value !== null ? "***" : value];
      }),
    );
  }
}
