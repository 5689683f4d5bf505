import { createWriteStream, type WriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TransitionView } from "../actors/gateway-api.ts";
import type { Json } from "../actors/ports.ts";
import { SignalboxError } from "../errors.ts";
import type { GatewayClient } from "./gateway-client.ts";
import { outcomeOf, type ResourceTracker } from "./resource-tracker.ts";

/** The routers of the lab whose additions a replay keeps. */
export const LAB_ROUTERS = ["MX-1", "MX-2"] as const;

/** After this time without any write the documents are taken to be complete, whatever is missing. */
const GIVE_UP_MS = 10_000;

/**
 * Writes down a replay in a directory: `documents.ndjson` with every document write in order, `timeline.ndjson` with every
 * transition, `routers/<name>.compare` with what was added to each router of the lab.
 */
export class ReplayRecorder {
  readonly #client: GatewayClient;
  readonly #directory: string;
  readonly #documents: WriteStream;
  readonly #timeline: WriteStream;
  readonly #leave = new AbortController();
  readonly #watching: Promise<void>;
  /** Keys that exist, with the revision of their last write. */
  readonly #written = new Map<string, { revision: number; value: Json }>();
  #heard = performance.now();
  #failure: unknown;

  private constructor(client: GatewayClient, directory: string) {
    this.#client = client;
    this.#directory = directory;
    this.#documents = createWriteStream(join(directory, "documents.ndjson"));
    this.#timeline = createWriteStream(join(directory, "timeline.ndjson"));
    this.#watching = this.#watch().catch((thrown: unknown) => {
      this.#failure = thrown;
    });
  }

  /** Starts to record. @throws SB_USAGE when the directory cannot be made */
  static async start(client: GatewayClient, directory: string): Promise<ReplayRecorder> {
    try {
      await mkdir(join(directory, "routers"), { recursive: true });
    } catch (cause) {
      throw new SignalboxError("SB_USAGE", `${directory} cannot be made: ${(cause as Error).message}.`, {
        cause,
        advice: "Give a directory that you may write to with --out.",
      });
    }
    return new ReplayRecorder(client, directory);
  }

  add(transition: TransitionView): void {
    this.#timeline.write(`${JSON.stringify(transition)}\n`);
  }

  /**
   * Waits until the documents of what was done are all written and nothing more comes for `quietMs`: they follow the
   * transitions with a delay.
   */
  async rest(tracker: ResourceTracker, quietMs: number): Promise<void> {
    while (this.#failure === undefined) {
      const quiet = performance.now() - this.#heard;
      if (quiet >= GIVE_UP_MS) return;
      if (quiet >= quietMs && (await this.#complete(tracker))) return;
      await sleep(100);
    }
  }

  /** Keeps the routers' additions, where the gateway serves a lab. Answers the names of the routers that it has. */
  async keepRouters(): Promise<string[]> {
    const kept: string[] = [];
    for (const name of LAB_ROUTERS) {
      const text = await this.#client.text(`/lab/routers/${name}/compare`);
      if (text === undefined) continue;
      await writeFile(join(this.#directory, "routers", `${name}.compare`), text);
      kept.push(name);
    }
    return kept;
  }

  /** Ends the recording; throws what made it incomplete. */
  async close(): Promise<void> {
    this.#leave.abort();
    await this.#watching;
    await Promise.all([ended(this.#documents), ended(this.#timeline)]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #watch(): Promise<void> {
    for await (const { key, value, revision } of this.#client.watchDocuments("", true, this.#leave.signal)) {
      this.#heard = performance.now();
      if (value === null) this.#written.delete(key);
      else this.#written.set(key, { revision, value });
      this.#documents.write(`${JSON.stringify({ key, value })}\n`);
    }
    if (!this.#leave.signal.aborted) {
      throw new SignalboxError("SB_GATEWAY_UNREACHABLE", "The stream of documents ended before the replay did.");
    }
  }

  async #complete(tracker: ResourceTracker): Promise<boolean> {
    const stored = await this.#client.documents("");
    if (stored.some(({ key, revision }) => (this.#written.get(key)?.revision ?? 0) < revision)) return false;
    if ([...this.#written.keys()].some((key) => /^\/(jobs|esi-worker\/job_state)\//.test(key))) return false;
    const collections = new Map((await this.#client.types()).map((each) => [each.type, each.collection]));
    for (const { latest } of tracker.resources.values()) {
      const of = `v2.0/${collections.get(latest.type)}/${latest.id}`;
      const outcome = outcomeOf(latest);
      const state = this.#written.get(`/state/${of}`)?.value as { version?: number } | undefined;
      if (outcome === "gone" && this.#written.has(`/config/${of}`)) return false;
      if (outcome === "done" && (state?.version ?? 0) < latest.version) return false;
    }
    return true;
  }
}

async function ended(stream: WriteStream): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.once("error", reject);
    stream.end(resolve);
  });
}
