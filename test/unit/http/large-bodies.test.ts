import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AccessRole } from "../../../src/actors/access/caller.ts";
import { type Authenticator, TokenGatekeeper } from "../../../src/actors/access/gatekeeper.ts";
import type { JsonObject, RequestOptions, ResourceView } from "../../../src/actors/gateway-api.ts";
import { readBulkItems } from "../../../src/adapters/api/bulk-items.ts";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { ListedJournal } from "../actors/audit/listed-journal.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { RecordingLogger } from "./recording-logger.ts";

const ITEM_BYTES = 256 * 1024;

/** Counts what was begun, and holds it while told to. */
class HeldGateway extends FakeGateway {
  begun = 0;
  hold: Promise<void> | undefined;
  override async create(type: string, fields: JsonObject, _?: RequestOptions): Promise<ResourceView> {
    this.begun += 1;
    await this.hold;
    return super.create(type, fields);
  }
}

const clock = new VirtualClock(0);
const authenticator: Authenticator = {
  authenticate: async (token) => {
    const [role = "", name = role] = (token ?? "").split(":");
    return { name, role: role as AccessRole, tenant: role === "member" || role === "reader" ? "t" : undefined };
  },
};
let gateway: HeldGateway;
let app: FastifyInstance;

function serve(options: { rate?: { perSecond: number; burst: number }; bytesInFlight?: number } = {}): void {
  const { rate, bytesInFlight } = options;
  gateway = new HeldGateway();
  app = createHttpServer({
    api: gateway,
    gatekeeper: new TokenGatekeeper({ api: gateway, authenticator, clock, rate, journal: new ListedJournal() }),
    logger: new RecordingLogger(),
    ...(bytesInFlight === undefined ? {} : { limits: { bytesInFlight } }),
  });
}
beforeEach(() => serve());
afterEach(() => app.close());

const bulkUrl = "/v2.0/edge_routers/bulk";
const post = (url: string, payload: string | Buffer, token = "admin") =>
  app.inject({ method: "POST", url, payload, headers: { "content-type": "application/json", "x-auth-token": token } });
const padding = (bytes: number) => `"note": "${"x".repeat(bytes)}"`;

