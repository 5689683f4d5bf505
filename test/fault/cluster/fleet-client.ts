import { setTimeout as sleep } from "node:timers/promises";
import type { JsonObject } from "../../../src/actors/gateway-api.ts";
import { withRealIds } from "../../../src/cli/scenario-file.ts";
import { waitUntilActive } from "../../../src/cli/wait-for-resource.ts";
import type { Acknowledged } from "../careful-client.ts";
import { type Answer, keyedRequest } from "../keyed-post.ts";
import { isBroken, isNotReady } from "../orchestrator.ts";
import { TransitionFollower } from "../transition-follower.ts";
import type { FleetRequest } from "./fleet-requests.ts";
import type { Gateways } from "./gateways.ts";

const NOT_READY_MS = 200;
/** Requests under way at once. */
const AT_ONCE = 8;

export interface SendOptions {
  /** Resolves when the request of that position may be sent. */
  readonly turn: (position: number) => Promise<void>;
  /** Longest wait for a resource to be complete, milliseconds. */
  readonly timeoutMs: number;
}

/** That a resource is accepted, for those that build on it. */
class Acceptance {
  accept: (id: string) => void = () => {};
  fail: (why: unknown) => void = () => {};
  readonly id = new Promise<string>((resolve, reject) => {
    this.accept = resolve;
    this.fail = reject;
  });

  constructor() {
    // Perhaps nobody builds on it.
    this.id.catch(() => {});
  }
}

/**
 * Sends the requests of a fleet to gateways that come and go, several at once, each when what it builds on is accepted.
 * What gets no answer is sent again with the same idempotency key, to another gateway.
 */
export class FleetClient {
  readonly acknowledged: Acknowledged[] = [];
  /** Ids of what it has deleted. */
  readonly deleted = new Set<string>();
  /** The fields that it has last set, by id. */
  readonly changed = new Map<string, JsonObject>();
  /** By name: the status with which a request was refused. */
  readonly refused = new Map<string, number>();
  readonly follower: TransitionFollower;
  /** Times that a request was sent once more. */
  repeated = 0;
  /** Times that a request was refused because what it builds on was accepted and not yet there. */
  early = 0;
  /** Requests that were answered. */
  answered = 0;
  readonly #gateways: Gateways;
  readonly #ids = new Map<string, string>();
  /** By the alias of what a request creates: its real id, as soon as it is accepted. */
  readonly #created = new Map<string, Acceptance>();
  #underWay = 0;
  readonly #free: Array<() => void> = [];

  constructor(gateways: Gateways) {
    this.#gateways = gateways;
    this.follower = new TransitionFollower((broken) => gateways.reachable(broken));
  }

  /** @throws the first error that is neither a broken connection nor a refusal that was to be */
  async send(requests: readonly FleetRequest[], options: SendOptions): Promise<void> {
    for (const { creates } of requests) {
      if (creates === undefined) continue;
      this.#created.set(creates, new Acceptance());
    }
    await Promise.all(requests.map((request, position) => this.#sendOne(request, position, options)));
  }

  async #sendOne(request: FleetRequest, position: number, options: SendOptions): Promise<void> {
    try {
      await options.turn(position);
      const ids = await Promise.all(request.after.map((alias) => this.#created.get(alias)?.id ?? alias));
      if (request.whenDone) for (const id of ids) await this.#isDone(id, options.timeoutMs);
      await this.#slot();
      const answer = await this.#ask(request).finally(() => this.#freed());
      this.#note(request, answer);
    } catch (thrown) {
      this.#created.get(request.creates ?? "")?.fail(thrown);
      throw thrown;
    }
  }

  async #isDone(id: string, timeoutMs: number): Promise<void> {
    const { tracker } = this.follower;
    const type = this.acknowledged.find((each) => each.id === id)?.type ?? "";
    await waitUntilActive(tracker, type, id, { timeoutMs });
  }

  async #ask(written: FleetRequest): Promise<Answer> {
    const { method, path, body } = withRealIds(written, this.#ids);
    let broken = 0;
    for (let attempt = 0; ; attempt += 1) {
      const { url, number } = await this.#gateways.reachable(broken);
      if (attempt > 0) this.repeated += 1;
      try {
        const answer = await keyedRequest({ method, url: `${url}${path}`, key: written.name, body });
        // A change of another resource that an accepted request brings about is on its way (a gateway's vpn_interface).
        if (written.fate === "accepted" && answer.status === 422) {
          this.early += 1;
          await sleep(NOT_READY_MS);
          continue;
        }
        this.answered += 1;
        // It was deleted, and only the answer got lost.
        return attempt > 0 && method === "DELETE" && answer.status === 404 ? { status: 204, text: "" } : answer;
      } catch (thrown) {
        if (!isBroken(thrown)) throw thrown;
        if (isNotReady(thrown)) await sleep(NOT_READY_MS);
        broken = isNotReady(thrown) ? 0 : number;
      }
    }
  }

  #note(request: FleetRequest, { status, text }: Answer): void {
    const { name, fate, method, creates } = request;
    const accepted = status >= 200 && status < 300;
    const wanted = fate === "either" ? accepted || status === 409 : accepted === (fate === "accepted");
    if (!wanted || (!accepted && status >= 500)) throw new Error(`${name} was answered with ${status}: ${text}`);
    if (!accepted) {
      this.refused.set(name, status);
      return;
    }
    const id = creates ?? request.path.split("/").at(-1) ?? "";
    if (method === "POST") {
      const [type = "", resource] = Object.entries(JSON.parse(text) as Record<string, JsonObject>)[0] ?? [];
      const real = String(resource?.["id"]);
      this.#ids.set(id, real);
      this.acknowledged.push({ type, id: real, alias: name, how: "answered" });
      this.#created.get(id)?.accept(real);
      return;
    }
    const real = this.#ids.get(id) ?? id;
    if (method === "DELETE") this.deleted.add(real);
    else {
      const [fields = {}] = Object.values(withRealIds(request, this.#ids).body as Record<string, JsonObject>);
      this.changed.set(real, { ...this.changed.get(real), ...fields });
    }
  }

  async #slot(): Promise<void> {
    if (this.#underWay >= AT_ONCE) await new Promise<void>((resolve) => this.#free.push(resolve));
    else this.#underWay += 1;
  }

  #freed(): void {
    const next = this.#free.shift();
    if (next === undefined) this.#underWay -= 1;
    else next();
  }
}
