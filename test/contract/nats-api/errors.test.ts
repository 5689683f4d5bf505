import { describe, expect, it } from "vitest";
import { ask, servedGateway } from "./gateway-harness.ts";

const served = servedGateway();

const router = { edge_router: { name: "r1", ip: "10.0.0.1" } };
const latin1 = new Uint8Array([0x7b, 0x22, 0xe9, 0x22, 0x7d]);

describe("an error", () => {
  it("has its code and title in the headers of micro services and the whole problem in the body", async () => {
    const answer = await ask(served.client, "edge_routers.get", { id: "none" }, { "X-Request-Id": "request-1" });
    expect(answer.header("Nats-Service-Error-Code")).toBe("404");
    expect(answer.error).toBe("There is no such resource: There is no edge_router none.");
    expect(answer.header("Content-Type")).toBe("application/problem+json");
    expect(answer.body).toEqual({
      type: "/problems/SB_NOT_FOUND",
      title: "There is no such resource",
      status: 404,
      detail: "There is no edge_router none.",
      instance: "signalbox.v2.edge_routers.get",
      code: "SB_NOT_FOUND",
      advice: "List the collection to see which ids exist.",
      request_id: "request-1",
    });
  });

  const cases: ReadonlyArray<[string, string, string | object | Uint8Array | undefined, number, string, string[]]> = [
    ["no body", "edge_routers.create", undefined, 400, "SB_INVALID_JSON", []],
    ["no JSON", "edge_routers.create", '{"edge_router": ', 400, "SB_INVALID_JSON", []],
    ["no UTF-8", "edge_routers.create", latin1, 400, "SB_INVALID_JSON", []],
    ["a list", "edge_routers.create", [], 400, "SB_INVALID_BODY", [""]],
    ["another envelope", "edge_routers.create", { router: {} }, 400, "SB_INVALID_BODY", ["/edge_router"]],
    ["more than the envelope", "edge_routers.create", { ...router, x: 1 }, 400, "SB_INVALID_BODY", ["/x"]],
    [
      "an unknown field",
      "edge_routers.create",
      { edge_router: { colour: 1 } },
      400,
      "SB_INVALID_BODY",
      ["/edge_router/colour"],
    ],
    [
      "a relation to nothing",
      "gw_interfaces.create",
      { gw_interface: { edge_router_id: "x" } },
      400,
      "SB_RELATION_NOT_FOUND",
      ["/gw_interface/edge_router_id"],
    ],
    ["no id", "edge_routers.get", {}, 400, "SB_INVALID_BODY", ["/id"]],
    ["an id that is no text", "edge_routers.get", { id: 7 }, 400, "SB_INVALID_BODY", ["/id"]],
    ["more than an id", "edge_routers.delete", { id: "a", force: true }, 400, "SB_INVALID_BODY", ["/force"]],
    ["no body to get", "edge_routers.get", undefined, 400, "SB_INVALID_JSON", []],
    ["an update without fields", "edge_routers.update", { id: "a" }, 400, "SB_INVALID_BODY", ["/edge_router"]],
    ["an update without id", "edge_routers.update", router, 400, "SB_INVALID_BODY", ["/id"]],
    ["an update of nothing", "edge_routers.update", { id: "a", ...router }, 404, "SB_NOT_FOUND", []],
    ["a filter on an unknown field", "edge_routers.list", { filters: { x: "1" } }, 400, "SB_MALFORMED_REQUEST", []],
    ["a filter on a secret", "edge_routers.list", { filters: { password: "1" } }, 400, "SB_MALFORMED_REQUEST", []],
    [
      "a filter by an object",
      "edge_routers.list",
      { filters: { name: {} } },
      400,
      "SB_INVALID_BODY",
      ["/filters/name"],
    ],
    ["a list with a typo", "edge_routers.list", { filter: {} }, 400, "SB_INVALID_BODY", ["/filter"]],
    ["an unknown type", "edge_rooters.create", router, 404, "SB_NO_SUCH_ROUTE", []],
    ["an unknown verb", "edge_routers.destroy", { id: "a" }, 405, "SB_METHOD_NOT_ALLOWED", []],
    ["a prototype", "edge_routers.create", '{"edge_router": {"__proto__": {}}}', 400, "SB_INVALID_BODY", []],
  ];
  it.each(cases)("tells of %s (%s)", async (_what, subject, body, status, code, pointers) => {
    const answer = await ask(served.client, subject, body);
    const problem = answer.body as { code: string; title: string; detail: string; errors?: Array<{ pointer: string }> };
    expect({ status: answer.status, code: problem.code }).toEqual({ status, code });
    expect(answer.error).toBe(`${problem.title}: ${problem.detail}`);
    for (const pointer of pointers) expect(problem.errors?.map((each) => each.pointer)).toContain(pointer);
    expect(served.gateway.log).toEqual([]);
  });

  it("tells of a conflict and of what cannot be retried", async () => {
    const { body } = await ask(served.client, "edge_routers.create", router);
    const { id } = (body as { edge_router: { id: string } }).edge_router;
    expect(await ask(served.client, "edge_routers.create", router)).toMatchObject({
      status: 409,
      body: { code: "SB_UNIQUE_TAKEN" },
    });
    expect(await ask(served.client, "edge_routers.retry", { id })).toMatchObject({
      status: 409,
      body: { code: "SB_NOT_RETRYABLE" },
    });
  });

  it("that nobody foresaw shows nothing of its cause, which is in the log", async () => {
    served.gateway.failure = new Error("secret detail\r\nForged: header");
    const answer = await ask(served.client, "edge_routers.get", { id: "a" }, { "X-Request-Id": "request-2" });
    expect(answer).toMatchObject({ status: 500, body: { code: "SB_INTERNAL" } });
    expect(answer.text + answer.error).not.toContain("secret detail");
    const line = served.harness.logger.lines.find(
      ({ level, fields }) => level === "error" && fields.requestId === "request-2",
    );
    expect(line?.fields.err).toBe(served.gateway.failure);
  });

  it("with line breaks in its text stays one header", async () => {
    const { header, error } = await ask(served.client, "edge_routers.get", { id: "a\r\nForged: header" });
    expect(error).toBe("There is no such resource: There is no edge_router a Forged: header.");
    expect(header("Forged")).toBe("");
  });
});

describe("sizes", () => {
  const sized = (bytes: number) => {
    const frame = JSON.stringify({ edge_router: { name: "", ip: "10.0.0.1" } }).length;
    return { edge_router: { name: "x".repeat(bytes - frame), ip: "10.0.0.1" } };
  };

  it("takes a body of 256 KiB, and refuses one byte more", async () => {
    expect((await ask(served.client, "edge_routers.create", sized(256 * 1024))).status).toBe(200);
    const answer = await ask(served.client, "edge_routers.create", sized(256 * 1024 + 1));
    expect(answer).toMatchObject({ status: 413, body: { code: "SB_BODY_TOO_LARGE" } });
  });

  it("says so when an answer is larger than the server carries", async () => {
    for (const last of [1, 2, 3, 4, 5]) {
      await served.gateway.create("edge_router", { name: "x".repeat(250_000), ip: `10.0.0.${last}` });
    }
    const answer = await ask(served.client, "edge_routers.list");
    expect(answer).toMatchObject({ status: 413, body: { code: "SB_ANSWER_TOO_LARGE" } });
    expect((await ask(served.client, "edge_routers.list", { filters: { ip: "10.0.0.1" } })).status).toBe(200);
  });
});
