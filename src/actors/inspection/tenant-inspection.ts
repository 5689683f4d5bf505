import { jobForTenant, reportForTenant, type Sees } from "../access/tenant-view.ts";
import type { Json } from "../ports.ts";
import { isAccepted, type ResourceIndex } from "../resource-index.ts";
import { resourceOfJob } from "../resource-of-job.ts";
import type {
  ConfigurationVersion,
  DependencyGraph,
  DeviceReport,
  DocumentHistory,
  FeedPosition,
  FleetEvent,
  FleetRow,
  MonitoringRow,
  ReadAccess,
  ResourceHistory,
} from "./inspection-api.ts";

/**
 * What the visualiser shows, as a tenant is told it: errors by their codes, devices by numbers instead of addresses, jobs and targets of
 * resources that it does not see left out. A device has the same number for all tenants as long as the process lives.
 */
export class TenantInspection {
  readonly #index: ResourceIndex;
  readonly #numbers = new Map<string, number>();

  constructor(index: ResourceIndex) {
    this.#index = index;
  }

  row(access: ReadAccess, row: FleetRow): FleetRow {
    return { ...row, devices: [], error: reportForTenant(row.error, this.#sees(access)) };
  }

  async *events(
    access: ReadAccess,
    events: AsyncIterable<FleetEvent | FeedPosition>,
  ): AsyncIterable<FleetEvent | FeedPosition> {
    for await (const event of events) {
      yield event.kind === "transition" ? { ...event, row: this.row(access, event.row) } : event;
    }
  }

  history(access: ReadAccess, history: ResourceHistory): ResourceHistory {
    const sees = this.#sees(access);
    const steps = history.steps.map((step) => ({
      ...step,
      error: reportForTenant(step.error, sees),
      jobs: step.jobs.map((job) => jobForTenant(job, sees)),
    }));
    return { ...history, steps };
  }

  documents(access: ReadAccess, documents: readonly DocumentHistory[]): DocumentHistory[] {
    const sees = this.#sees(access);
    return documents.map(({ key, writes }) => ({
      key,
      writes: writes.map((write) => ({ ...write, value: withoutReport(write.value, sees) })),
    }));
  }

  configuration(versions: readonly ConfigurationVersion[]): ConfigurationVersion[] {
    return versions.map((version) => ({
      ...version,
      routers: version.routers.map((router) => ({ ...router, host: this.#deviceOf(router.host) })),
    }));
  }

  graph(access: ReadAccess, graph: DependencyGraph): DependencyGraph {
    const sees = this.#sees(access);
    return {
      ...graph,
      nodes: graph.nodes.map((node) => ({ ...node, error: reportForTenant(node.error, sees) })),
      edges: graph.edges.map((edge) => ({ ...edge, jobs: edge.jobs.filter((id) => sees(resourceOfJob(id))) })),
    };
  }

  devices(devices: readonly DeviceReport[]): DeviceReport[] {
    return devices.map((device) => ({
      ...device,
      host: this.#deviceOf(device.host),
      lanes: device.lanes.map((lane) => {
        const hosts = lane.hosts.map((host) => this.#deviceOf(host));
        return { ...lane, hosts, id: hosts.join(",") };
      }),
    }));
  }

  monitoring(access: ReadAccess, row: MonitoringRow): MonitoringRow {
    const sees = this.#sees(access);
    return {
      ...row,
      targets: row.targets.map((target) => ({
        ...target,
        about: this.#aboutOf(target.about, sees),
        reason: reportForTenant(target.reason, sees),
      })),
    };
  }

  /** `type id` of a resource, a device's address, or the name of an object on the controller. */
  #aboutOf(about: string, sees: Sees): string {
    const [, type, id] = /^([a-z][a-z0-9_]*) ([A-Za-z0-9_-]+)$/.exec(about) ?? [];
    if (type !== undefined && id !== undefined) return sees({ type, id }) ? about : type;
    return about.includes(":") && !/^[0-9a-f:.]+$/i.test(about) ? "the controller" : this.#deviceOf(about);
  }

  #deviceOf(host: string): string {
    const number = this.#numbers.get(host) ?? this.#numbers.size + 1;
    this.#numbers.set(host, number);
    return `device ${number}`;
  }

  #sees(access: ReadAccess): Sees {
    return (ref) => {
      const entry = this.#index.entry(ref);
      return entry !== undefined && isAccepted(entry) && access.mayRead(ref.type, entry.context.body);
    };
  }
}

/** A document of a resource's state has the report of its error. */
function withoutReport(value: Json, sees: Sees): Json {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const { error } = value as { readonly error?: Json };
  return typeof error === "string" ? { ...value, error: reportForTenant(error, sees) } : value;
}
