import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";

/** One keep-alive connection per client of a load. */
export class RestClient {
  readonly #url: URL;
  readonly #agent: Agent;

  constructor(url: string, connections: number) {
    this.#url = new URL(url);
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: "fifo" });
  }

  /** @throws when the answer is an error */
  async send(method: string, path: string, body?: object): Promise<string> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const headers =
      payload === undefined ? {} : { "content-type": "application/json", "content-length": payload.length };
    const answer = await this.#open(method, path, headers, payload);
    answer.setEncoding("utf8");
    let text = "";
    answer.on("data", (chunk: string) => {
      text += chunk;
    });
    await once(answer, "end");
    if ((answer.statusCode ?? 500) >= 400) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`);
    return text;
  }

  /** Lines of an answer that does not end by itself; `end` ends it. */
  async stream(path: string, line: (text: string) => void): Promise<{ end: () => void }> {
    const answer = await this.#open("GET", path, {}, undefined);
    const lines = createInterface({ input: answer });
    lines.on("line", line);
    answer.on("error", () => {});
    return {
      end: () => {
        lines.close();
        answer.destroy();
      },
    };
  }

  close(): void {
    this.#agent.destroy();
  }

  #open(
    method: string,
    path: string,
    headers: Record<string, string | number>,
    payload: string | undefined,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#url;
      const sent = httpRequest({ agent: this.#agent, hostname, port, method, path, headers }, resolve);
      sent.once("error", reject);
      sent.end(payload);
    });
  }
}

/** What is measured: a tenant network has two jobs, a stack on the controller and the monitoring of what it made. */
const COLLECTION = "/v2.0/networks";
const ENDED = /"(?:status":"(ACTIVE|[A-Z_]*FAILED|ERROR)"|deleted":(true))/;

/** Creates and deletes resources over REST, and learns from the stream of transitions when each is ready and when it is gone. */
export class RestLifecycles {
  readonly #clients: readonly RestClient[];
  readonly #active = new Map<string, () => void>();
  readonly #gone = new Map<string, () => void>();
  readonly #seenActive = new Set<string>();
  readonly #seenGone = new Set<string>();
  readonly #streams: Array<{ end: () => void }> = [];
  #failure: Error | undefined;
  #made = 0;

  private constructor(clients: readonly RestClient[]) {
    this.#clients = clients;
  }

  /** @param urls of gateways, which take turns */
  static async open(urls: readonly string[], connections: number): Promise<RestLifecycles> {
    const each = Math.ceil(connections / urls.length);
    const lifecycles = new RestLifecycles(urls.map((url) => new RestClient(url, each)));
    const watching = new RestClient(urls[0] ?? "", 1);
    const stream = await watching.stream("/signalbox/v1/transitions?follow=true", (line) => lifecycles.#told(line));
    lifecycles.#streams.push(stream, { end: () => watching.close() });
    return lifecycles;
  }

  /** POST until ACTIVE. Answers the resource's id. */
  async create(): Promise<string> {
    this.#made += 1;
    const body = { network: { name: `bench-${this.#made}`, tenant_id: "0123456789abcdef0123456789abcdef" } };
    const client = this.#clients[this.#made % this.#clients.length];
    if (client === undefined) throw new Error("there is no gateway");
    const text = await client.send("POST", COLLECTION, body);
    const id = /"id":"([0-9a-f-]{36})"/.exec(text)?.[1];
    if (id === undefined) throw new Error(`no id in ${text}`);
    await this.#awaited(id, this.#active, this.#seenActive);
    return id;
  }

  /** DELETE until it is gone. */
  async remove(id: string): Promise<void> {
    this.#made += 1;
    await this.#clients[this.#made % this.#clients.length]?.send("DELETE", `${COLLECTION}/${id}`);
    await this.#awaited(id, this.#gone, this.#seenGone);
  }

  close(): void {
    for (const stream of this.#streams) stream.end();
    for (const client of this.#clients) client.close();
  }

  #awaited(id: string, waiting: Map<string, () => void>, seen: Set<string>): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (seen.delete(id)) return Promise.resolve();
    return new Promise((resolve) => waiting.set(id, resolve));
  }

  #told(line: string): void {
    const [, status, deleted] = ENDED.exec(line) ?? [];
    if (status === undefined && deleted === undefined) return;
    const view = JSON.parse(line) as { id: string; status: string; deleted: boolean; state: string };
    if (view.deleted) this.#settle(view.id, this.#gone, this.#seenGone);
    else if (view.state === "create_completed" && view.status === "ACTIVE") {
      this.#settle(view.id, this.#active, this.#seenActive);
    } else if (view.state.endsWith("_failed")) this.#failure = new Error(`a resource has failed: ${line}`);
  }

  #settle(id: string, waiting: Map<string, () => void>, seen: Set<string>): void {
    const resolve = waiting.get(id);
    waiting.delete(id);
    if (resolve === undefined) seen.add(id);
    else resolve();
  }
}

/** Does something `count` times, `atOnce` at a time. Answers the seconds that it took. */
export async function secondsOf(
  count: number,
  atOnce: number,
  once: (number: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const start = performance.now();
  const loop = async () => {
    while (next < count) {
      next += 1;
      await once(next - 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  return (performance.now() - start) / 1000;
}
