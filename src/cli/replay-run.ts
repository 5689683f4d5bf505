import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asSignalboxError, type SignalboxError } from "../errors.ts";
import { type CliContext, given } from "./context.ts";
import { followTransitions, nextPosition } from "./follow-transitions.ts";
import type { GatewayClient } from "./gateway-client.ts";
import { progressOn } from "./replay-progress.ts";
import { ReplayRecorder } from "./replay-recorder.ts";
import { type ResourceTiming, replayScenario, settle } from "./replay-scenario.ts";
import { ResourceTracker } from "./resource-tracker.ts";
import type { Scenario } from "./scenario-file.ts";
import { stopGracefully } from "./stop-gracefully.ts";
import type { HostPort, RunningSystem, Timing } from "./system-options.ts";
import { showError } from "./terminal.ts";

export interface OwnSystem {
  readonly http: HostPort;
  readonly timing: Timing;
  readonly labConfig?: string | undefined;
  readonly data?: string | undefined;
  readonly plainSecrets: boolean;
  readonly logLevel: string;
}

/**
 * Starts a gateway with the lab in this process, its data in a fresh directory that goes when it stops unless one is named.
 * A signal stops it, and ends the process with the exit code of the context.
 */
export async function startOwnSystem(context: CliContext, own: OwnSystem): Promise<RunningSystem> {
  const { startSystem } = await context.loadStarters();
  const fresh = own.data === undefined ? await mkdtemp(join(tmpdir(), "signalbox-")) : undefined;
  const removeFresh = async () => {
    if (fresh !== undefined) await rm(fresh, { recursive: true, force: true });
  };
  let system: RunningSystem;
  try {
    system = await startSystem({
      ...given({ labConfig: own.labConfig, data: fresh ?? own.data }),
      http: own.http,
      lab: true,
      timing: own.timing,
      plainSecrets: own.plainSecrets,
      logLevel: own.logLevel,
    });
  } catch (thrown) {
    await removeFresh();
    throw thrown;
  }
  let stopping: Promise<void> | undefined;
  const stopOnce = () => {
    stopping ??= system.stop().finally(removeFresh);
    return stopping;
  };
  const release = stopGracefully(context.terminal, stopOnce, () => context.exitCode);
  return {
    url: system.url,
    stop: async () => {
      release();
      await stopOnce();
    },
  };
}

export interface ReplayRun {
  readonly client: GatewayClient;
  readonly scenario: Scenario;
  readonly out?: string | undefined;
  readonly timeoutMs: number;
  /** How long no document may be written before they are taken to be complete. */
  readonly quietMs: number;
}

export interface ReplayOutcome {
  /** Everything, dependents too, is ACTIVE and UP. */
  readonly ok: boolean;
  readonly timings: readonly ResourceTiming[];
}

/** Replays a scenario against a running gateway, shows its progress and writes its files. */
export async function runReplay(context: CliContext, run: ReplayRun): Promise<ReplayOutcome> {
  const { client, scenario } = run;
  const { terminal } = context;
  const leave = new AbortController();
  const tracker = new ResourceTracker();
  const from = await nextPosition(client, leave.signal);
  const recorder = run.out === undefined ? undefined : await ReplayRecorder.start(client, run.out);
  const progress = progressOn(terminal);
  const following = (async () => {
    for await (const transition of followTransitions(client, from, leave.signal)) {
      recorder?.add(transition);
      progress.add(transition);
      tracker.add(transition);
    }
  })().catch((thrown: unknown) => tracker.fail(thrown));

  const timings: ResourceTiming[] = [];
  let wrong: string[] = [];
  let failure: SignalboxError | undefined;
  try {
    const { timeoutMs } = run;
    const onRequest = (number: number, of: number, what: string) => progress.note(`[${number}/${of}] ${what}`);
    const onDone = (timing: ResourceTiming) => void timings.push(timing);
    await replayScenario(client, scenario, { tracker, timeoutMs, onRequest, onDone });
    progress.note("All requests are done; waiting for everything to be ACTIVE and UP.");
    wrong = await settle(tracker, timeoutMs);
  } catch (thrown) {
    failure = asSignalboxError(thrown);
  }
  const reachable = failure?.code !== "SB_GATEWAY_UNREACHABLE";
  try {
    if (reachable) await recorder?.rest(tracker, run.quietMs);
  } catch (thrown) {
    failure ??= asSignalboxError(thrown);
  }
  progress.end();
  leave.abort();
  await following;
  const unrecorded = await record(context, recorder, reachable);
  failure ??= unrecorded;
  if (failure !== undefined) showError(terminal, failure);
  for (const text of wrong) terminal.err(`signalbox: ${text}\n`);
  const ok = failure === undefined && wrong.length === 0;
  const count = [...tracker.resources.values()].filter((each) => !each.latest.deleted).length;
  if (ok) terminal.out(`All ${count} resources are ACTIVE and UP.\n`);
  return { ok, timings };
}

async function record(
  context: CliContext,
  recorder: ReplayRecorder | undefined,
  reachable: boolean,
): Promise<SignalboxError | undefined> {
  if (recorder === undefined) return undefined;
  let failure: SignalboxError | undefined;
  try {
    const routers = reachable ? await recorder.keepRouters() : [];
    if (routers.length === 0) context.terminal.err("signalbox: no lab answers there; no router is compared.\n");
  } catch (thrown) {
    failure = asSignalboxError(thrown);
  }
  try {
    await recorder.close();
  } catch (thrown) {
    failure ??= asSignalboxError(thrown);
  }
  return failure;
}
