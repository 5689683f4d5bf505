import type { FastifyInstance } from "fastify";
import type { Caller } from "../../../src/actors/access/caller.ts";
import type { ReadAccess } from "../../../src/actors/inspection/inspection-api.ts";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { listenHttp } from "../../../src/adapters/http/listen-http.ts";
import { parseEvent, type ServerEvent } from "../../../src/ui/parse-event.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { MemorySystem } from "../actors/memory-system.ts";

const caller: Caller = {
  ...{ name: "reader", role: "reader", tenant: undefined, from: "127.0.0.1", via: "http", requestId: "r" },
};

/** A system in memory whose inspection is served over HTTP. */
const openStream = () => ({ signal: new AbortController().signal, release: () => {} });

export class InspectionServer {
  readonly system: MemorySystem;
  readonly url: string;
  readonly #app: FastifyInstance;

  private constructor(system: MemorySystem, url: string, app: FastifyInstance) {
    this.system = system;
    this.url = url;
    this.#app = app;
  }

  /** @param access what its readers may see; everything when not given */
  static async start(access?: ReadAccess): Promise<InspectionServer> {
    const system = await MemorySystem.start();
    const [process] = system.processes;
    const app = createHttpServer({
      api: system.gateway(),
      logger: silentLogger,
      inspection: process?.inspection,
      ...(access && {
        gatekeeper: {
          admit: async () => ({
            api: system.gateway(),
            caller,
            access,
            openStream,
            permit: async () => {},
            charge: () => {},
          }),
        },
      }),
    });
    const { url } = await listenHttp(app, { host: "127.0.0.1", port: 0 });
    return new InspectionServer(system, url, app);
  }

  async get(path: string): Promise<{ status: number; body: unknown }> {
    const answer = await fetch(`${this.url}/signalbox/v1/${path}`);
    return { status: answer.status, body: await answer.json() };
  }

  /** Events of a stream until `enough` says so of those that came; then it is closed. */
  async events(
    path: string,
    enough: (events: readonly ServerEvent[]) => boolean,
    headers: Record<string, string> = {},
  ): Promise<ServerEvent[]> {
    const leaving = new AbortController();
    const answer = await fetch(`${this.url}/signalbox/v1/${path}`, { headers, signal: leaving.signal });
    const events: ServerEvent[] = [];
    let rest = "";
    try {
      for await (const bytes of answer.body ?? []) {
        const blocks = (rest + Buffer.from(bytes).toString("utf8")).split("\n\n");
        rest = blocks.pop() ?? "";
        for (const block of blocks) {
          const event = parseEvent(block);
          if (event !== undefined) events.push(event);
          if (enough(events)) return events;
        }
      }
    } finally {
      leaving.abort();
    }
    throw new Error(`the stream ended after ${JSON.stringify(events)}`);
  }

  async stop(): Promise<void> {
    await this.#app.close();
    await this.system.stop();
  }
}
