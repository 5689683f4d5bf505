import type { JsonObject } from "../../src/actors/gateway-api.ts";
import type { GatewayClient } from "../../src/cli/gateway-client.ts";
import { outcomeOf, type ResourceTracker, type Tracked } from "../../src/cli/resource-tracker.ts";
import { type Scenario, type ScenarioRequest, withRealIds } from "../../src/cli/scenario-file.ts";
import { SignalboxError } from "../../src/errors.ts";

export const MOVES = ["create", "create", "create", "update", "update", "delete", "refused", "rest"] as const;

/** One step of a life: what kind it is, and a number that chooses among all steps of that kind that are possible then. */
export interface Move {
  readonly kind: (typeof MOVES)[number];
  readonly choice: number;
}

/** A creation that a scenario has, and what it needs. */
interface Creatable {
  readonly alias: string;
  readonly request: ScenarioRequest;
  readonly type: string;
  /** Aliases of those that it names. */
  readonly needs: readonly string[];
}

interface Living {
  readonly id: string;
  readonly type: string;
}

/** A valid request may come too early: what it needs is accepted but not there yet, or what it replaces is not gone yet. */
const TOO_EARLY = new Set([
  "SB_PARAMETER_INVALID",
  "SB_UNIQUE_TAKEN",
  "SB_BEING_DELETED",
  "SB_RELATION_NOT_FOUND",
  "SB_POOL_EXHAUSTED",
]);
const REST_MS = 120_000;

/**
 * Any order in which clients can bring resources about, change them and take them away: creations of a scenario whose needs are met, updates,
 * and deletions of what nobody needs, none of which waits for the one before. Knows what the gateway has accepted.
 */
export class RandomLife {
  /** What was accepted and not deleted, by alias. */
  readonly living = new Map<string, Living>();
  /** Ids of all that was ever accepted, and of what was deleted of them. */
  readonly accepted: Array<{
    readonly type: string;
    readonly id: string;
    readonly alias: string;
    readonly how: "answered";
  }> = [];
  readonly deleted = new Set<string>();
  /** The moves that were made, for the report. */
  readonly made: string[] = [];
  readonly #creatable: readonly Creatable[];
  #gateway: { readonly client: GatewayClient; readonly tracker: ResourceTracker } | undefined;

