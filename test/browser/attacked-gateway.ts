import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { TestSystem } from "../scenario/support/running-system.ts";
import { openBrowser } from "./browser.ts";
import { attackWith, type Read } from "./hostile-page.ts";

/** A name that leads to 127.0.0.1 in this browser. */
const NAME = "attacker.example";

/** A request that reached the gateway, and how it was answered. */
interface Reached {
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

export interface Outcome {
  readonly read: readonly Read[];
  readonly reached: readonly Reached[];
  /** Whether all that can be asked of the gateway and the lab is as it was. */
  readonly unchanged: boolean;
}

/** A whole system with a resource that has failed, a browser, and a server of pages that are somebody else's. */
export class AttackedGateway {
  readonly system: TestSystem;
  readonly browser: Browser;
  /** Every path that there is, with what is there in place of parameters. */
  readonly paths: readonly string[];
  readonly #foreign: Server;
  readonly #port: string;
  #reached: Reached[] = [];
  readonly #note = (message: unknown): void => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    if (String(request.socket.localPort) !== this.#port) return;
    this.#reached.push({ method: request.method ?? "", path: request.url ?? "", status: response.statusCode });
  };

  private constructor(system: TestSystem, browser: Browser, foreign: Server, paths: readonly string[]) {
    this.system = system;
    this.browser = browser;
    this.paths = paths;
    this.#foreign = foreign;
    this.#port = new URL(system.url).port;
    subscribe("http.server.response.finish", this.#note);
  }

  static async start(): Promise<AttackedGateway> {
    const foreign = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>theirs</title><body></body>");
    }).listen(0, "127.0.0.1");
    await once(foreign, "listening");
    // What a browser itself keeps from 127.0.0.1 is not what is tried here, and not every browser does.
    const features = "LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights";
    const args = [`--host-resolver-rules=MAP ${NAME} 127.0.0.1`, `--disable-features=${features}`];
    const [system, browser] = await Promise.all([TestSystem.start(), openBrowser(args)]);
    await system.send("POST", "/lab/controller/faults", { kind: "reject", object: "virtual-network" });
    const made = await system.send("POST", "/v2.0/networks", { network: { name: "failed" } });
    const { id } = made.body["network"] as { id: string };
    await system.until(id, ({ status }) => status === "ERROR");
    return new AttackedGateway(system, browser, foreign, await everyPath(system, id));
  }

  async stop(): Promise<void> {
    unsubscribe("http.server.response.finish", this.#note);
    await this.browser.close();
    await this.system.stop();
    this.#foreign.closeAllConnections();
    this.#foreign.close();
  }

  /** Pages at another host, and at another port of the gateway's own. */
  get foreignPages(): readonly string[] {
    const { port } = this.#foreign.address() as AddressInfo;
    return [`http://${NAME}:${port}/`, `http://127.0.0.1:${port}/`];
  }

  /** Tries everything from a page of another origin. */
  fromForeign(page: string, paths: readonly string[]): Promise<Outcome> {
    return this.#attack(page, this.system.url, paths);
  }

  /** Tries everything from a page whose name was pointed at the gateway after the page had come from elsewhere. */
  rebound(paths: readonly string[]): Promise<Outcome> {
    const origin = `http://${NAME}:${this.#port}`;
    return this.#attack(`${origin}/theirs`, origin, paths);
  }

  async #attack(page: string, base: string, paths: readonly string[]): Promise<Outcome> {
    const before = await stateOf(this.system);
    this.#reached = [];
    const context = await this.browser.newContext();
    const opened = await context.newPage();
    const body = "<!doctype html><body></body>";
    await opened.route(page, (route) => route.fulfill({ contentType: "text/html", body }));
    await opened.goto(page);
    const thorough = paths.filter((path) => !path.startsWith("/v2.0/") || path.startsWith("/v2.0/networks"));
    const sockets = ["/", "/ui/", "/signalbox/v1/transitions?follow=true"];
    const read = (await opened.evaluate(attackWith({ base, paths, thorough, sockets }))) as Read[];
    await context.close();
    const reached = this.#reached;
    this.#reached = [];
    return { read, reached, unchanged: (await stateOf(this.system)) === before };
  }
}

/** What was tried on every path, so that nothing is shown by requests that never came. */
export function untried({ reached }: Outcome, methods: readonly string[], paths: readonly string[]): string[] {
  const tried = new Set(reached.map(({ method, path }) => `${method} ${path}`));
  return methods.flatMap((method) => paths.map((path) => `${method} ${path}`)).filter((each) => !tried.has(each));
}

/** Of the API as it describes itself, of the lab and of the pages. @param id of the network that has failed */
async function everyPath(system: TestSystem, id: string): Promise<string[]> {
  const document = await system.get<{ paths: Record<string, object> }>("/openapi.json");
  const names: Record<string, string> = { type: "network", name: "MX-1" };
  const fill = (path: string) => path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => names[name] ?? id);
  const page = await system.text("/ui/");
  const assets = [...page.matchAll(/(?:src|href)="(\/ui\/[^"]+)"/g)].map(([, path]) => path ?? "");
  const router = "/lab/routers/MX-1";
  return [
    ...Object.keys(document.paths).map(fill),
    "/signalbox/v1/secrets/reseal?purge=true",
    "/signalbox/v1/transitions?follow=true",
    ...[
      "/lab",
      `${router}/compare`,
      `${router}/set`,
      `${router}/configuration`,
      `${router}/commits`,
      `${router}/faults`,
    ],
    ...[
      "/lab/agents/MX-1/faults",
      "/lab/controller/faults",
      "/lab/controller/objects",
      "/lab/controller/faults/reject",
    ],
    ...["/ui", "/ui/", "/ui/devices", ...assets, "/nothing", "/"],
  ];
}

/** Everything that a request could change, and what is written about who did. */
async function stateOf(system: TestSystem): Promise<string> {
  const types = await system.get<{ schemas: ReadonlyArray<{ plural: string }> }>("/gohan/v0.1/schemas");
  const lists = await Promise.all(types.schemas.map(({ plural }) => system.get(`/v2.0/${plural}`)));
  const { audit } = await system.get<{ audit: ReadonlyArray<{ action: string }> }>("/signalbox/v1/audit");
  // That this asks for seals is kept, too.
  const done = audit.filter(({ action }) => action !== "read_seals");
  const rest = ["/lab/controller/faults", "/lab/routers/MX-1/faults", "/lab/agents/MX-1/faults"];
  const others = await Promise.all([...rest, "/signalbox/v1/secrets"].map((path) => system.get(path)));
  return JSON.stringify({ lists, done, others, transitions: await system.text("/signalbox/v1/transitions") });
}
