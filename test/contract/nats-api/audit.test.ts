import { expect, it } from "vitest";
import { ask, servedGateway } from "./gateway-harness.ts";

const served = servedGateway();

it("who did what is asked for as over HTTP, of all or of one resource", async () => {
  for (const body of [
    undefined,
    { type: "edge_router", id: "r1", limit: 7, after: "x" },
    { tenant: "t", type: "edge_router", who: "ann", action: "delete", since: "2026-11-21", until: 5 },
  ]) {
    expect((await ask(served.client, "audit.query", body)).body).toEqual({ audit: [], next: null });
  }
  expect(served.gateway.audited).toEqual([
    {},
    { type: "edge_router", resource: { type: "edge_router", id: "r1" }, limit: 7, after: "x" },
    {
      tenant: "t",
      type: "edge_router",
      who: "ann",
      action: "delete",
      since: Date.UTC(2026, 10, 21),
      until: 5,
    },
  ]);
});

it.each([
  [{ form: 1 }, "SB_INVALID_BODY"],
  [{ id: "r1" }, "SB_INVALID_BODY"],
  [{ who: 1 }, "SB_INVALID_BODY"],
  [{ limit: "7" }, "SB_INVALID_BODY"],
  [[], "SB_INVALID_BODY"],
  [{ since: "yesterday" }, "SB_MALFORMED_REQUEST"],
  [{ action: "look" }, "SB_MALFORMED_REQUEST"],
])("%j is refused", async (body, code) => {
  expect(await ask(served.client, "audit.query", body)).toMatchObject({ status: 400, body: { code } });
  expect(served.gateway.audited).toEqual([]);
});
