import { DeviceNetworks } from "../catalogue/device-networks.ts";
import type { Catalogue } from "../catalogue/load-catalogue.ts";
import type { ResourceRef } from "../catalogue/resource-view.ts";
import { asSignalboxError, SignalboxError } from "../errors.ts";
import type { ResourceEvent, TargetStatus } from "../machines/resource/resource-types.ts";
import { tenantKey } from "./access/caller.ts";
import { PendingWork } from "./access/pending-work.ts";
import { type QuotaSettings, Quotas } from "./access/quotas.ts";
import { AuditJournal } from "./audit/audit-journal.ts";
import { AuditSweep } from "./audit/audit-sweep.ts";
import { AuditTrail } from "./audit/audit-trail.ts";
import { CallersHost } from "./callers-host.ts";
import { CatalogueFit } from "./catalogue-fit.ts";
import { DeviceLeases } from "./cluster/device-leases.ts";
import { type Exclusive, exclusiveBy } from "./cluster/exclusive.ts";
import { Membership } from "./cluster/membership.ts";
import { type Role, shareOf } from "./cluster/shares.ts";
import type { AddressRefusal } from "./devices/device-address-fields.ts";
import { DeviceLanes } from "./devices/device-lanes.ts";
import { Gateway } from "./gateway.ts";
import { Inspection } from "./inspection/inspection.ts";
import { LaneReports } from "./inspection/lane-reports.ts";
import { JobManager } from "./job-manager.ts";
import { LogGuard } from "./log-identity/log-guard.ts";
import { requireOwnLog } from "./log-identity/require-own-log.ts";
import { awaitTargets } from "./monitoring/await-targets.ts";
import { Monitors } from "./monitoring/monitors.ts";
import { Prober } from "./monitoring/prober.ts";
import { Outbox } from "./outbox.ts";
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
  WorkQueues,
} from "./ports.ts";
import { Projector } from "./projector.ts";
import { Proposals } from "./proposals.ts";
import { readAll } from "./read-all.ts";
import { RefusedProposals } from "./refused-proposals.ts";
import { ResourceHost } from "./resource-host.ts";
import { keyOf, ResourceIndex } from "./resource-index.ts";
import { ResourcePlanner } from "./resource-planner.ts";
import { Retractions } from "./retractions.ts";
import { SealPlaces } from "./secrets/seal-places.ts";
import { ControllerStack } from "./workers/controller-stack.ts";
import { HeatWorker } from "./workers/heat-worker.ts";
import { JobWorker, type JobWorkerOptions } from "./workers/job-worker.ts";
import { MonitoringWorker } from "./workers/monitoring-worker.ts";
import type { OutputsOf } from "./workers/resolve-params.ts";
import { offerJob, queueName, WorkShares } from "./workers/work-shares.ts";

const anyNetworks = new DeviceNetworks();

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
  /** Why a device may not be contacted at an address; by default devices may be wherever any can be. */
  readonly addressRefusal?: AddressRefusal;
  /** By name of a server that the stores are on: undefined when it is well, else what is wrong. Nothing when not given. */
  readonly storesHealthy?: () => Promise<Readonly<Record<string, SignalboxError | undefined>>>;
}

export interface ActorSystemSettings {
  /** Name of this process's workers. */
  readonly name: string;
  readonly quotas?: QuotaSettings | undefined;
  /** What this process does. */
  readonly roles: readonly Role[];
  /** A process that says nothing for so long counts as dead and its share moves, milliseconds. */
  readonly memberTtlMs: number;
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
  /** Age up to which it is kept who did what, days; default 400. */
  readonly auditKeepDays?: number;
  /** Other processes share the stores: they are told how the lanes of this one stand. */
  readonly shared?: boolean;
}

/** Who asks whether this process is ready gets an answer within so long, milliseconds. */
const READINESS_MS = 2_000;

/** The actors of one process, wired together: the runtime. Which of them work depends on the roles of the process. */
export class ActorSystem {
  readonly gateway: Gateway;
  readonly index = new ResourceIndex();
  readonly lanes: DeviceLanes;
  readonly membership: Membership;
  /** What is asked for and makes no record of a resource. */
  readonly auditJournal: AuditJournal;
  /** The read side of the visualiser; in a gateway only. */
  readonly inspection: Inspection | undefined;
  private readonly log: LogGuard;
  private readonly fit: CatalogueFit;
  private readonly laneReports: LaneReports | undefined;
  private readonly host: ResourceHost;
  private readonly retractions: Retractions;
  private readonly planner: ResourcePlanner;
  private readonly outbox: Outbox;
  private readonly proposals: Proposals;
  private readonly manager: JobManager;
  private readonly projector: Projector;
  private readonly sweep: AuditSweep;
  private readonly sealPlaces: SealPlaces;
  private readonly prober: Prober;
  private readonly monitors: Monitors;
  private readonly work: WorkShares;
  private readonly ports: ActorSystemPorts;
  private readonly roles: ReadonlySet<Role>;
  private state: "starting" | "ready" | "stopping" = "starting";
  private failure = "";
  private readonly stopping = new AbortController();
  /** Of the log. */
  private identity: string | undefined;

