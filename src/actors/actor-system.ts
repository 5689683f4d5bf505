import type { Catalogue } from "../catalogue/load-catalogue.ts";
import type { ResourceRef } from "../catalogue/resource-view.ts";
import type { ResourceEvent, TargetStatus } from "../machines/resource/resource-types.ts";
import { DeviceLanes } from "./devices/device-lanes.ts";
import { Gateway } from "./gateway.ts";
import { JobManager } from "./job-manager.ts";
import { awaitTargets } from "./monitoring/await-targets.ts";
import { Monitors } from "./monitoring/monitors.ts";
import { Prober } from "./monitoring/prober.ts";
import type {
  Clock,
  ConfigurationRenderer,
  Controller,
  DocumentStore,
  EventLog,
  Logger,
  Random,
  RouterConnector,
  Secrets,
  SnmpClient,
  StoredRecord,
  WorkQueues,
} from "./ports.ts";
import { Projector } from "./projector.ts";
import { ResourceHost } from "./resource-host.ts";
import { ResourceIndex } from "./resource-index.ts";
import { ResourcePlanner } from "./resource-planner.ts";
import { ControllerStack } from "./workers/controller-stack.ts";
import { HeatWorker } from "./workers/heat-worker.ts";
import { JobWorker } from "./workers/job-worker.ts";
import { MonitoringWorker } from "./workers/monitoring-worker.ts";
import type { OutputsOf } from "./workers/resolve-params.ts";

/** Everything outside that the actors need. */
export interface ActorSystemPorts {
  readonly log: EventLog;
  readonly queues: WorkQueues;
  readonly documents: DocumentStore;
  readonly connector: RouterConnector;
  readonly snmp: SnmpClient;
  readonly controller: Controller;
  readonly secrets: Secrets;
  readonly renderer: ConfigurationRenderer;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface ActorSystemSettings {
  /** Name of this process's workers. */
  readonly name: string;
  /** Project under which the controller's objects are made. */
  readonly project: string;
  /** Jobs that each kind of worker has in hand at once. */
  readonly concurrency: number;
  /** Tries of a job whose failure may pass. */
  readonly attempts: number;
  /** Milliseconds between two looks at a monitored resource. */
  readonly monitoringIntervalMs: number;
  /** Seconds after which a router takes an unconfirmed commit back by itself. */
  readonly confirmTimeoutS: number;
}

/** All actors of one process, wired together: the runtime. */
export class ActorSystem {
  readonly gateway: Gateway;
  readonly index = new ResourceIndex();
  readonly lanes: DeviceLanes;
  private readonly host: ResourceHost;
  private readonly planner: ResourcePlanner;
  private readonly manager: JobManager;
  private readonly projector: Projector;
  private readonly prober: Prober;
  private readonly monitors: Monitors;
  private readonly workers: readonly JobWorker[];
  private readonly ports: ActorSystemPorts;
  private state: "starting" | "ready" | "stopping" = "starting";
  private failure = "";

  constructor(catalogue: Catalogue, ports: ActorSystemPorts, settings: ActorSystemSettings) {
    const { log, queues, clock, random, logger, secrets, connector, documents } = ports;
    this.ports = ports;
    this.planner = new ResourcePlanner(catalogue, this.index, random);
    this.host = new ResourceHost({
      log,
      queues,
      index: this.index,
      clock,
      random,
      logger,
      deliver: (to, event, messageId) => this.deliver(to, event, messageId),
    });
    this.gateway = new Gateway({
      catalogue,
      host: this.host,
      index: this.index,
      planner: this.planner,
      log,
      documents,
      secrets,
      random,
      readiness: () => this.readiness(),
    });
    this.manager = new JobManager({ index: this.index, host: this.host, planner: this.planner, logger });
    this.projector = new Projector({ log, documents, clock, logger });
    this.lanes = new DeviceLanes({
      log,
      connector,
      secrets,
      clock,
      random,
      logger,
      confirmTimeoutS: settings.confirmTimeoutS,
    });
    this.prober = new Prober({
      snmp: ports.snmp,
      connector,
      controller: ports.controller,
      secrets,
      clock,
      logger,
      statusOf: (type, id) => this.operationalVerdict({ type, id }),
    });
    this.monitors = new Monitors({
      index: this.index,
      prober: this.prober,
      clock,
      random,
      logger,
      intervalMs: settings.monitoringIntervalMs,
      report: (ref, version, statuses) => this.report(ref, version, statuses),
    });
    this.workers = this.makeWorkers(catalogue, settings);
  }

