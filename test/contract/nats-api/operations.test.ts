import { describe, expect, it } from "vitest";
import { ask, servedGateway } from "./gateway-harness.ts";

const served = servedGateway();

const router = { edge_router: { name: "r1", ip: "10.0.0.1", password: "hidden" } };
const made = async (fields: object = router.edge_router): Promise<string> => {
  const { body } = await ask(served.client, "edge_routers.create", { edge_router: fields });
  return (body as { edge_router: { id: string } }).edge_router.id;
};

describe("each verb", () => {
  it("creates, and shows no secret", async () => {
    const { status, body, header } = await ask(served.client, "edge_routers.create", router);
    expect(status).toBe(200);
    expect(body).toMatchObject({ edge_router: { name: "r1", status: "PENDING_CREATE", password: "***", kind: null } });
    expect(header("Content-Type")).toBe("application/json");
  });

  it("gets by id", async () => {
    const id = await made();
    expect((await ask(served.client, "edge_routers.get", { id })).body).toMatchObject({
      edge_router: { id, ip: "10.0.0.1" },
    });
  });

  it("lists all without a body, and those that fit with filters of texts, numbers and lists", async () => {
    for (const last of [1, 2, 3]) await made({ name: `r${last}`, ip: `10.0.0.${last}`, ssh_port: 8300 + last });
    const names = async (body?: object) => {
      const answer = await ask(served.client, "edge_routers.list", body);
      return (answer.body as { edge_routers: Array<{ name: string }> }).edge_routers.map(({ name }) => name);
    };
    expect(await names()).toEqual(["r1", "r2", "r3"]);
    expect(await names({})).toEqual(["r1", "r2", "r3"]);
    expect(await names({ filters: {} })).toEqual(["r1", "r2", "r3"]);
    expect(await names({ filters: { name: ["r1", "r3"] } })).toEqual(["r1", "r3"]);
    expect(await names({ filters: { name: ["r1", "r3"], ssh_port: 8303 } })).toEqual(["r3"]);
  });

  it("updates what is given", async () => {
    const id = await made();
    const { body } = await ask(served.client, "edge_routers.update", { id, edge_router: { name: "r2" } });
    expect(body).toMatchObject({ edge_router: { id, name: "r2", ip: "10.0.0.1", status: "PENDING_UPDATE" } });
  });

  it("deletes", async () => {
    const id = await made();
    expect(await ask(served.client, "edge_routers.delete", { id })).toMatchObject({ status: 200, text: "{}" });
    expect(served.gateway.log.at(-1)).toMatchObject({ id, event: expect.stringMatching(/DELETE|JOB_FINISHED/) });
  });

  it("retries what has failed", async () => {
    const id = await made({ name: "broken", ip: "10.0.0.1" });
    for await (const { event } of served.gateway.transitions({
      from: 1,
      follow: true,
      signal: new AbortController().signal,
    })) {
      if (event === "JOB_FAILED") break;
    }
    const { body } = await ask(served.client, "edge_routers.retry", { id });
    expect(body).toMatchObject({ edge_router: { id, name: "mended", status: "PENDING_CREATE" } });
  });
});

describe("the key of a repeated request", () => {
  it("reaches the gateway from Nats-Msg-Id, in any case, at create and update", async () => {
    const { body } = await ask(served.client, "edge_routers.create", router, { "Nats-Msg-Id": "order-1" });
    const { id } = (body as { edge_router: { id: string } }).edge_router;
    await ask(served.client, "edge_routers.update", { id, edge_router: { name: "r2" } }, { "nats-msg-id": "order-2" });
    await ask(served.client, "edge_routers.update", { id, edge_router: { name: "r3" } });
    expect(served.gateway.keys).toEqual(["order-1", "order-2", undefined]);
  });

  it.each([["with spaces in it"], ["x".repeat(256)], ["ключ"]])(
    "is refused when it is %j, and nothing is made",
    async (key) => {
      const { status, body } = await ask(served.client, "edge_routers.create", router, { "Nats-Msg-Id": key });
      expect({ status, body }).toMatchObject({ status: 400, body: { code: "SB_MALFORMED_REQUEST" } });
      expect(served.gateway.keys).toEqual([]);
      expect((await ask(served.client, "edge_routers.list")).body).toEqual({ edge_routers: [] });
    },
  );
});

