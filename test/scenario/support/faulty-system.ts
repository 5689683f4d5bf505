import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TransitionView } from "../../../src/actors/gateway-api.ts";
import type { Configuration } from "../../../src/cli/configuration.ts";
import { followTransitions } from "../../../src/cli/follow-transitions.ts";
import { readScenario, type Scenario } from "../../../src/cli/scenario-file.ts";
import type { SystemOptions } from "../../../src/cli/system-options.ts";
import type { RouterFault } from "../../../src/lab/junos/router-faults.ts";
import { demoScenario, TestSystem } from "./running-system.ts";
import type { Body } from "./served-fields.ts";

export type RouterName = "MX-1" | "MX-2";
type Transition = TransitionView;

export const addresses = { "MX-1": "10.79.5.184", "MX-2": "10.79.5.185" } as const;

/** A system with a configuration of its own, whose devices are made to fail over the lab's API, and whose transitions are listened to. */
export class FaultySystem {
  readonly system: TestSystem;
  readonly #folder: string;
  readonly #seen: Transition[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #stopping = new AbortController();
  readonly #following: Promise<void>;

  private constructor(system: TestSystem, folder: string) {
    this.system = system;
    this.#folder = folder;
    this.#following = this.#follow();
  }

  static async start(configuration: Configuration, options: Partial<SystemOptions> = {}): Promise<FaultySystem> {
    const folder = await mkdtemp(join(tmpdir(), "signalbox-faults-"));
    const config = join(folder, "configuration.yaml");
    // JSON is YAML.
    await writeFile(config, JSON.stringify(configuration), { mode: 0o600 });
    return new FaultySystem(await TestSystem.start({ config, ...options }), folder);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#following;
    await this.system.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #follow(): Promise<void> {
    for await (const transition of followTransitions(this.system.client(), 1, this.#stopping.signal)) {
      this.#seen.push(transition);
      for (const look of [...this.#waiting]) look();
    }
  }

  /** The position in the log up to which transitions were seen. */
  get position(): number {
    return this.#seen.at(-1)?.seq ?? 0;
  }

  /** The first transition after a position that is as wanted. */
  async transition(wanted: (transition: Transition) => boolean, after = 0): Promise<Transition> {
    return new Promise((resolve) => {
      const look = () => {
        const found = this.#seen.find((transition) => transition.seq > after && wanted(transition));
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** How the version of a resource ended that was started after a position: failed, ACTIVE (what is monitored: seen well), or gone. */
  outcome(id: string, after = 0): Promise<Transition> {
    return this.transition(
      (each) => each.id === id && (each.deleted || each.state.endsWith("_failed") || each.status === "ACTIVE"),
      after,
    );
  }

  /** Builds the demo, without the requests for the collections that are named. */
  async build(...without: string[]): Promise<void> {
    const scenario = await readScenario(demoScenario);
    const requests = scenario.requests.filter(({ path }) => !without.some((name) => path.endsWith(`/${name}`)));
    await this.system.replay({ ...scenario, requests } as Scenario);
  }

  /** The first resource of a collection, as it is shown. */
  async first(collection: string): Promise<Body> {
    const [found] = (await this.system.get<Record<string, Body[]>>(`/v2.0/${collection}`))[collection] ?? [];
    return found ?? {};
  }

  async show(type: string, id: string): Promise<Body> {
    return (await this.system.get<Record<string, Body>>(`/v2.0/${type}s/${id}`))[type] ?? {};
  }

  /** Sends a request that must be accepted; answers the resource. */
  async send(method: string, type: string, path: string, fields?: Body): Promise<Body> {
    const answer = await this.system.send(method, `/v2.0/${type}s${path}`, fields && { [type]: fields });
    if (answer.status >= 300) throw new Error(`${method} ${type}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return (answer.body[type] ?? {}) as Body;
  }

  /** Resolves when the `/state` document of a resource says so. */
  async stateSays(type: string, id: string, workerState: string, error: string): Promise<void> {
    const key = `/state/v2.0/${type}s/${id}`;
    await this.system.documentsUntil((all) => {
      const document = all.get(key) as { state?: Body; error?: string } | undefined;
      return document?.state?.["worker_state"] === workerState && document.error === error;
    });
  }

  /** Resolves when no document is left whose key has the id, after there were some. */
  async documentsGone(id: string): Promise<void> {
    let seen = false;
    await this.system.documentsUntil((all) => {
      const there = [...all.keys()].some((key) => key.includes(id));
      seen ||= there;
      return seen && !there;
    });
  }

  /** @param device `routers/MX-1`, `agents/QFX-NW02`, `controller` */
  async break(device: string, fault: object): Promise<void> {
    const answer = await this.system.send("POST", `/lab/${device}/faults`, fault);
    if (answer.status !== 201) throw new Error(`${device}: ${JSON.stringify(answer.body)}`);
  }

  async breakRouters(routers: readonly RouterName[], fault: RouterFault): Promise<void> {
    for (const router of routers) await this.break(`routers/${router}`, fault);
  }

  /** Takes all faults of all devices back. */
  async heal(): Promise<void> {
    for (const device of [
      "routers/MX-1",
      "routers/MX-2",
      "agents/MX-1",
      "agents/MX-2",
      "agents/QFX-NW02",
      "controller",
    ])
      await this.system.send("DELETE", `/lab/${device}/faults`);
  }

  /** What each router holds beside its base. */
  async held(): Promise<Record<RouterName, string>> {
    const [first, second] = await Promise.all([
      this.system.text("/lab/routers/MX-1/set"),
      this.system.text("/lab/routers/MX-2/set"),
    ]);
    return { "MX-1": first, "MX-2": second };
  }
}
