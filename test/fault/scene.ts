import { setTimeout as sleep } from "node:timers/promises";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { settle } from "../../src/cli/replay-scenario.ts";
import type { Scenario } from "../../src/cli/scenario-file.ts";
import type { CarefulClient, Pace, Retry } from "./careful-client.ts";
import type { KillMoment, Length } from "./kill-moments.ts";
import { isBroken, type Life, type Orchestrator } from "./orchestrator.ts";
import type { Sightings } from "./sightings.ts";

export interface SceneOptions {
  readonly scenario: Scenario;
  readonly pace: Pace;
  readonly retry: Retry;
  /** Kills of successive lives. */
  readonly kills: readonly KillMoment[];
  /** The first life's sightings count from the first request on, or from its start. */
  readonly countFrom: "request" | "start";
  /** Longest wait for the whole scenario, milliseconds. */
  readonly timeoutMs: number;
  /** True when the documents say that nothing is left to do. */
  readonly atRest: (documents: ReadonlyMap<string, unknown>) => boolean;
}

/** What was under way when a life was ended. */
export interface Kill {
  readonly life: number;
  /** Requests sent so far. */
  readonly requests: number;
  /** Transitions that a follower had been told. */
  readonly transitions: number;
  /** The last line that the life has written. */
  readonly lastLine: string;
}

/** Plays a scenario with an orchestrator that is killed now and then, until everything is done and at rest. */
export class Scene {
  readonly kills: Kill[] = [];
  /** What was to be seen from the first request until everything was at rest. */
  length: Length = { anything: 0, commit: 0 };
  /** What is not ACTIVE and UP in the end. */
  shortfall: readonly string[] = [];
  readonly #options: SceneOptions;
  readonly #orchestrator: Orchestrator;
  readonly #client: CarefulClient;
  readonly #sights: Sightings;
  #requests = 0;
  #failure: Error | undefined;

  constructor(options: SceneOptions, world: { orchestrator: Orchestrator; client: CarefulClient; sights: Sightings }) {
    this.#options = options;
    this.#orchestrator = world.orchestrator;
    this.#client = world.client;
    this.#sights = world.sights;
  }

  /** @throws when a request is refused, the orchestrator ends by itself, or it all takes too long */
  async play(): Promise<void> {
    const { timeoutMs } = this.#options;
    const late = () => this.#fail(`it is not done after ${timeoutMs} ms: ${this.#requests} requests were sent`);
    const timer = setTimeout(late, timeoutMs);
    try {
      await this.#play();
    } catch (thrown) {
      throw this.#failure ?? thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the run: whoever waits for something is told why it does not come. */
  #fail(reason: string): void {
    this.#failure ??= new Error(reason);
    this.#orchestrator.giveUp(this.#failure);
    this.#client.tracker.fail(this.#failure);
    for (const { process } of this.#orchestrator.lives) process.signal("SIGKILL");
  }

  async #play(): Promise<void> {
    const { scenario, pace, retry, kills, countFrom, timeoutMs } = this.#options;
    let life = this.#start();
    if (countFrom === "request") await life.url;
    const seen = (): Length => ({ anything: this.#sights.count("anything"), commit: this.#sights.count("commit") });
    const before = seen();
    this.#client.follow();
    const sent = (count: number) => {
      this.#requests = count;
    };
    const sending = this.#client.send(scenario, { pace, retry, timeoutMs, sent });
    const done = sending.then(() => this.#rest());
    // Whether it failed is asked of `sending`, and of the rest that comes after the last kill.
    done.catch(() => {});
    for (const moment of kills) {
      // A scenario that is over sooner is killed when all is at rest.
      await Promise.race([this.#sights.more(moment.of, moment.after), done]);
      await sleep(moment.delayMs);
      await this.#kill(life);
      life = this.#start();
    }
    await sending;
    await life.url;
    this.shortfall = await this.#rest();
    const { anything, commit } = seen();
    this.length = { anything: anything - before.anything, commit: commit - before.commit };
  }

  #start(): Life {
    const life = this.#orchestrator.start();
    const { process } = life;
    void process.ended.then(({ code, signal }) => {
      if (signal === "SIGKILL" || code === 0) return;
      this.#fail(`life ${life.number} ended by itself with ${code ?? signal}: ${process.lines.slice(-3).join(" | ")}`);
    });
    return life;
  }

  async #kill(life: Life): Promise<void> {
    life.process.signal("SIGKILL");
    const { signal, code } = await life.process.ended;
    if (signal !== "SIGKILL") throw new Error(`life ${life.number} ended with ${code ?? signal} before it was killed`);
    this.kills.push({
      life: life.number,
      requests: this.#requests,
      transitions: this.#client.followed.length,
      lastLine: life.process.lines.at(-1) ?? "",
    });
  }

  /** Waits until everything is ACTIVE and UP and the documents are at rest; answers what is still wrong. */
  async #rest(): Promise<string[]> {
    const short = await settle(this.#client.tracker, this.#options.timeoutMs);
    if (short.length > 0) return short;
    for (let after = 0; ; ) {
      const { url, number } = await this.#orchestrator.reachable(after);
      try {
        await this.#documentsAtRest(url);
        return [];
      } catch (thrown) {
        if (!isBroken(thrown)) throw thrown;
        after = number;
      }
    }
  }

  async #documentsAtRest(url: string): Promise<void> {
    const stopping = new AbortController();
    const documents = new Map<string, unknown>();
    try {
      for await (const { key, value } of new GatewayClient(url).watchDocuments("/", true, stopping.signal)) {
        if (value === null) documents.delete(key);
        else documents.set(key, value);
        if (this.#options.atRest(documents)) return;
      }
    } finally {
      stopping.abort();
    }
  }
}
