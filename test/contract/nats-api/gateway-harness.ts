import { EventEmitter } from "node:events";
import { connect, headers, type Msg, type NatsConnection } from "nats";
import { afterAll, beforeAll, beforeEach } from "vitest";
import type { GatewayApi, JsonObject, RequestOptions, ResourceView } from "../../../src/actors/gateway-api.ts";
import { type NatsApi, type NatsApiOptions, serveNatsApi } from "../../../src/adapters/nats-api/serve-nats-api.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";
import { FakeGateway } from "../../unit/http/fake-gateway.ts";
import { RecordingLogger } from "../../unit/http/recording-logger.ts";

/** The fake gateway, telling what keys it was given. */
export class KeyedGateway extends FakeGateway {
  readonly keys: Array<string | undefined> = [];
  override create(type: string, fields: JsonObject, options?: RequestOptions): Promise<ResourceView> {
    this.keys.push(options?.key);
    return super.create(type, fields);
  }
  override update(type: string, id: string, fields: JsonObject, options?: RequestOptions): Promise<ResourceView> {
    this.keys.push(options?.key);
    return super.update(type, id, fields, options);
  }
}

export interface Answer {
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
  readonly status: number;
  readonly error: string;
  header(name: string): string;
}

/** Emits each line by its level. */
class TellingLogger extends RecordingLogger {
  readonly events = new EventEmitter();
  override error(fields: object, message: string): void {
    super.error(fields, message);
    // Without a listener this event would be thrown.
    if (this.events.listenerCount("error") > 0) this.events.emit("error", { fields, message });
  }
}

/** A server, a gateway on it and a client of it; further ones by `open` and `serve`. All are ended by `close`. */
export class GatewayHarness {
  readonly server: RunningNatsServer;
  readonly logger = new TellingLogger();
  readonly #closers: Array<() => Promise<unknown>> = [];
  #clients = 0;

  private constructor(server: RunningNatsServer) {
    this.server = server;
    this.#closers.push(() => server.stop());
  }

  static async start(config?: string): Promise<GatewayHarness> {
    return new GatewayHarness(await startNatsServer(config === undefined ? {} : { config: () => config }));
  }

  /** A connection that comes back after a restart of the server. */
  async open(login: { user?: string; pass?: string } = {}): Promise<NatsConnection> {
    this.#clients += 1;
    const connection = await connect({
      servers: this.server.address,
      ...login,
      name: `test ${this.#clients}`,
      reconnectTimeWait: 20,
      reconnectJitter: 5,
      maxReconnectAttempts: -1,
    });
    this.later(() => connection.close());
    return connection;
  }

  /** Serves the gateway on a connection of its own. */
  async serve(api: GatewayApi, options: Partial<NatsApiOptions> = {}): Promise<NatsApi> {
    const service = await serveNatsApi({
      connection: options.connection ?? (await this.open()),
      api,
      logger: this.logger,
      clock: systemClock,
      publicUrl: "http://gateway.example/",
      ...options,
    });
    this.later(() => service.stop());
    return service;
  }

  later(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/** Sends a request and takes its answer apart. */
export async function ask(
  client: NatsConnection,
  subject: string,
  body?: object | string | Uint8Array,
  given: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const made = headers();
  for (const [name, value] of Object.entries(given)) made.append(name, value);
  const payload = body instanceof Uint8Array || typeof body === "string" ? body : JSON.stringify(body);
  return answerOf(await client.request(`signalbox.v2.${subject}`, payload ?? "", { timeout: 10_000, headers: made }));
}

export function answerOf(message: Msg): Answer {
  const header = (name: string) => message.headers?.get(name) ?? "";
  return {
    body: JSON.parse(message.string()),
    text: message.string(),
    status: Number(header("Nats-Service-Error-Code") || "200"),
    error: header("Nats-Service-Error"),
    header,
  };
}

/** One server and one client for the tests of a file, and a new gateway for each test. */
export function servedGateway(): {
  readonly harness: GatewayHarness;
  readonly client: NatsConnection;
  gateway: KeyedGateway;
} {
  const served = {} as { harness: GatewayHarness; client: NatsConnection; gateway: KeyedGateway };
  beforeAll(async () => {
    served.harness = await GatewayHarness.start();
    served.client = await served.harness.open();
  });
  beforeEach(async () => {
    served.gateway = new KeyedGateway();
    const service = await served.harness.serve(served.gateway);
    return () => service.stop();
  });
  afterAll(() => served.harness.close());
  return served;
}
