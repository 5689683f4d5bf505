import { afterEach, beforeEach, expect, it } from "vitest";
import { EventFeedPublisher } from "../../../src/actors/event-feed.ts";
import { NatsEventFeed } from "../../../src/adapters/nats-api/nats-event-feed.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { FakeGateway } from "../../unit/http/fake-gateway.ts";
import { ask, GatewayHarness } from "./gateway-harness.ts";

/** The users of docs/nats-api.md, with no more rights than it lists. */
const users = `authorization { users = [
  { user: gateway, password: p, permissions: {
    publish: ["signalbox.v2.feed.>", "$JS.API.>", "_INBOX.>"], subscribe: ["signalbox.v2.>", "$SRV.>", "_INBOX.>"] } }
  { user: client, password: p, permissions: {
    publish: ["signalbox.v2.*.*", "$SRV.>"], subscribe: ["signalbox.v2.events.>", "_INBOX.>"] } }
  { user: reader, password: p, permissions: {
    publish: ["signalbox.v2.*.*", "$SRV.>", "$JS.API.CONSUMER.>", "$JS.API.STREAM.INFO.SIGNALBOX_EVENTS"]
    subscribe: ["signalbox.v2.events.>", "_INBOX.>"] } }
] }`;

let harness: GatewayHarness;

beforeEach(async () => {
  harness = await GatewayHarness.start(users);
  const connection = await harness.open({ user: "gateway", pass: "p" });
  const api = new FakeGateway();
  await harness.serve(api, { connection });
  const publisher = new EventFeedPublisher({
    api,
    feed: new NatsEventFeed({ connection }),
    clock: systemClock,
    logger: harness.logger,
  });
  harness.later(() => publisher.stop());
  publisher.start();
});
afterEach(() => harness.close());

it("a client with the rights of docs/nats-api.md asks, listens, replays by request and finds the service", async () => {
  const client = await harness.open({ user: "client", pass: "p" });
  const events = client.subscribe("signalbox.v2.events.>", { max: 2 });
  await client.flush();
  expect((await ask(client, "edge_routers.create", { edge_router: { ip: "10.0.0.1" } })).status).toBe(200);
  const told: string[] = [];
  for await (const message of events) told.push(message.headers?.get("Signalbox-Seq") ?? "");
  expect(told).toEqual(["1", "2"]);
  expect((await ask(client, "events.replay")).body).toMatchObject({ next: 3, more: false });
  const names: string[] = [];
  for await (const { name } of await client.services.client().info("signalbox")) names.push(name);
  expect(names).toEqual(["signalbox"]);
});

it("a client cannot pass anything off as a transition", async () => {
  const client = await harness.open({ user: "client", pass: "p" });
  const refused: string[] = [];
  const watched = (async () => {
    for await (const { permissionContext } of client.status()) {
      if (permissionContext !== undefined) refused.push(permissionContext.subject);
      if (refused.length === 2) return;
    }
  })();
  for (const place of ["events", "feed"]) client.publish(`signalbox.v2.${place}.edge_router.a`, "{}");
  await watched;
  expect(refused).toEqual(["signalbox.v2.events.edge_router.a", "signalbox.v2.feed.edge_router.a"]);
});

it("a client with the rights for JetStream reads the stream", async () => {
  const client = await harness.open({ user: "reader", pass: "p" });
  const live = client.subscribe("signalbox.v2.events.>", { max: 2 });
  await client.flush();
  await ask(client, "edge_routers.create", { edge_router: { ip: "10.0.0.1" } });
  for await (const _ of live);
  const consumer = await client.jetstream().consumers.get("SIGNALBOX_EVENTS", { opt_start_seq: 2 });
  const message = await consumer.next();
  expect(message?.headers?.get("Signalbox-Seq")).toBe("2");
});
