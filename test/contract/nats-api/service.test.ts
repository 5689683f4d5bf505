import { EventEmitter, once } from "node:events";
import { Events, type NatsConnection, type ServiceInfo, type ServiceStats } from "nats";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ResourceView } from "../../../src/actors/gateway-api.ts";
import { FakeGateway } from "../../unit/http/fake-gateway.ts";
import { type Answer, answerOf, ask, GatewayHarness } from "./gateway-harness.ts";

let harness: GatewayHarness;
let client: NatsConnection;

beforeEach(async () => {
  harness = await GatewayHarness.start();
  client = await harness.open();
});
afterEach(() => harness.close());

/** A gateway whose `get` waits until it is told to go on. */
class SlowGateway extends FakeGateway {
  readonly called = new EventEmitter();
  calls = 0;
  open: () => void = () => {};
  readonly #gate = new Promise<void>((resolve) => {
    this.open = resolve;
  });
  override async get(type: string, id: string): Promise<ResourceView> {
    this.calls += 1;
    this.called.emit("get");
    await this.#gate;
    return { type, id };
  }
}

async function allOf<T>(found: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const each of found) all.push(each);
  return all;
}

const infos = async (): Promise<ServiceInfo[]> => allOf(await client.services.client().info("signalbox"));
const stats = async (): Promise<ServiceStats[]> => allOf(await client.services.client().stats("signalbox"));

describe("discovery", () => {
  it("tells each service, and every endpoint with its schemas", async () => {
    await harness.serve(new FakeGateway());
    await harness.serve(new FakeGateway());
    const services = await infos();
    expect(services.map(({ name, version }) => `${name} ${version}`)).toEqual(["signalbox 2.0.0", "signalbox 2.0.0"]);
    expect(new Set(services.map(({ id }) => id)).size).toBe(2);
    const endpoints = services[0]?.endpoints ?? [];
    const verbs = ["create", "get", "list", "update", "delete", "retry"];
    expect(endpoints.map(({ subject }) => subject)).toEqual([
      ...["edge_routers", "gw_interfaces", "vpn_services"].flatMap((collection) =>
        verbs.map((verb) => `signalbox.v2.${collection}.${verb}`),
      ),
      "signalbox.v2.events.replay",
      "signalbox.v2.audit.query",
    ]);
    expect(endpoints.find(({ name }) => name === "create_gw_interface")).toEqual({
      name: "create_gw_interface",
      subject: "signalbox.v2.gw_interfaces.create",
      queue_group: "signalbox-gateway",
      metadata: {
        type: "gw_interface",
        collection: "gw_interfaces",
        schemas: "http://gateway.example/gohan/v0.1/schemas",
        request: "http://gateway.example/openapi.json#/components/schemas/gw_interface_create",
        answer: "http://gateway.example/openapi.json#/components/schemas/gw_interface",
        error: "http://gateway.example/openapi.json#/components/schemas/Problem",
      },
    });
    const pings = await allOf(await client.services.client().ping("signalbox"));
    expect(pings.map(({ id }) => id).sort()).toEqual(services.map(({ id }) => id).sort());
  });

  it("counts answers and errors", async () => {
    await harness.serve(new FakeGateway());
    await ask(client, "edge_routers.list");
    await ask(client, "edge_routers.get", { id: "none" });
    await ask(client, "edge_routers.get", {});
    const [service] = await stats();
    const of = (name: string) => service?.endpoints?.find((each) => each.name === name);
    expect(of("list_edge_routers")).toMatchObject({ num_requests: 1, data: { answered: 1, errors: 0, in_hand: 0 } });
    expect(of("get_edge_router")).toMatchObject({
      num_requests: 2,
      data: { answered: 2, errors: 2, last_error: "SB_INVALID_BODY", in_hand: 0 },
    });
  });

  it("goes by the namespace", async () => {
    await harness.serve(new FakeGateway(), { namespace: "other" });
    await expect(infos()).rejects.toMatchObject({ code: "503" });
    const answer = answerOf(await client.request("other.v2.edge_routers.list", ""));
    expect(answer.body).toEqual({ edge_routers: [] });
    await expect(harness.serve(new FakeGateway(), { namespace: "a.b" })).rejects.toMatchObject({
      code: "SB_CONFIG_INVALID",
    });
  });
});

