import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EventFeedPublisher } from "../../../src/actors/event-feed.ts";
import { NatsEventFeed } from "../../../src/adapters/nats-api/nats-event-feed.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { FakeGateway } from "../../unit/http/fake-gateway.ts";
import { GatewayHarness } from "./gateway-harness.ts";

const program = fileURLToPath(new URL("../../../examples/nats-client/client.mjs", import.meta.url));
let harness: GatewayHarness;

beforeEach(async () => {
  harness = await GatewayHarness.start();
  const api = new FakeGateway();
  await harness.serve(api);
  // Somebody else's, which the client is to leave out.
  await api.create("edge_router", { ip: "10.0.0.9", name: "slow" });
  const feed = new NatsEventFeed({ connection: await harness.open() });
  const publisher = new EventFeedPublisher({ api, feed, clock: systemClock, logger: harness.logger });
  harness.later(() => publisher.stop());
  publisher.start();
});
afterEach(() => harness.close());

function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, "--server", harness.server.address, ...args], (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

describe("examples/nats-client", () => {
  it("creates a resource, follows it until it is active, and replays it both ways", async () => {
    const { code, out, err } = await run("edge_router", "edge_routers", '{"name": "r1", "ip": "10.0.0.1"}');
    const id = "00000000-0000-4000-8000-000000000002";
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.trim().split("\n")).toEqual([
      `created edge_router ${id} (PENDING_CREATE)`,
      "event 2: CREATE -> create.working (PENDING_CREATE)",
      "event 3: JOB_FINISHED -> create_completed (ACTIVE)",
      `edge_router ${id} is ACTIVE`,
      "in the stream: 2 3",
      "by request: 2 3",
    ]);
  });

  it("says why a resource failed", async () => {
    const { code, err } = await run("edge_router", "edge_routers", '{"name": "broken", "ip": "10.0.0.1"}');
    expect({ code, err }).toEqual({ code: 1, err: "SB_LOAD_REJECTED: no\n" });
  });

  it("shows what the gateway refuses, with the advice", async () => {
    const { code, err } = await run("edge_router", "edge_routers", '{"colour": "red"}');
    expect(code).toBe(1);
    expect(err).toMatch(/^SB_INVALID_BODY: edge_router has no such field\. .*\n$/);
  });

  it("tells how it is called", async () => {
    expect(await run("edge_router")).toMatchObject({ code: 2, err: expect.stringContaining("usage:") });
    expect(await run("edge_router", "edge_routers", "{")).toMatchObject({ code: 2 });
  });
});
