import { setTimeout as sleep } from "node:timers/promises";
import type { Json, Random } from "../../../src/actors/ports.ts";
import { sealing } from "../../../src/adapters/secrets/sealing.ts";
import { settle } from "../../../src/cli/replay-scenario.ts";
import { demoScenario } from "../demo-scenario.ts";
import { RunFailed } from "../run-failed.ts";
import type { ClusterOutcome } from "./cluster-outcome.ts";
import { isProjected } from "./cluster-rules.ts";
import { FleetClient } from "./fleet-client.ts";
import { type Fleet, fleetRequests } from "./fleet-requests.ts";
import { KillableCluster, type Victim } from "./killable-cluster.ts";
import { readCluster, withClusterStores } from "./read-cluster.ts";

export interface ClusterRunOptions {
  readonly random: Random;
  readonly kills: number;
  readonly resources: number;
  readonly pairs: number;
  /** Longest wait for all requests, and for everything to come to rest after them, milliseconds. */
  readonly timeoutMs: number;
  /** Milliseconds from a kill to the next, at least and at most. */
  readonly between: readonly [number, number];
  readonly onKill?: (kill: ClusterKill) => void;
}

export interface ClusterKill {
  readonly victim: Victim;
  /** Seconds since the first request. */
  readonly atS: number;
  /** Requests answered by then. */
  readonly answered: number;
}

export interface ClusterRun {
  readonly outcome: ClusterOutcome;
  readonly kills: readonly ClusterKill[];
  /** Times that a request was sent once more. */
  readonly repeated: number;
  /** Times that a request was sent before what it builds on had come about, and once more after. */
  readonly early: number;
  readonly failedStarts: number;
  /** Seconds of the requests and kills, and from the last of both until everything was at rest. */
  readonly seconds: { readonly disturbed: number; readonly rest: number };
  readonly lines: readonly string[];
}

const DEAD_MS = 2_000;
/** How long a part of the requests may be under way before something is killed. */
const LEAD_MS = 2_000;
/** Milliseconds of a commit on the secondary and on the primary: different ones, so that a kill can come between the two. */
const COMMIT_MS = { secondary: 250, primary: 400 };
/** How often the victim is up again before the next one's time begins to run. */
const PATIENT = 0.75;
const LOOK_MS = 250;

/**
 * Sends a fleet to a cluster of two processes of each role while one thing after another is killed with SIGKILL and started
 * again, until everything is at rest. Nothing is left running and no file is left behind, however it ends.
 * @throws RunFailed
 */
export async function runCluster(options: ClusterRunOptions): Promise<ClusterRun> {
  const fleet = fleetRequests({ demo: await demoScenario(), ...options });
  const lines: string[] = [];
  const cluster = await KillableCluster.open({
    pairs: options.pairs,
    each: 2,
    onLine: (line) => lines.push(line),
  });
  const run = new Disturbed(cluster, fleet, options);
  try {
    const { routers } = await cluster.lab.overview();
    await cluster.lab.slowCommits(Object.fromEntries(routers.map(({ name, role }) => [name, COMMIT_MS[role]])));
    await cluster.startAll();
    return await run.play(lines);
  } catch (thrown) {
    throw new RunFailed(thrown, run.kills, cluster.lines());
  } finally {
    await run.end();
    await cluster.close();
  }
}

class Disturbed {
  readonly kills: ClusterKill[] = [];
  readonly #cluster: KillableCluster;
  readonly #fleet: Fleet;
  readonly #options: ClusterRunOptions;
  readonly #client: FleetClient;
  readonly #starting = new Set<Promise<void>>();
  #waiting: Array<{ part: number; resolve: () => void }> = [];
  /** Parts of the requests that may be sent. */
  #part = 0;
  #started = 0;
  #over = false;

  constructor(cluster: KillableCluster, fleet: Fleet, options: ClusterRunOptions) {
    this.#cluster = cluster;
    this.#fleet = fleet;
    this.#options = options;
    this.#client = new FleetClient(cluster.gateways);
  }

