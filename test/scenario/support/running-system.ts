import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { followTransitions } from "../../../src/cli/follow-transitions.ts";
import { GatewayClient } from "../../../src/cli/gateway-client.ts";
import { replayScenario, settle } from "../../../src/cli/replay-scenario.ts";
import { ResourceTracker } from "../../../src/cli/resource-tracker.ts";
import { readScenario, type Scenario } from "../../../src/cli/scenario-file.ts";
import { startSystem } from "../../../src/cli/start-system.ts";
import type { RunningSystem, SystemOptions } from "../../../src/cli/system-options.ts";

export const demoScenario = fileURLToPath(new URL("../../../templates/_demo/vpn_gateway.json", import.meta.url));

/** A whole system with its lab on instant timing, reached over real HTTP; its data live in a folder that goes with it. */
export class TestSystem {
  readonly data: string;
  readonly options: SystemOptions;
  private running: RunningSystem;
  /** With which everything here is sent, where tokens are needed. */
  token: string | undefined;

  private constructor(data: string, options: SystemOptions, running: RunningSystem) {
    this.data = data;
    this.options = options;
    this.running = running;
  }

  static async start(overrides: Partial<SystemOptions> = {}): Promise<TestSystem> {
    const data = await mkdtemp(join(tmpdir(), "signalbox-scenario-"));
    const options: SystemOptions = {
      data,
      http: { host: "127.0.0.1", port: 0 },
      lab: true,
      timing: "instant",
      plainSecrets: false,
      logLevel: "silent",
      ...overrides,
    };
    return new TestSystem(data, options, await startSystem(options));
  }

  get url(): string {
    return this.running.url;
  }

  client(): GatewayClient {
    return new GatewayClient(this.url, this.token);
  }

  async restart(): Promise<void> {
    await this.running.stop();
    this.running = await startSystem(this.options);
  }

  async stop(): Promise<void> {
    await this.running.stop();
    await rm(this.data, { recursive: true, force: true });
  }

  async get<T>(path: string): Promise<T> {
    return (await (await this.fetch(path)).json()) as T;
  }

  async text(path: string): Promise<string> {
    return (await this.fetch(path)).text();
  }

  private fetch(path: string, init: RequestInit & { headers?: Record<string, string> } = {}): Promise<Response> {
    const token = this.token === undefined ? {} : { "x-auth-token": this.token };
    return fetch(`${this.url}${path}`, { ...init, headers: { ...init.headers, ...token } });
  }

  async send(method: string, path: string, body?: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await this.fetch(path, {
      method,
      ...(method === "GET" ? {} : { headers: { "content-type": "application/json" } }),
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>) };
  }

  /** Documents by key as they are now, the program's own left out. */
  async documents(): Promise<Map<string, unknown>> {
    const list = await this.get<Array<{ key: string; value: unknown }>>("/signalbox/v1/documents?prefix=%2F");
    return new Map(list.map(({ key, value }) => [key, value]));
  }

  /** Follows every document write from the first on until the documents are as wanted; answers them. */
  async documentsUntil(wanted: (documents: ReadonlyMap<string, unknown>) => boolean): Promise<Map<string, unknown>> {
    const stopping = new AbortController();
    const documents = new Map<string, unknown>();
    for await (const { key, value } of this.client().watchDocuments("/", true, stopping.signal)) {
      if (value === null) documents.delete(key);
      else documents.set(key, value);
      if (wanted(documents)) break;
    }
    stopping.abort();
    return documents;
  }

  /** Replays a scenario and waits until everything, dependents too, is ACTIVE and UP. */
  async replay(scenario: Scenario | string): Promise<void> {
    const client = this.client();
    const tracker = new ResourceTracker();
    const stopping = new AbortController();
    const following = (async () => {
      for await (const transition of followTransitions(client, 1, stopping.signal)) tracker.add(transition);
    })();
    try {
      const loaded = typeof scenario === "string" ? await readScenario(scenario) : scenario;
      await replayScenario(client, loaded, { tracker, timeoutMs: 60_000, onRequest: () => {}, onDone: () => {} });
      const short = await settle(tracker, 60_000);
      if (short.length > 0) throw new Error(`not there: ${short.join("; ")}`);
    } finally {
      stopping.abort();
      await following;
    }
  }

  /** Waits for a transition of a resource that satisfies the condition; from the beginning of the log. */
  async until(
    id: string,
    condition: (transition: { state: string; status: string | null; version: number; error: string }) => boolean,
  ): Promise<void> {
    const stopping = new AbortController();
    for await (const transition of followTransitions(this.client(), 1, stopping.signal)) {
      if (transition.id === id && condition(transition)) break;
    }
    stopping.abort();
  }
}