  constructor(catalogue: Catalogue, ports: ActorSystemPorts, settings: ActorSystemSettings) {
    const { queues, clock, random, logger, secrets, connector, documents } = ports;
    this.log = new LogGuard({ log: ports.log, clock, logger, random });
    const { log } = this;
    const identity = () => this.identity;
    this.ports = ports;
    this.roles = new Set(settings.roles);
    // A process that was started again is another one: what the one before had in hand is nobody's.
    const name = `${settings.name}-${random.suffix(6)}`;
    const { index } = this;
    const { roles, memberTtlMs: ttlMs } = settings;
    this.membership = new Membership({ documents, clock, logger, name, roles, ttlMs });
    const { membership } = this;
    this.fit = new CatalogueFit(catalogue);
    this.fit.observe(index);
    this.planner = new ResourcePlanner(catalogue, index, random);
    this.host = new ResourceHost({ log, index, random, logger });
    const { host, planner } = this;
    const refused = new RefusedProposals({ log, membership, clock, logger });
    index.onChange(refused.note);
    const quotas = new Quotas(settings.quotas);
    const trail = new AuditTrail({ documents, clock });
    index.onChange(trail.note);
    index.onOtherRecord((stored) => trail.noteOther(stored));
    this.auditJournal = new AuditJournal({ log, clock, random, logger });
    this.retractions = new Retractions({ host, index, clock, logger });
    this.gateway = new Gateway({
      catalogue,
      host: new CallersHost(host, log),
      retractions: this.retractions,
      index,
      planner,
      log,
      documents,
      secrets,
      renderer: ports.renderer,
      addressRefusal: ports.addressRefusal ?? ((address) => anyNetworks.refusal(address)),
      trail,
      random,
      clock,
      logger,
      name,
      refused,
      quotas,
      pending: new PendingWork(index, settings.quotas?.pending),
      readiness: () => this.readiness(),
    });
    this.outbox = new Outbox({
      log,
      documents,
      index,
      membership,
      clock,
      logger,
      identity,
      command: (to, event, messageId) => this.deliver(to, event, messageId),
      offer: (item) => offerJob(queues, item),
    });
    const { creations } = this.gateway;
    this.proposals = new Proposals({ index, host, creations, refused, membership, clock, logger });
    this.manager = new JobManager({ index, host, planner, outbox: this.outbox, clock, logger });
    this.projector = new Projector({ log, documents, clock, logger, identity });
    const { auditKeepDays: keepDays = 400 } = settings;
    this.sweep = new AuditSweep({ log, documents, membership, clock, logger, keepDays });
    const leases = new DeviceLeases({ documents, membership, clock });
    this.lanes = new DeviceLanes({
      log,
      connector,
      secrets,
      clock,
      random,
      logger,
      confirmTimeoutS: settings.confirmTimeoutS,
      others: {
        name,
        acquire: (device, signal) => leases.acquire(device, signal),
        caughtUp: () => readAll({ index, log, clock }),
        owns: (laneId) => membership.owns("worker", shareOf(laneId)),
      },
    });
    index.onOtherRecord((stored) => this.lanes.observe(stored));
    const lanes = () => this.lanes.lanes();
    this.inspection = this.roles.has("gateway")
      ? new Inspection({ types: catalogue.types.values(), index, log, documents, clock, name, lanes })
      : undefined;
    this.laneReports =
      settings.shared === true && this.roles.has("worker")
        ? new LaneReports({ documents, clock, logger, name, lanes, leaseId: () => membership.leaseId() })
        : undefined;
    this.sealPlaces = new SealPlaces({
      index,
      secrets,
      secretFields: (type) => planner.secretFields(type),
      caughtUp: () => readAll({ index, log, clock }),
    });
    this.prober = new Prober({
      mayLogIn: (host, password) => this.sealPlaces.requireLogin(host, password),
      snmp: ports.snmp,
      connector,
      controller: ports.controller,
      secrets,
      clock,
      logger,
      statusOf: (type, id) => this.operationalVerdict({ type, id }),
    });
    this.monitors = new Monitors({
      index,
      prober: this.prober,
      clock,
      random,
      logger,
      intervalMs: settings.monitoringIntervalMs,
      owns: (ref) => membership.owns("monitor", shareOf(keyOf(ref))),
      report: (ref, version, statuses) => this.report(ref, version, statuses),
    });
    const makeWorkers = this.workerMaker(catalogue, settings, exclusiveBy(leases, this.stopping.signal));
    this.work = new WorkShares({ membership, makeWorkers });
  }