  async play(lines: readonly string[]): Promise<ClusterRun> {
    const { timeoutMs, kills } = this.#options;
    const { requests } = this.#fleet;
    this.#started = performance.now();
    this.#client.follower.start();
    const late = setTimeout(() => this.#giveUp(`after ${timeoutMs} ms`), timeoutMs);
    try {
      // The requests are spread over the kills: whatever is killed, something is under way.
      const turn = (position: number) => this.#partOpen(Math.floor((position * (kills + 1)) / requests.length));
      const sending = this.#client.send(requests, { turn, timeoutMs });
      await Promise.all([sending, this.#killAll(sending)]);
      await Promise.all(this.#starting);
    } finally {
      clearTimeout(late);
    }
    const disturbed = performance.now();
    const outcome = await this.#outcome(lines);
    return {
      outcome,
      kills: this.kills,
      repeated: this.#client.repeated,
      early: this.#client.early,
      failedStarts: this.#cluster.failedStarts,
      seconds: { disturbed: (disturbed - this.#started) / 1000, rest: (performance.now() - disturbed) / 1000 },
      lines: this.#cluster.lines(),
    };
  }

  async end(): Promise<void> {
    this.#over = true;
    this.#giveUp("is over");
    await this.#client.follower.stop();
  }

  #giveUp(when: string): void {
    const { answered } = this.#client;
    const why = new Error(`the run ${when}: ${answered} of ${this.#fleet.requests.length} requests were answered`);
    this.#cluster.gateways.giveUp(why);
    this.#client.follower.tracker.fail(why);
  }

  #partOpen(part: number): Promise<void> {
    if (this.#part >= part) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ part, resolve }));
  }

  /** The next part of the requests may be sent. */
  #openNext(): void {
    this.#part += 1;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ part }) => part > this.#part);
    for (const { part, resolve } of waiting) if (part <= this.#part) resolve();
  }

  async #killAll(sending: Promise<void>): Promise<void> {
    const { kills, random, between } = this.#options;
    // A request that fails ends the run.
    sending.catch(() => {
      this.#over = true;
    });
    const dead = new Set<Victim>();
    while (this.kills.length < kills && !this.#over) {
      const [least, most] = between;
      await sleep(least + random.fraction() * (most - least));
      const alive = this.#cluster.victims.filter((victim) => !dead.has(victim));
      const victim = alive[Math.floor(random.fraction() * alive.length)];
      const [leadMs, deadMs] = [random.fraction() * LEAD_MS, random.fraction() * DEAD_MS];
      const patient = random.fraction() < PATIENT;
      if (victim === undefined || this.#over) continue;
      dead.add(victim);
      this.#openNext();
      await sleep(leadMs);
      await this.#kill(victim);
      const starting = sleep(deadMs)
        .then(() => this.#cluster.start(victim))
        .catch(() => {})
        .finally(() => {
          dead.delete(victim);
          this.#starting.delete(starting);
        });
      this.#starting.add(starting);
      if (patient) await starting;
    }
  }

  async #kill(victim: Victim): Promise<void> {
    await this.#cluster.kill(victim);
    const kill = { victim, atS: (performance.now() - this.#started) / 1000, answered: this.#client.answered };
    this.kills.push(kill);
    this.#options.onKill?.(kill);
  }

  /** Waits for rest, ends the processes and reads what they have left. */
  async #outcome(lines: readonly string[]): Promise<ClusterOutcome> {
    const { configuration, key, lab } = this.#cluster;
    const { timeoutMs, pairs } = this.#options;
    await this.#cluster.allUp();
    const { tracker, followed } = this.#client.follower;
    const shortfall = await settle(tracker, timeoutMs);
    return withClusterStores(configuration, async (stores) => {
      const atRest = async () => {
        const content = await readCluster(stores);
        // Records of refused creations are taken away when every process has read them.
        const lasts = new Map(content.records.map((record) => [record.subject, record] as const));
        const refused = [...lasts.values()].some(({ data }) => (data as { event?: Json }).event === "REJECT");
        return !refused && Object.values(content.queued).every((left) => left === 0) && isProjected(content);
      };
      await this.#until(atRest);
      await this.#client.follower.stop();
      const endings = await this.#cluster.stop(["gateway", "actors", "worker", "monitor"]);
      // What was told last is written by the projectors, which nobody asks any more.
      await this.#until(async () => isProjected(await readCluster(stores)));
      endings.push(...(await this.#cluster.stop(["projector"])));
      const [content, routers, objects] = await Promise.all([
        readCluster(stores),
        lab.routers(),
        lab.controllerObjects(),
      ]);
      const { acknowledged, deleted, changed, refused } = this.#client;
      const { requests, secrets } = this.#fleet;
      const { endedBySelf } = this.#cluster;
      const open = (text: string) => sealing(key).open(text);
      return {
        ...content,
        ...{ pairs, requests, shortfall, acknowledged, followed, deleted, changed, refused, secrets },
        ...{ routers, objects, lines, open, endings, endedBySelf },
      };
    });
  }

  /** Looks again and again; what is not so in time is left to the rules. */
  async #until(look: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + this.#options.timeoutMs / 4;
    while (performance.now() < end && !(await look())) await sleep(LOOK_MS);
  }
}
