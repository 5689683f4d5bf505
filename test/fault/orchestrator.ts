import type { Role } from "../../src/actors/cluster/shares.ts";
import { SignalboxError } from "../../src/errors.ts";
import { type Ending, MainProcess } from "./main-process.ts";

/** One life of the orchestrator, from its start to its end, on data that outlive it. */
export interface Life {
  /** 1 for the first. */
  readonly number: number;
  readonly process: MainProcess;
  /** Where its gateway is. Rejects when it ends before it is up. */
  readonly url: Promise<string>;
}

/** The orchestrator as the world sees it: dead at times, and back at another address, always with the same data. */
export class Orchestrator {
  readonly #args: readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  readonly #onLine: (line: string) => void;
  readonly lives: Life[] = [];
  #waiting: Array<{
    after: number;
    resolve: (up: { url: string; number: number }) => void;
    reject: (why: Error) => void;
  }> = [];
  #up: { url: string; number: number } | undefined;
  #given: Error | undefined;

  /**
   * @param options.onLine told of each line that it writes, in whichever life
   * @param options.role what it does; everything when not given
   * @param options.environment variables of its environment besides those of this process
   */
  constructor(options: {
    config: string;
    data: string;
    onLine: (line: string) => void;
    role?: Role;
    logLevel?: string;
    environment?: Readonly<Record<string, string>>;
  }) {
    const { config, data, onLine, role, logLevel = "debug", environment = {} } = options;
    const which = role === undefined ? [] : ["--role", role];
    this.#args = ["up", ...which, "--config", config, "--data", data, "--http", "127.0.0.1:0", "--log-level", logLevel];
    this.#environment = environment;
    this.#onLine = onLine;
  }

  /** Begins another life. */
  start(): Life {
    const process = new MainProcess(this.#args, this.#onLine, this.#environment);
    const url = process.says(/^Signalbox is up at (\S+)$/).then(([, found = ""]) => found);
    const life: Life = { number: this.lives.length + 1, process, url };
    this.lives.push(life);
    url.then(
      (found) => this.#isUp({ url: found, number: life.number }),
      () => {},
    );
    return life;
  }

  /**
   * Where it is reached, as soon as it is, in a life after that number.
   * @throws what `giveUp` was told
   */
  reachable(after = 0): Promise<{ url: string; number: number }> {
    if (this.#given !== undefined) return Promise.reject(this.#given);
    if (this.#up !== undefined && this.#up.number > after) return Promise.resolve(this.#up);
    return new Promise((resolve, reject) => this.#waiting.push({ after, resolve, reject }));
  }

  /** There will be no other life: whoever waits for one is told why. */
  giveUp(reason: Error): void {
    this.#given ??= reason;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#given);
  }

  /** SIGTERM; it finishes what it has in hand. */
  async stop(): Promise<Ending> {
    const life = this.lives.at(-1);
    if (life === undefined) throw new Error("it was never started");
    life.process.signal("SIGTERM");
    return life.process.ended;
  }

  /** Sees to it that no life is left. */
  async end(): Promise<void> {
    for (const { process } of this.lives) process.signal("SIGKILL");
    await Promise.all(this.lives.map(({ process }) => process.ended));
  }

  #isUp(up: { url: string; number: number }): void {
    this.#up = up;
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ after }) => up.number <= after);
    for (const { after, resolve } of waiting) if (up.number > after) resolve(up);
  }
}

/** Nobody can say whether what was asked has happened: the gateway went away, or is not there yet. */
export function isBroken(thrown: unknown): boolean {
  return isNotReady(thrown) || (thrown instanceof SignalboxError && thrown.code === "SB_GATEWAY_UNREACHABLE");
}

/** It is there, and says that it should be asked again. */
export function isNotReady(thrown: unknown): boolean {
  return thrown instanceof SignalboxError && thrown.code === "SB_NOT_READY";
}