describe("several services", () => {
  it("share the requests: each is answered by one of them", async () => {
    const gateways = [new FakeGateway(), new FakeGateway()] as const;
    for (const gateway of gateways) await harness.serve(gateway);
    const create = (n: number) => ask(client, "edge_routers.create", { edge_router: { ip: `10.0.0.${n}` } });
    const answers = await Promise.all(Array.from({ length: 60 }, (_, n) => create(n)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const made = gateways.map(({ log }) => log.filter(({ event }) => event === "CREATE").length);
    const [first = 0, second = 0] = made;
    expect(first).toBeGreaterThan(0);
    expect(second).toBeGreaterThan(0);
    expect(first + second).toBe(60);
  });

  it("answer an unknown subject once", async () => {
    await harness.serve(new FakeGateway());
    await harness.serve(new FakeGateway());
    const found: Answer[] = [];
    const inbox = client.subscribe("answers", { callback: (_error, message) => void found.push(answerOf(message)) });
    client.publish("signalbox.v2.nothing.create", "{}", { reply: inbox.getSubject() });
    // What follows on the same connections comes after all answers to what was before.
    for (let n = 0; n < 20; n += 1) await ask(client, "nothing.list");
    expect(found.map(({ body }) => body.code)).toEqual(["SB_NO_SUCH_ROUTE"]);
  });
});

describe("stop", () => {
  it("answers what is in hand and takes nothing new, and leaves the connection open", async () => {
    const gateway = new SlowGateway();
    const connection = await harness.open();
    const service = await harness.serve(gateway, { connection });
    const asked = ask(client, "edge_routers.get", { id: "a" });
    await once(gateway.called, "get");
    let ended = false;
    const stopped = service.stop().then(() => {
      ended = true;
    });
    // The subscriptions are gone when the server says that nobody is there.
    for (;;) {
      const error = await client.request("signalbox.v2.edge_routers.list", "").then(
        () => undefined,
        (thrown: { code: string }) => thrown.code,
      );
      if (error === "503") break;
    }
    await connection.flush();
    await connection.flush();
    expect(ended).toBe(false);
    gateway.open();
    await stopped;
    await connection.flush();
    expect(await asked).toMatchObject({ status: 200, body: { edge_router: { id: "a" } } });
    expect(gateway.calls).toBe(1);
    expect(connection.isClosed()).toBe(false);
    await connection.flush();
    await expect(infos()).rejects.toMatchObject({ code: "503" });
  });

  it("ends, and says so, although a request is never answered", async () => {
    const gateway = new SlowGateway();
    const service = await harness.serve(gateway, { limits: { graceMs: 20 } });
    client.publish("signalbox.v2.edge_routers.get", JSON.stringify({ id: "a" }));
    await once(gateway.called, "get");
    await service.stop();
    expect(harness.logger.lines.at(-1)).toMatchObject({ level: "warn", fields: { ms: 20 } });
    gateway.open();
  });

  it("may come twice, and after the connection's end", async () => {
    const connection = await harness.open();
    const service = await harness.serve(new FakeGateway(), { connection });
    await Promise.all([service.stop(), service.stop()]);
    const other = await harness.serve(new FakeGateway(), { connection });
    await connection.close();
    await other.stop();
    expect(harness.logger.lines.filter(({ level }) => level === "error")).toHaveLength(1);
  });
});

describe("a restart of the server", () => {
  it("loses no service: it answers again, and discovery finds it", async () => {
    const connection = await harness.open();
    const gateway = new SlowGateway();
    await harness.serve(gateway, { connection });
    const back = [client, connection].map(async (each) => {
      for await (const { type } of each.status()) if (type === Events.Reconnect) return;
    });
    client.publish("signalbox.v2.edge_routers.get", JSON.stringify({ id: "a" }), { reply: "nowhere" });
    await once(gateway.called, "get");
    await harness.server.kill();
    // Its answer goes nowhere, which harms nobody.
    gateway.open();
    await harness.server.start();
    await Promise.all(back);
    await Promise.all([client.flush(), connection.flush()]);
    expect((await ask(client, "edge_routers.create", { edge_router: { ip: "10.0.0.1" } })).status).toBe(200);
    expect(await infos()).toHaveLength(1);
  });
});

describe("a user without the rights", () => {
  it("is told in the log that the service ended", async () => {
    await harness.close();
    const users = `authorization {
      users = [{ user: narrow, password: p, permissions: { subscribe: { deny: "signalbox.v2.edge_routers.get" } } }]
    }`;
    harness = await GatewayHarness.start(users);
    const connection = await harness.open({ user: "narrow", pass: "p" });
    const told = once(harness.logger.events, "error");
    await harness.serve(new FakeGateway(), { connection });
    const [line] = await told;
    expect(line).toMatchObject({ message: expect.stringContaining("not answered any more") });
  });
});