  private makeWorkers(catalogue: Catalogue, settings: ActorSystemSettings): JobWorker[] {
    const { queues, clock, logger, renderer } = this.ports;
    const outputsOf: OutputsOf = (ref) => this.index.entry(ref)?.context.outputs;
    const heat = new HeatWorker({
      catalogue,
      renderer,
      lanes: this.lanes,
      controllerStack: new ControllerStack(this.ports.controller, settings.project),
      outputsOf,
    });
    const monitoring = new MonitoringWorker({
      catalogue,
      outputsOf,
      awaitTargets: (targets, signal) => awaitTargets(targets, { prober: this.prober, clock, signal }),
    });
    const shared = { host: this.host, clock, logger, concurrency: settings.concurrency, attempts: settings.attempts };
    return [
      new JobWorker({
        ...shared,
        name: `${settings.name}-heat_worker`,
        queue: queues.queue("heat_worker"),
        run: (job) => heat.run(job),
        leftBehind: (job, error) => heat.leftBehind(job, error),
      }),
      new JobWorker({
        ...shared,
        name: `${settings.name}-monitoring_worker`,
        queue: queues.queue("monitoring_worker"),
        run: (job) => monitoring.run(job),
      }),
    ];
  }

  /** Builds the index, takes up what an earlier life of the process left, and starts to work. */
  async start(): Promise<void> {
    const { log, logger } = this.ports;
    const refused = new Set<string>();
    const unfinished: StoredRecord[] = [];
    const unsubscribe = this.index.onChange(({ stored, record }) => {
      if (record.event === "REJECT") refused.add(stored.subject);
      else if (record.outbox.length > 0) unfinished.push(stored);
    });
    await this.index.start(log, (error) => {
      this.failure = error instanceof Error ? error.message : String(error);
      logger.error({ error: this.failure }, "the log cannot be followed");
    });
    unsubscribe();
    // The process ended between the refusal and the removal of its record.
    for (const subject of refused) await log.purge(subject);
    await this.dropProposals();
    await this.host.recover(unfinished);
    await this.lanes.recover();
    this.manager.start();
    this.projector.start();
    for (const worker of this.workers) worker.start();
    this.monitors.start();
    this.withdrawAnnouncements();
    this.state = "ready";
    logger.info({ resources: [...this.index.all()].length }, "ready");
  }

  /** Nobody waits for the answer to a proposal whose process died: it was never accepted. */
  private async dropProposals(): Promise<void> {
    for (const entry of [...this.index.all()]) {
      if (entry.value.lifecycle === "proposed") await this.gateway.withdraw(entry);
    }
  }

  /** The same for a change or a deletion that was announced and not accepted. */
  private withdrawAnnouncements(): void {
    for (const entry of this.index.all()) {
      const { proposed } = entry.context;
      if (proposed)
        void this.host.command(entry, () => ({ type: "WITHDRAW_UPDATE", token: proposed.token })).catch(() => {});
      if (entry.context.deletionProposed) {
        void this.host
          .command(entry, (snapshot) => (snapshot.context.deletionProposed ? { type: "WITHDRAW_DELETE" } : undefined))
          .catch(() => {});
      }
    }
  }

  /** Finishes what is in hand and stops; the rest goes on at the next start. The ports stay open. */
  async stop(): Promise<void> {
    this.state = "stopping";
    await this.monitors.stop();
    await Promise.all([...this.workers.map((worker) => worker.stop()), this.lanes.stop()]);
    await this.manager.stop();
    await this.host.stop();
    await this.projector.stop();
    await this.prober.close();
    await this.index.stop();
  }

  /** Brings a command to its resource. A repeated one, or one for a resource that is gone, does nothing. */
  private async deliver(to: ResourceRef, event: ResourceEvent, messageId: string): Promise<void> {
    await this.host.command(to, (snapshot) => {
      const { context, value } = snapshot;
      if (context.seen.includes(messageId)) return undefined;
      switch (event.type) {
        case "CREATE":
          return value.lifecycle === "absent" ? { ...event, messageId } : undefined;
        case "UPDATE":
          if (value.lifecycle === "absent" || value.lifecycle === "deleted" || context.markedForDeletion)
            return undefined;
          return this.planner.update(snapshot, event.set, messageId);
        case "DELETE":
          if (value.lifecycle === "absent" || value.lifecycle === "deleted") return undefined;
          return this.gateway.deletion(context.markedForDeletion, to, messageId);
        default:
          return event;
      }
    });
  }

  private async report(
    ref: ResourceRef,
    version: number,
    statuses: Readonly<Record<string, TargetStatus>>,
  ): Promise<void> {
    await this.host.command(ref, (snapshot) =>
      snapshot.context.monitoring?.version === version ? { type: "MONITOR", version, statuses } : undefined,
    );
  }

  private operationalVerdict(ref: ResourceRef): TargetStatus["verdict"] | undefined {
    const entry = this.index.get(ref.type, ref.id);
    if (entry === undefined) return undefined;
    const verdicts = { up: "good", fail: "bad", unavailable: "unavailable", unknown: undefined } as const;
    return verdicts[entry.value.operational];
  }

  private async readiness(): Promise<{ ready: boolean; checks: Record<string, string> }> {
    const log = await this.ports.log.position().then(
      () => "ok",
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    const checks = {
      actors: this.state === "ready" ? "ok" : this.state,
      log,
      index: this.failure === "" ? "ok" : this.failure,
    };
    return { ready: Object.values(checks).every((check) => check === "ok"), checks };
  }
}