describe("request id and trace context", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  it("are answered back and are in the log", async () => {
    const sent = { "x-request-id": "request-9", traceparent, tracestate: "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE" };
    const { header } = await ask(served.client, "edge_routers.list", undefined, sent);
    expect(header("X-Request-Id")).toBe("request-9");
    expect(header("traceparent")).toBe(traceparent);
    expect(header("tracestate")).toBe("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
    expect(served.harness.logger.lines.at(-1)).toMatchObject({
      level: "debug",
      message: "request",
      fields: {
        requestId: "request-9",
        traceId: "0af7651916cd43dd8448eb211c80319c",
        parentId: "b7ad6b7169203331",
        subject: "signalbox.v2.edge_routers.list",
        status: 200,
        ms: expect.any(Number),
      },
    });
  });

  it("are answered back with errors too", async () => {
    const answer = await ask(
      served.client,
      "edge_routers.get",
      { id: "none" },
      { traceparent, "x-request-id": "request-10" },
    );
    expect(answer.header("traceparent")).toBe(traceparent);
    expect(answer.body).toMatchObject({ request_id: "request-10" });
  });

  it("are as if not sent when they break the grammar", async () => {
    const sent = { "x-request-id": "two words", traceparent: traceparent.toUpperCase(), tracestate: "a=1" };
    const { header } = await ask(served.client, "edge_routers.list", undefined, sent);
    expect(header("X-Request-Id")).toMatch(/^[0-9a-f-]{36}$/);
    expect(header("traceparent")).toBe("");
    expect(header("tracestate")).toBe("");
    expect(served.harness.logger.lines.at(-1)?.fields).not.toHaveProperty("traceId");
  });
});

describe("a list over NATS", () => {
  const routers = async (body: object) => {
    const answer = await ask(served.client, "edge_routers.list", body);
    return answer.body as { edge_routers: Array<Record<string, unknown>>; total?: number };
  };

  it("has pages, an order and fields, and says how many there are on all pages", async () => {
    for (const last of [2, 1, 3]) await made({ name: `r${last}`, ip: `10.0.0.${last}`, ssh_port: 830 });
    const sorted = { sort_key: "name", sort_order: "desc", fields: ["name"] };
    expect(await routers({ ...sorted, limit: 2 })).toEqual({
      edge_routers: [{ name: "r3" }, { name: "r2" }],
      total: 3,
    });
    expect(await routers({ ...sorted, offset: 2 })).toEqual({ edge_routers: [{ name: "r1" }], total: 3 });
    expect(await routers({ ...sorted, fields: "name,ssh_port", filters: { name: "r2" } })).toEqual({
      edge_routers: [{ name: "r2", ssh_port: 830 }],
    });
  });

  it.each([
    [{ sort_key: "password" }, "SB_MALFORMED_REQUEST"],
    [{ fields: ["nmae"] }, "SB_MALFORMED_REQUEST"],
    [{ limit: -1 }, "SB_INVALID_BODY"],
    [{ limit: "5" }, "SB_INVALID_BODY"],
    [{ sort_key: null }, "SB_INVALID_BODY"],
    [{ marker: 7 }, "SB_INVALID_BODY"],
  ])("refuses %j", async (body, code) => {
    expect(await ask(served.client, "edge_routers.list", body)).toMatchObject({ status: 400, body: { code } });
  });
});

describe("a change of one version over NATS", () => {
  it("names it in If-Match, as the ETag of an answer had it", async () => {
    const id = await made();
    const answer = await ask(served.client, "edge_routers.get", { id });
    expect(answer.header("ETag")).toBe('"1"');
    const change = { id, edge_router: { name: "r2" } };
    const changed = await ask(served.client, "edge_routers.update", change, { "If-Match": '"1"' });
    expect([changed.status, changed.header("ETag")]).toEqual([200, '"2"']);
    for (const [verb, body] of [
      ["update", change],
      ["delete", { id }],
      ["retry", { id }],
    ] as const) {
      const refused = await ask(served.client, `edge_routers.${verb}`, body, { "If-Match": '"1"' });
      expect([refused.status, refused.body.code]).toEqual([412, "SB_VERSION_CONFLICT"]);
    }
    expect((await ask(served.client, "edge_routers.delete", { id }, { "If-Match": '"2"' })).status).toBe(200);
  });
});