  /** Makes the workers of one share, one per handler. */
  private workerMaker(
    catalogue: Catalogue,
    settings: ActorSystemSettings,
    exclusive: Exclusive,
  ): (share: number) => JobWorker[] {
    const { queues, clock, logger, renderer } = this.ports;
    const outputsOf: OutputsOf = (ref) => this.index.entry(ref)?.context.outputs;
    const heat = new HeatWorker({
      catalogue,
      renderer,
      lanes: this.lanes,
      controllerStack: new ControllerStack({
        controller: this.ports.controller,
        project: settings.project,
        exclusive,
      }),
      outputsOf,
      sealPlaces: this.sealPlaces,
    });
    const monitoring = new MonitoringWorker({
      catalogue,
      outputsOf,
      awaitTargets: (targets, signal) => awaitTargets(targets, { prober: this.prober, clock, signal }),
    });
    const { concurrency, attempts } = settings;
    const worker = (handler: string, share: number, jobs: Pick<JobWorkerOptions, "run" | "leftBehind">) =>
      new JobWorker({
        ...jobs,
        host: this.host,
        clock,
        logger,
        concurrency,
        attempts,
        turnOf: (ref) => tenantKey(this.index.entry(ref)?.body["tenant_id"]) ?? "",
        name: `${settings.name}-${handler}`,
        queue: queues.queue(queueName(handler, share)),
      });
    return (share) => [
      worker("heat_worker", share, {
        run: (job) => heat.run(job),
        leftBehind: (job) => heat.leftBehind(job),
      }),
      worker("monitoring_worker", share, { run: (job) => monitoring.run(job) }),
    ];
  }

  /** Joins the other processes, builds the index, takes up what is this one's to do and starts to work. After a failure it has left them. */
  async start(): Promise<void> {
    try {
      await this.begin();
    } catch (error) {
      await this.index.stop();
      await this.membership.leave();
      await this.log.stop();
      throw error;
    }
  }

  private async begin(): Promise<void> {
    const { log } = this;
    const { logger } = this.ports;
    this.identity = await requireOwnLog({ ...this.ports, log });
    log.watch(this.identity);
    await this.membership.start();
    await this.index.start(log, (error) => {
      this.failure = error instanceof Error ? error.message : String(error);
      logger.error({ error: this.failure }, "the log cannot be followed");
    });
    if (this.fit.trouble !== undefined) throw this.fit.trouble;
    await this.inspection?.start();
    if (this.roles.has("actors")) {
      await this.proposals.start();
      this.manager.start();
      this.outbox.start();
    }
    if (this.roles.has("worker")) {
      await this.lanes.recover();
      this.membership.onChange(() => void this.lanes.recover().catch(() => {}));
      this.work.start();
      this.laneReports?.start();
    }
    if (this.roles.has("projector")) {
      this.projector.start();
      this.sweep.start();
    }
    if (this.roles.has("monitor")) {
      this.monitors.start();
      this.membership.onChange(() => this.monitors.ownershipChanged());
    }
    this.state = "ready";
    const resources = [...this.index.all()].length;
    logger.info({ member: this.membership.name, roles: [...this.roles], resources }, "ready");
  }

  /** Finishes or hands back what is in hand and leaves; the rest goes on elsewhere, or at the next start. The ports stay open. */
  async stop(): Promise<void> {
    this.state = "stopping";
    await this.auditJournal.stop();
    this.stopping.abort(new SignalboxError("SB_NOT_READY", "the process is stopping"));
    await this.monitors.stop();
    await Promise.all([this.work.stop(), this.lanes.stop()]);
    await this.laneReports?.stop();
    this.retractions.stop();
    await this.proposals.stop();
    await this.manager.stop();
    await this.outbox.stop();
    await this.host.stop();
    await this.sweep.stop();
    await this.projector.stop();
    await this.membership.leave();
    await this.prober.close();
    await this.index.stop();
    await this.log.stop();
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
          return this.planner.update(
            snapshot,
            { ...event.set, ...this.planner.withRecorded(context, event.bits ?? []) },
            { messageId },
          );
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
    const { clock, storesHealthy } = this.ports;
    const soon = <T>(what: string, looking: Promise<T>) => answeredWithin(clock, READINESS_MS, what, looking);
    const [servers, log] = await Promise.all([
      soon("stores", storesHealthy?.() ?? Promise.resolve({})).catch((error: unknown) => ({
        stores: asSignalboxError(error),
      })),
      soon("log", this.log.look()).catch(asSignalboxError),
    ]);
    const checks = {
      actors: this.state === "ready" ? "ok" : this.state,
      member:
        this.membership.leaseId() === undefined ? "this process has lost its lease and waits for a new one" : "ok",
      log: log?.message ?? "ok",
      index: this.failure === "" ? "ok" : this.failure,
      templates: this.fit.trouble?.message ?? "ok",
      ...Object.fromEntries(Object.entries(servers).map(([name, error]) => [name, error?.message ?? "ok"])),
    };
    return { ready: Object.values(checks).every((check) => check === "ok"), checks };
  }
}

/** @throws SB_STORE_UNREACHABLE when it takes longer */
async function answeredWithin<T>(clock: Clock, ms: number, what: string, looking: Promise<T>): Promise<T> {
  let cancel = () => {};
  const late = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => {
      reject(new SignalboxError("SB_STORE_UNREACHABLE", `${what}: no answer within ${ms} ms`));
    });
  });
  looking.catch(() => undefined);
  return Promise.race([looking, late]).finally(() => cancel());
}
