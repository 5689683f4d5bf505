import { fillParams } from "../../catalogue/fill-params.ts";
import type { Catalogue } from "../../catalogue/load-catalogue.ts";
import { SignalboxError } from "../../errors.ts";
import type { JobResult, MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import type { JobInHand } from "./job-worker.ts";
import { type OutputsOf, resolveParams } from "./resolve-params.ts";

export interface MonitoringWorkerOptions {
  readonly catalogue: Catalogue;
  readonly outputsOf: OutputsOf;
  /** Asks until all targets are as wanted or their time is up. */
  readonly awaitTargets: (
    targets: readonly MonitoringTarget[],
    signal: AbortSignal,
  ) => Promise<{ statuses: Readonly<Record<string, TargetStatus>>; allGood: boolean }>;
}

/** Runs monitoring jobs: a creation succeeds once every target is as wanted, a deletion ends the polling. */
export class MonitoringWorker {
  private readonly options: MonitoringWorkerOptions;

  constructor(options: MonitoringWorkerOptions) {
    this.options = options;
  }

  async run(job: JobInHand): Promise<JobResult> {
    if (job.state.job.action === "delete") return { kind: "monitoring-removed" };
    const targets = this.targets(job);
    const { statuses, allGood } = await this.options.awaitTargets(targets, job.signal);
    if (allGood) return { kind: "monitoring", targets, statuses };
    const wrong = targets.flatMap((target) => {
      const status = statuses[target.name];
      return status?.verdict === "good"
        ? []
        : [
            `${target.name} (${where(target)}) is ${status?.published ?? "not known"}${status?.reason ? `: ${status.reason}` : ""}`,
          ];
    });
    const device = targets.find((target) => statuses[target.name]?.verdict !== "good");
    throw new SignalboxError(
      "SB_MONITORING_TIMEOUT",
      wrong.join("; "),
      device === undefined ? {} : { device: where(device) },
    );
  }

  private targets(job: JobInHand): MonitoringTarget[] {
    const name = job.snapshot.context.templates["monitoring_worker"] ?? "";
    const template = this.options.catalogue.types.get(job.ref.type)?.handlers[name];
    if (template === undefined)
      throw new SignalboxError("SB_TEMPLATE_FAILED", `there is no template ${name} for ${job.ref.type}`);
    const outputs = Object.fromEntries(
      (job.snapshot.context.outputs ?? []).map(({ output_key: key, output_value: value }) => [key, value]),
    );
    const params: Record<string, unknown> = { ...resolveParams(job.state.job.params, this.options.outputsOf), outputs };
    return template.targets
      .filter((target) => target.when === undefined || params[target.when] === true)
      .flatMap(({ each, name, kind, settings, publish }) => {
        const items = each === undefined ? [undefined] : ([params[each]].flat() as unknown[]);
        return items.map((item) => {
          const values = each === undefined ? params : { ...params, item };
          return {
            name: String(fillParams(name, values)),
            kind,
            settings: fillParams(settings, values) as Record<string, unknown>,
            publish,
          };
        });
      });
  }
}

function where(target: MonitoringTarget): string {
  const { host, device, type, id, fq_name: name } = target.settings;
  return String(host ?? device ?? (type === undefined ? (name ?? target.kind) : `${String(type)} ${String(id)}`));
}
