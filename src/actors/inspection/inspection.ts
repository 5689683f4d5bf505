import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { describeMachine } from "../../machines/describe-machine.ts";
import { deviceSessionMachine } from "../../machines/device-session/device-session-machine.ts";
import { targetMachine } from "../../machines/monitoring-target/target-machine.ts";
import { resourceMachine } from "../../machines/resource/resource-machine.ts";
import type { LaneView } from "../devices/device-lanes.ts";
import type { Clock, DocumentStore, EventLog } from "../ports.ts";
import type { ResourceIndex } from "../resource-index.ts";
import { CommitJournal } from "./commit-journal.ts";
import { dependencyGraph } from "./dependency-graph.ts";
import { DeviceBoard } from "./device-board.ts";
import { deviceFeed } from "./device-feed.ts";
import { Fleet } from "./fleet.ts";
import { fleetFeed } from "./fleet-feed.ts";
import type {
  ConfigurationVersion,
  DependencyGraph,
  DeviceReport,
  DocumentHistory,
  FeedPosition,
  FleetEvent,
  FleetPage,
  FleetQuery,
  InspectionApi,
  MonitoringPage,
  MonitoringQuery,
  ReadAccess,
  ResourceHistory,
} from "./inspection-api.ts";
import { SecretMask } from "./mask-secrets.ts";
import { MonitoringBoard } from "./monitoring-board.ts";
import { ResourcePast } from "./resource-past.ts";
import { TenantInspection } from "./tenant-inspection.ts";

export interface InspectionOptions {
  readonly types: Iterable<TypeSchema>;
  readonly index: ResourceIndex;
  readonly log: EventLog;
  readonly documents: DocumentStore;
  readonly clock: Clock;
  /** Of this process. */
  readonly name: string;
  readonly lanes: () => readonly LaneView[];
}

interface Ref {
  readonly type: string;
  readonly id: string;
}

/** The read side of the visualiser. It changes nothing, and all that it keeps is derived from the log. Make it before the index starts. */
export class Inspection implements InspectionApi {
  readonly machines = [resourceMachine, deviceSessionMachine, targetMachine].map((machine) => describeMachine(machine));
  readonly #options: InspectionOptions;
  readonly #mask: (text: string) => string;
  readonly #fleet: Fleet;
  readonly #past: ResourcePast;
  readonly #journal = new CommitJournal();
  readonly #devices: DeviceBoard;
  readonly #monitoring: MonitoringBoard;
  readonly #tenant: TenantInspection;

  constructor(options: InspectionOptions) {
    this.#options = options;
    const { index, log, documents, clock, name, lanes } = options;
    const types = [...options.types];
    const mask = new SecretMask(types.flatMap(({ fields }) => namesOfSecrets(fields)));
    this.#mask = (text) => mask.text(text);
    this.#fleet = new Fleet(index, clock, this.#mask);
    this.#past = new ResourcePast(log, mask);
    this.#devices = new DeviceBoard({ index, documents, journal: this.#journal, mask, types, name, lanes });
    this.#tenant = new TenantInspection(index);
    this.#monitoring = new MonitoringBoard({ index, log, clock, mask: this.#mask });
    index.onOtherRecord((stored) => this.#journal.observe(stored));
  }

  /** Reads what the index does not keep. */
  async start(): Promise<void> {
    await this.#journal.load(this.#options.log);
  }

  fleet(access: ReadAccess, query: FleetQuery): FleetPage {
    const page = this.#fleet.page(access, query);
    return access.everything ? page : { ...page, rows: page.rows.map((row) => this.#tenant.row(access, row)) };
  }

  events(
    access: ReadAccess,
    options: { from: number; of?: Ref; signal: AbortSignal },
  ): AsyncIterable<FleetEvent | FeedPosition> {
    const events = fleetFeed(this.#options.log, access, { ...options, mask: this.#mask });
    return access.everything ? events : this.#tenant.events(access, events);
  }

  async history(access: ReadAccess, ref: Ref, options: { after: number; limit: number }): Promise<ResourceHistory> {
    const history = await this.#past.history(access, ref, options);
    return access.everything ? history : this.#tenant.history(access, history);
  }

  async documents(access: ReadAccess, ref: Ref): Promise<DocumentHistory[]> {
    const documents = await this.#past.documents(access, ref);
    return access.everything ? documents : this.#tenant.documents(access, documents);
  }

  async configuration(access: ReadAccess, ref: Ref): Promise<ConfigurationVersion[]> {
    const versions = await this.#past.configuration(access, ref);
    return access.everything ? versions : this.#tenant.configuration(versions);
  }

  graph(access: ReadAccess, ref: Ref): DependencyGraph {
    const graph = dependencyGraph(this.#options.index, access, ref, this.#mask);
    return access.everything ? graph : this.#tenant.graph(access, graph);
  }

  async devices(access: ReadAccess): Promise<DeviceReport[]> {
    const devices = await this.#devices.devices(access);
    return access.everything ? devices : this.#tenant.devices(devices);
  }

  deviceEvents(access: ReadAccess, signal: AbortSignal): AsyncIterable<DeviceReport[]> {
    return deviceFeed(() => this.devices(access), this.#options.clock, signal);
  }

  async monitoring(access: ReadAccess, query: MonitoringQuery): Promise<MonitoringPage> {
    const page = await this.#monitoring.page(access, query);
    return access.everything ? page : { ...page, rows: page.rows.map((row) => this.#tenant.monitoring(access, row)) };
  }
}

/** Those in the members of fields included. */
function namesOfSecrets(fields: TypeSchema["fields"]): string[] {
  return Object.entries(fields).flatMap(([name, field]) => [
    ...(field.secret === true ? [name] : []),
    ...(field.properties === undefined ? [] : namesOfSecrets(field.properties)),
    ...(field.items?.properties === undefined ? [] : namesOfSecrets(field.items.properties)),
  ]);
}
