import type { Catalogue } from "../../catalogue/load-catalogue.ts";
import type { HandlerTemplate } from "../../catalogue/type-definition.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import type { Applied, AppliedObject, AppliedRouter, JobResult } from "../../machines/resource/resource-types.ts";
import type { DeviceLanes } from "../devices/device-lanes.ts";
import type { ConfigurationRenderer } from "../ports.ts";
import type { SealPlaces } from "../secrets/seal-places.ts";
import { type ControllerStack, identity } from "./controller-stack.ts";
import type { JobInHand } from "./job-worker.ts";
import { type OutputsOf, resolveParams } from "./resolve-params.ts";
import { distinct, editsBetween, renderRouters } from "./router-stack.ts";

export interface HeatWorkerOptions {
  readonly catalogue: Catalogue;
  readonly renderer: ConfigurationRenderer;
  readonly lanes: DeviceLanes;
  readonly controllerStack: ControllerStack;
  readonly outputsOf: OutputsOf;
  readonly sealPlaces: SealPlaces;
}

const NOTHING: Applied = { routers: [], objects: [] };

/** What a job has brought about so far. */
interface Progress {
  /** What a try has put on the routers; undefined while none has. */
  routers: readonly AppliedRouter[] | undefined;
  /** What may be on the routers besides: of tries whose outcome was not learned. */
  residue: readonly AppliedRouter[];
  /** By identity. */
  readonly objects: Map<string, AppliedObject>;
  /** In this process. */
  tries: number;
}

/** Runs stack jobs: renders, brings the routers and the controller to it, and says what the stack is now. */
export class HeatWorker {
  private readonly options: HeatWorkerOptions;
  /** Of jobs that are not done, by their id, over all tries: a later try may fail sooner than one before. */
  private readonly progress = new Map<string, Progress>();

  constructor(options: HeatWorkerOptions) {
    this.options = options;
  }

  async run(job: JobInHand): Promise<JobResult> {
    const { context } = job.snapshot;
    const former = context.applied ?? NOTHING;
    if (job.state.job.action === "delete") {
      const edits = editsBetween(former.routers, [], former.residue);
      await this.options.sealPlaces.requireOwn(job.ref, edits);
      await this.options.lanes.submit({ id: job.state.job.id, edits, turn: job.turn });
      await this.options.controllerStack.remove(former.objects, job.ref);
      return { kind: "stack", outputs: [], applied: null };
    }
    const progress = this.progressOf(job);
    progress.tries += 1;
    const template = this.template(job);
    const params = resolveParams(job.state.job.params, this.options.outputsOf);
    const routers =
      template.routers === undefined ? [] : renderRouters(template.routers, params, this.options.renderer);
    const { inTurn = false } = template.routers ?? {};
    // Another process may have brought a try of its own to a commit, which is this one as far as anybody knows.
    const others = job.state.attempt > progress.tries ? routers : [];
    const residue = distinct([...(former.residue ?? []), ...progress.residue, ...others]);
    const edits = editsBetween(former.routers, routers, residue);
    await this.options.sealPlaces.requireOwn(job.ref, edits);
    try {
      await this.options.lanes.submit({ id: job.state.job.id, edits, inTurn, turn: job.turn });
    } catch (thrown) {
      const error = asSignalboxError(thrown);
      if (error.code === "SB_LANE_IN_DOUBT") progress.residue = distinct([...progress.residue, ...routers]);
      throw error;
    }
    progress.routers = routers;
    progress.residue = [];
    const { objects, outputs } = await this.options.controllerStack.apply(
      template,
      params,
      job.ref,
      former.objects,
      (object) => progress.objects.set(identity(object), object),
    );
    this.progress.delete(job.state.job.id);
    return { kind: "stack", outputs, applied: { routers, objects } };
  }

  private progressOf(job: JobInHand): Progress {
    const { id } = job.state.job;
    const known = this.progress.get(id) ?? {
      routers: undefined,
      residue: [],
      objects: new Map(),
      tries: 0,
    };
    this.progress.set(id, known);
    return known;
  }

  /**
   * What the resource of a failed job owns, so that deleting it takes that away: what was made before the step that failed, what another
   * process may have made that died at it, and the residue: what a try may have left on routers although the last one has not. Undefined when
   * that is nothing new.
   */
  async leftBehind(job: JobInHand): Promise<Applied | null | undefined> {
    const former = job.snapshot.context.applied ?? NOTHING;
    const { routers, objects, residue, tries } = this.progressOf(job);
    this.progress.delete(job.state.job.id);
    const others = job.state.attempt > tries;
    for (const object of others ? await this.possible(job) : [])
      if (!objects.has(identity(object))) objects.set(identity(object), object);
    for (const object of former.objects) objects.delete(identity(object));
    // What was known before has been taken away where the routers were brought to what was wanted.
    const before = routers === undefined ? (former.residue ?? []) : [];
    const now = distinct([...before, ...residue, ...(others ? this.possibleRouters(job) : [])]);
    if (routers === undefined && objects.size === 0 && now.length === before.length) return undefined;
    return {
      routers: routers ?? former.routers,
      objects: [...former.objects, ...objects.values()],
      ...(now.length === 0 ? {} : { residue: now }),
    };
  }

  /** What tries of the job that this process knows nothing of may have put on routers. */
  private possibleRouters(job: JobInHand): AppliedRouter[] {
    const template = job.state.job.action === "delete" ? undefined : this.templateOf(job);
    if (template?.routers === undefined) return [];
    try {
      const params = resolveParams(job.state.job.params, this.options.outputsOf);
      return renderRouters(template.routers, params, this.options.renderer);
    } catch {
      // Without its parameters no try can have come to the routers.
      return [];
    }
  }

  /** What tries of the job that this process knows nothing of may have made. */
  private async possible(job: JobInHand): Promise<AppliedObject[]> {
    const template = job.state.job.action === "delete" ? undefined : this.templateOf(job);
    if (template === undefined) return [];
    try {
      const params = resolveParams(job.state.job.params, this.options.outputsOf);
      return await this.options.controllerStack.possible(template, params);
    } catch {
      // Without its parameters no try can have come to the controller.
      return [];
    }
  }

  private template(job: JobInHand): HandlerTemplate {
    const template = this.templateOf(job);
    if (template === undefined) {
      const name = job.snapshot.context.templates["heat_worker"] ?? "";
      throw new SignalboxError("SB_TEMPLATE_FAILED", `there is no template ${name} for ${job.ref.type}`);
    }
    return template;
  }

  private templateOf(job: JobInHand): HandlerTemplate | undefined {
    const name = job.snapshot.context.templates["heat_worker"];
    return name === undefined ? undefined : this.options.catalogue.types.get(job.ref.type)?.handlers[name];
  }
}