describe("a body that is larger than one resource", () => {
  const read = (text: string) => readBulkItems(Buffer.from(text), "things", 80);
  const long = " ".repeat(90);

  it("gives the items that it gives when it is read as a whole", async () => {
    const items = [{ a: 1 }, [], "text, ]}", 7, null, { b: { c: ["é", '"', "\\"] } }, true];
    for (const indent of [undefined, 1]) {
      const text = JSON.stringify({ things: items }, undefined, indent);
      expect(await read(text + long)).toEqual(items);
      expect(await read(`\ufeff${long}${text}`)).toEqual(items);
    }
    expect(await read(`{"things": [${long}]}`)).toEqual([]);
  });

  it.each([
    [`[${long}1]`, "SB_INVALID_BODY", 'The body must be {"things": [{...}, ...]} and nothing else.'],
    [`{"other": [1],${long}"things": []}`, "SB_INVALID_BODY", "and nothing else"],
    [`{"things": [1], "other": ${long}1}`, "SB_INVALID_BODY", "and nothing else"],
    [`{"things": {${long}}}`, "SB_INVALID_BODY", "and nothing else"],
    [`{"things": [${"1,".repeat(2000)}1]}`, "SB_INVALID_BODY", "more than 1000"],
    [`{"things": [{"a": "${"x".repeat(80)}"}]}`, "SB_BODY_TOO_LARGE", "Item 0 has 89 bytes, over the limit of 80"],
    [`{"things": [1, {"a": 1, "a": 2}${long}]}`, "SB_INVALID_BODY", "/things/1/a more than once"],
    [`{"things": [${"[".repeat(31)}${"]".repeat(31)}]}${long}`, "SB_INVALID_BODY", "deeper than 32"],
    [`{"things": [\n{"__proto__": 1}${long}]}`, "SB_INVALID_BODY", "__proto__"],
  ])("%j is %s", async (text, code, message) => {
    await expect(read(text)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it.each([
    [`{"things": [\n{"a": "é"},\n{"a": tru}]}${long}`, 'Line 3, column 7 (position 31): expected a value, found "t".'],
    [`{"things": [\n{"a": 1}\n{"b": 2}]}${long}`, 'Line 3, column 1 (position 22): expected "," or "]", found "{".'],
    [
      `{"things": [1,${long}]}`,
      `Line 1, column ${15 + long.length} (position ${14 + long.length}): expected a value, found "]".`,
    ],
    [
      `{"things": [1]} ${long}x`,
      `Line 1, column ${17 + long.length} (position ${16 + long.length}): expected the end, found "x".`,
    ],
    [`${long}`, 'Line 1, column 91 (position 90): expected "{", found the end.'],
    [`{"things": [1, {"a": ${long}`, `expected a value, found the end.`],
    [`{"things": [1, {"a": "${long}`, `expected a well-formed string, found`],
    [`{"things": [1, {"a": ]${long}`, `expected a value, found "]".`],
  ])("%j is not JSON, and it is said where", async (text, message) => {
    await expect(read(text)).rejects.toMatchObject({
      code: "SB_INVALID_JSON",
      message: expect.stringContaining(message),
    });
  });

  it("is parsed in pieces: between them the process does what else there is to do", async () => {
    const item = `{${padding(50_000)}}`;
    let turns = 0;
    let over = false;
    const count = () => {
      turns += 1;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    const items = await readBulkItems(
      Buffer.from(`{"things": [${Array(100).fill(item).join(",")}]}`),
      "things",
      ITEM_BYTES,
    );
    over = true;
    expect(items).toHaveLength(100);
    expect(turns).toBeGreaterThanOrEqual(40);
  });
});

describe("a bulk", () => {
  it("lets others go first before each item", async () => {
    let turns = 0;
    let over = false;
    const count = () => {
      turns += 1;
      if (!over) setImmediate(count);
    };
    setImmediate(count);
    const answer = await post(bulkUrl, JSON.stringify({ edge_routers: Array(320).fill({ ip: "10.0.0.1" }) }));
    over = true;
    expect(answer.json().results).toHaveLength(320);
    expect(turns).toBeGreaterThanOrEqual(320 / 16);
  });

  it("lists no more than a thousand mistakes, and the first of each item", async () => {
    const wrong = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`f${at}`, 1]));
    const { results } = (await post(bulkUrl, JSON.stringify({ edge_routers: Array(200).fill(wrong) }))).json();
    const counts: number[] = results.map(({ error }: { error: { errors: unknown[] } }) => error.errors.length);
    expect(counts.slice(0, 24)).toEqual(Array(24).fill(counts[0]));
    expect(counts[0]).toBeGreaterThanOrEqual(40);
    expect(counts.slice(25)).toEqual(Array(175).fill(1));
  });

  it("costs as much of a rate as its items would", async () => {
    await app.close();
    serve({ rate: { perSecond: 2, burst: 10 } });
    const bulk = (count: number) =>
      post(bulkUrl, JSON.stringify({ edge_routers: Array.from({ length: count }, () => ({ ip: "10.0.0.1" })) }));
    await clock.advance(600_000);
    expect((await bulk(8)).statusCode).toBe(200);
    const refused = await bulk(3);
    expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([429, "1"]);
    expect(refused.json().detail).toContain("this one asks for 2 things more and counts as so many");
    expect(gateway.begun).toBe(8);
    // More than the bucket holds is taken from a full one, and then paid for.
    await clock.advance(600_000);
    expect((await bulk(100)).statusCode).toBe(200);
    await clock.advance(45_000);
    const early = await bulk(1);
    expect([early.statusCode, early.headers["retry-after"]]).toEqual([429, "1"]);
    await clock.advance(1_000);
    expect((await bulk(1)).statusCode).toBe(200);
  });
});

describe("who has no right to it", () => {
  it.each([
    ["reader", "POST", bulkUrl],
    ["reader", "POST", "/v2.0/edge_routers"],
    ["reader", "POST", "/v2.0/edge_routers?dry_run=true"],
  ] as const)("a %s is told so before the body of a %s to %s is read", async (token, method, url) => {
    // It never ends: whoever waits for it waits for ever.
    const payload = new Readable({ read() {} });
    payload.push('{"edge_routers": [');
    const headers = { "content-type": "application/json", "x-auth-token": token };
    const answer = await app.inject({ method, url, payload, headers });
    expect([answer.statusCode, answer.json().code]).toEqual([403, "SB_FORBIDDEN"]);
    payload.destroy();
  });
});

describe("bytes in flight", () => {
  it("are bounded for each caller, until the requests are answered", async () => {
    await app.close();
    serve({ bytesInFlight: 100_000 });
    const body = JSON.stringify({ edge_router: { ip: "10.0.0.1", tags: { note: "x".repeat(60_000) } } });
    let letGo = () => {};
    gateway.hold = new Promise((resolve) => {
      letGo = resolve;
    });
    const first = post("/v2.0/edge_routers", body, "admin:alice");
    while (gateway.begun === 0) await new Promise((resolve) => setImmediate(resolve));
    const second = await post("/v2.0/edge_routers", body, "admin:alice");
    expect([second.statusCode, second.headers["retry-after"]]).toEqual([429, "1"]);
    expect(second.json().detail).toContain("alice has requests with 100000 bytes under way");
    const others = post("/v2.0/edge_routers", body.replace("10.0.0.1", "10.0.0.2"), "admin:bob");
    letGo();
    expect([(await first).statusCode, (await others).statusCode]).toEqual([201, 201]);
    const again = await post("/v2.0/edge_routers", body.replace("10.0.0.1", "10.0.0.3"), "admin:alice");
    expect(again.statusCode).toBe(201);
  });

  it("are given back when the sender leaves", async () => {
    await app.close();
    serve({ bytesInFlight: 100_000 });
    await app.listen({ host: "127.0.0.1", port: 0 });
    const { port } = app.server.address() as { port: number };
    const { request } = await import("node:http");
    for (let time = 0; time < 3; time += 1) {
      const closed = new Promise<void>((resolve) =>
        app.server.once("connection", (socket) => socket.once("close", () => resolve())),
      );
      const headers = { "content-type": "application/json", "x-auth-token": "admin:carol", "content-length": "90000" };
      const half = request({ host: "127.0.0.1", port, method: "POST", path: "/v2.0/edge_routers", headers });
      half.on("error", () => {});
      half.write("x".repeat(60_000));
      await new Promise<void>((resolve) =>
        app.server.once("request", (incoming) => incoming.once("data", () => resolve())),
      );
      half.destroy();
      await closed;
    }
    const body = JSON.stringify({ edge_router: { ip: "10.0.0.9", tags: { note: "x".repeat(60_000) } } });
    expect((await post("/v2.0/edge_routers", body, "admin:carol")).statusCode).toBe(201);
  });
});