  constructor(scenario: Scenario) {
    const aliases = scenario.requests.flatMap(({ creates }) => creates ?? []);
    const named = ({ creates, body }: ScenarioRequest) =>
      aliases.filter((alias) => alias !== creates && JSON.stringify(body).includes(alias));
    const typeOf = ({ body }: ScenarioRequest) => Object.keys(body as object)[0] ?? "";
    const subnets = scenario.requests.filter((request) => typeOf(request) === "subnet");
    this.#creatable = scenario.requests.flatMap((request) => {
      if (request.creates === undefined) return [];
      const needs = named(request);
      // Its addresses are those of a subnet that it does not name.
      const implied = typeOf(request) === "gw_interface" ? subnets : [];
      needs.push(
        ...implied.flatMap((subnet) =>
          named(subnet).some((need) => needs.includes(need)) ? (subnet.creates ?? []) : [],
        ),
      );
      return [{ alias: request.creates, request, type: typeOf(request), needs }];
    });
  }

  /** Tells it the gateway that it lives at from now on, and what is followed there. */
  goOn(client: GatewayClient, tracker: ResourceTracker): void {
    this.#gateway = { client, tracker };
  }

  get #client(): GatewayClient {
    if (this.#gateway === undefined) throw new Error("it lives nowhere");
    return this.#gateway.client;
  }

  get #tracker(): ResourceTracker {
    if (this.#gateway === undefined) throw new Error("it lives nowhere");
    return this.#gateway.tracker;
  }

  /** @throws when an answer is not what it must be */
  async make({ kind, choice }: Move): Promise<void> {
    switch (kind) {
      case "create":
        return this.#create(
          pick(
            this.#creatable.filter(
              ({ alias, needs }) => !this.living.has(alias) && needs.every((need) => this.living.has(need)),
            ),
            choice,
          ),
        );
      case "update":
        return this.#update(pick([...this.living.values()], choice), choice);
      case "delete":
        return this.#delete(
          pick(
            [...this.living.keys()].filter((alias) => !this.#isNeeded(alias)),
            choice,
          ),
        );
      case "refused":
        return this.#refuse(
          pick(
            [...this.living.keys()].filter((alias) => this.#isNeeded(alias)),
            choice,
          ),
        );
      case "rest":
        this.made.push("rest");
        return this.rest();
      default:
        return kind satisfies never;
    }
  }

  /** Resolves when nothing is under way. @throws when something has failed */
  async rest(): Promise<void> {
    await this.#caughtUp();
    const unfinished = () =>
      [...this.#tracker.resources.values()].filter(({ latest }) => outcomeOf(latest) === "pending");
    const isSeen = () =>
      [...this.living.values()].every(({ id }) => this.#tracker.resources.has(id)) &&
      [...this.deleted].every((id) => isGone(this.#tracker.resources.get(id)));
    await this.#tracker.until(
      () => {
        const failed = [...this.#tracker.resources.values()].find(({ latest }) => outcomeOf(latest) === "failed");
        if (failed !== undefined)
          throw new Error(`${failed.latest.type} ${failed.latest.id} failed: ${failed.latest.error}`);
        return isSeen() && unfinished().length === 0 ? true : undefined;
      },
      {
        timeoutMs: REST_MS,
        describe: () =>
          `not at rest: ${unfinished()
            .map(({ latest }) => `${latest.type} ${latest.id} ${latest.state}`)
            .join(", ")}`,
      },
    );
  }

  /** Resolves when all that was answered has been followed. */
  async #caughtUp(): Promise<void> {
    let last = 0;
    for await (const { seq } of this.#client.transitions(1, false, new AbortController().signal)) last = seq;
    const seen = () => Math.max(0, ...[...this.#tracker.resources.values()].map(({ latest }) => latest.seq));
    const describe = () => `followed up to ${seen()} of ${last}`;
    await this.#tracker.until(() => (seen() >= last ? true : undefined), { timeoutMs: REST_MS, describe });
  }

  /** Deletes all that is left, what needs others before them, each as soon as it may be. */
  async end(): Promise<void> {
    while (this.living.size > 0) {
      const before = this.living.size;
      const free = [...this.living.keys()].filter((alias) => !this.#isNeeded(alias));
      for (const alias of free) await this.#delete(alias);
      if (this.living.size === before)
        throw new Error(`nothing of ${[...this.living.keys()].join(", ")} can be deleted`);
    }
    await this.rest();
  }

  #isNeeded(alias: string): boolean {
    return this.#creatable.some((other) => this.living.has(other.alias) && other.needs.includes(alias));
  }

  async #create(wanted: Creatable | undefined): Promise<void> {
    if (wanted === undefined) return;
    const { alias, request, type } = wanted;
    const ids = new Map([...this.living].map(([each, { id }]) => [each, id]));
    const { path, body } = withRealIds(request, ids);
    const made = await this.#tolerant(`create ${type} ${alias.slice(0, 8)}`, () =>
      this.#client.json<Record<string, { id: string }>>("POST", path, body),
    );
    const id = made?.[type]?.id;
    if (id === undefined) return;
    this.living.set(alias, { id, type });
    this.accepted.push({ type, id, alias, how: "answered" });
  }

  async #update(living: Living | undefined, choice: number): Promise<void> {
    if (living === undefined) return;
    const type = await this.#client.type(living.type);
    const names = ["description", "name", "tags"].filter((name) => type.fields[name]?.permission.includes("update"));
    const [name] = names;
    if (name === undefined) return;
    const value = name === "tags" ? { choice: String(choice) } : `${living.type}-${choice}-${this.made.length}`;
    await this.#tolerant(`update ${living.type} ${living.id.slice(0, 8)}`, () =>
      this.#client.update(type, living.id, { [name]: value } as JsonObject),
    );
  }

  async #delete(alias: string | undefined): Promise<void> {
    const living = alias === undefined ? undefined : this.living.get(alias);
    if (alias === undefined || living === undefined) return;
    const type = await this.#client.type(living.type);
    const what = `delete ${living.type} ${living.id.slice(0, 8)}`;
    try {
      await this.#client.remove(type, living.id);
    } catch (thrown) {
      // Something else names it in a field that was derived, or belongs to what is alive. It says what, and that is there.
      const names = thrown instanceof SignalboxError && thrown.code === "SB_REFERENCED" ? thrown.message : "";
      if (!(await this.#isAnyThere(names, living.id))) throw thrown;
      this.made.push(`${what}: SB_REFERENCED`);
      return;
    }
    this.made.push(what);
    this.living.delete(alias);
    this.deleted.add(living.id);
  }

  /** One of the resources that a message names, other than that one, is there and stays. */
  async #isAnyThere(message: string, otherThan: string): Promise<boolean> {
    for (const [, name = "", id = ""] of message.matchAll(/(\w+) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/g)) {
      if (id === otherThan || this.deleted.has(id)) continue;
      const found = await this.#client.get(await this.#client.type(name), id).catch(() => undefined);
      if (found !== undefined && found["status"] !== "PENDING_DELETE") return true;
    }
    return false;
  }

  async #refuse(alias: string | undefined): Promise<void> {
    const living = alias === undefined ? undefined : this.living.get(alias);
    if (living === undefined) return;
    const what = `delete ${living.type} ${living.id.slice(0, 8)}, which is needed`;
    this.made.push(what);
    const code = await this.#client.remove(await this.#client.type(living.type), living.id).then(
      () => "nothing",
      (thrown: unknown) => (thrown instanceof SignalboxError ? thrown.code : String(thrown)),
    );
    if (code !== "SB_REFERENCED") throw new Error(`${what} was refused with ${code}`);
  }

  /** The answer; undefined when it came too early. */
  async #tolerant<T>(what: string, send: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await send();
      this.made.push(what);
      return answer;
    } catch (thrown) {
      if (!(thrown instanceof SignalboxError) || !TOO_EARLY.has(thrown.code)) throw thrown;
      this.made.push(`${what}: ${thrown.code}`);
      return undefined;
    }
  }
}

function pick<T>(from: readonly T[], choice: number): T | undefined {
  return from[choice % Math.max(1, from.length)];
}

/** A gateway that was started again does not tell of what was gone before. */
function isGone(tracked: Tracked | undefined): boolean {
  return tracked === undefined || outcomeOf(tracked.latest) === "gone";
}
