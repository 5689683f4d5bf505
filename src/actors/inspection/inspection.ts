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
  DependencyGraph,
  DeviceReport,
  FeedPosition,
  FleetEvent,
  FleetPage,
  FleetQuery,
  InspectionApi,
  MonitoringPage,
  MonitoringQuery,
  ReadAccess,
} from "./inspection-api.ts";
import { SecretMask } from "./mask-secrets.ts";
import { MonitoringBoard } from "./monitoring-board.ts";
import { ResourcePast } from "./resource-past.ts";

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

  constructor(options: InspectionOptions) {
    this.#options = options;
    const { index, log, documents, clock, name, lanes } = options;
    const types = [...options.types];
    const mask = new SecretMask(types.flatMap(({ fields }) => namesOfSecrets(fields)));
    this.#mask = (text) => mask.text(text);
    this.#fleet = new Fleet(index, clock, this.#mask);
    this.#past = new ResourcePast(log, mask);
    this.#devices = new DeviceBoard({ index, documents, journal: this.#journal, mask, types, name, lanes });
    this.#monitoring = new MonitoringBoard({ index, log, clock, mask: this.#mask });
    index.onOtherRecord((stored) => this.#journal.observe(stored));
  }

  /** Reads what the index does not keep. */
  async start(): Promise<void> {
    await this.#journal.load(this.#options.log);
  }

  fleet(access: ReadAccess, query: FleetQuery): FleetPage {
    return this.#fleet.page(access, query);
  }

  events(
    access: ReadAccess,
    options: { from: number; of?: Ref; signal: AbortSignal },
  ): AsyncIterable<FleetEvent | FeedPosition> {
    return fleetFeed(this.#options.log, access, { ...options, mask: this.#mask });
  }

  history(access: ReadAccess, ref: Ref, options: { after: number; limit: number }) {
    return this.#past.history(access, ref, options);
  }

  documents(access: ReadAccess, ref: Ref) {
    return this.#past.documents(access, ref);
  }

  configuration(access: ReadAccess, ref: Ref) {
    return this.#past.configuration(access, ref);
  }

  graph(access: ReadAccess, ref: Ref): DependencyGraph {
    return dependencyGraph(this.#options.index, access, ref, this.#mask);
  }

  devices(access: ReadAccess): Promise<DeviceReport[]> {
    return this.#devices.devices(access);
  }

  deviceEvents(access: ReadAccess, signal: AbortSignal): AsyncIterable<DeviceReport[]> {
    return deviceFeed(() => this.#devices.devices(access), this.#options.clock, signal);
  }

  monitoring(access: ReadAccess, query: MonitoringQuery): Promise<MonitoringPage> {
    return this.#monitoring.page(access, query);
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
