import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readScenario, type Scenario } from "../../src/cli/scenario-file.ts";
import { unscramble } from "../../src/lab/junos/secret-scramble.ts";
import { demoAtRest } from "./support/at-rest.ts";
import { ask } from "./support/problem-answers.ts";
import { exchange, open } from "./support/raw-http.ts";
import { demoScenario, TestSystem } from "./support/running-system.ts";
import { type Body, type ServedType, servedTypes } from "./support/served-fields.ts";
import { wholeState } from "./support/whole-state.ts";

const PROBLEM = "application/problem+json";
const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";
const ROUTERS = "/v2.0/edge_routers";
const valid = { name: "another", ip: "10.79.5.186", ssh_port: 830, login: "a", password: "b" };
const router = (fields: string) => `{"edge_router": {${fields}}}`;

let system: TestSystem;
let types: readonly ServedType[];
let before: Record<string, string>;

beforeAll(async () => {
  system = await TestSystem.start();
  await system.replay(demoScenario);
  await system.documentsUntil(demoAtRest);
  types = await servedTypes(system);
  before = await wholeState(system);
});
afterAll(async () => {
  await system.stop();
});

/** Whatever the tests send: nothing is stored, nothing is on a router. */
async function expectNothingChanged(): Promise<void> {
  expect(await wholeState(system)).toEqual(before);
}

const one = (): string =>
  `${ROUTERS}/${String(types.find(({ type }) => type === "edge_router")?.resources[0]?.["id"])}`;

describe("a body that is no resource", () => {
  afterAll(expectNothingChanged);

  it.each([
    ["is not there", "", "SB_INVALID_JSON", "", '{"edge_router": {...}}'],
    ["is no JSON", "{", "SB_INVALID_JSON", "", "Line 1, column 2"],
    ["is cut off", '{"edge_router": {"name": "a"', "SB_INVALID_JSON", "", "found the end"],
    ["is two texts", "{}{}", "SB_INVALID_JSON", "", "expected the end"],
    ["has a comment", '{"edge_router": {} /* x */}', "SB_INVALID_JSON", "", 'found "/"'],
    ["has NaN", router('"ssh_port": NaN'), "SB_INVALID_JSON", "", 'found "N"'],
    ["has Infinity", router('"ssh_port": -Infinity'), "SB_INVALID_JSON", "", 'found "-"'],
    ["is null", "null", "SB_INVALID_BODY", "", '{"edge_router": {...}}'],
    ["is a list", "[]", "SB_INVALID_BODY", "", '{"edge_router": {...}}'],
    ["is a list of resources", `[${router("")}]`, "SB_INVALID_BODY", "", '{"edge_router": {...}}'],
    ["is a text", '"edge_router"', "SB_INVALID_BODY", "", '{"edge_router": {...}}'],
    ["is a number", "1e400", "SB_INVALID_BODY", "", '{"edge_router": {...}}'],
    ["is empty", "{}", "SB_INVALID_BODY", "/edge_router", "it is empty"],
    ["has the plural", '{"edge_routers": {}}', "SB_INVALID_BODY", "/edge_router", 'it has "edge_routers"'],
    ["has no envelope", JSON.stringify(valid), "SB_INVALID_BODY", "/edge_router", 'it has "name"'],
    ["has two resources", '{"edge_router": {}, "port": {}}', "SB_INVALID_BODY", "/port", "nothing else"],
    ["holds a list", '{"edge_router": []}', "SB_INVALID_BODY", "/edge_router", "must be an object"],
    ["holds null", '{"edge_router": null}', "SB_INVALID_BODY", "/edge_router", "must be an object"],
    ["has a field twice", router('"ip": "10.0.0.1", "ip": "10.0.0.2"'), "SB_INVALID_BODY", "/edge_router/ip", "once"],
    [
      "has a field twice, spelled in two ways",
      router('"ip": "10.0.0.1", "\\u0069p": "10.0.0.2"'),
      "SB_INVALID_BODY",
      "/edge_router/ip",
      "once",
    ],
    ["has its envelope twice", '{"edge_router": {}, "edge_router": {}}', "SB_INVALID_BODY", "/edge_router", "once"],
    ["has a prototype", router('"__proto__": {"a": 1}'), "SB_INVALID_BODY", "/edge_router/__proto__", "__proto__"],
    ["is a prototype", '{"__proto__": {"edge_router": {}}}', "SB_INVALID_BODY", "/__proto__", "__proto__"],
    ["is nested a hundred thousand deep", "[".repeat(1e5) + "]".repeat(1e5), "SB_INVALID_BODY", /^(\/0){32}$/, "32"],
    ["nests a field", router(`"name": ${"[".repeat(99)}${"]".repeat(99)}`), "SB_INVALID_BODY", /^\/edge_router/, "32"],
  ])("that %s", async (_what, body, code, pointer, says) => {
    for (const [method, path] of [
      ["POST", ROUTERS],
      ["PUT", one()],
    ] as const) {
      const answer = await ask(system, method, path, body);
      expect([answer.status, answer.contentType, answer.code]).toEqual([400, PROBLEM, code]);
      expect(answer.detail).toContain(says);
      expect(answer.instance).toBe(path);
      expect(answer.advice).not.toBe("");
      if (code === "SB_INVALID_BODY") expect(answer.pointers).toEqual([expect.stringMatching(pointer)]);
      else expect(answer.pointers).toEqual([]);
    }
  });

  it.each([
    ["text/plain", "x"],
    ["application/xml", "<edge_router/>"],
    ["application/x-www-form-urlencoded", "name=a"],
    ["application/merge-patch+json", router("")],
    ["application/json; charset=utf-16", router("")],
    ["nonsense", "x"],
  ])("of the content type %s: 415", async (type, body) => {
    const answer = await ask(system, "POST", ROUTERS, body, { "content-type": type });
    expect([answer.status, answer.contentType, answer.code]).toEqual([415, PROBLEM, "SB_UNSUPPORTED_MEDIA_TYPE"]);
    expect(answer.advice).toMatch(/application\/json|UTF-8/);
  });

  it("of 1 MB: 413, also when it comes in chunks, and the connection goes on", async () => {
    const large = JSON.stringify({ edge_router: { ...valid, name: "x".repeat(1024 * 1024) } });
    for (const path of [ROUTERS, `${one()}`]) {
      const answer = await ask(system, path === ROUTERS ? "POST" : "PUT", path, large);
      expect([answer.status, answer.code, answer.detail]).toEqual([
        413,
        "SB_BODY_TOO_LARGE",
        "The body is over the limit of 262144 bytes.",
      ]);
    }
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
    const chunked = httpRequest(`${system.url}${ROUTERS}`, { method: "POST", headers, agent });
    for (let at = 0; at < large.length; at += 65_536) chunked.write(large.slice(at, at + 65_536));
    chunked.end();
    const [refused] = (await once(chunked, "response")) as [IncomingMessage];
    const { socket } = refused;
    expect([refused.statusCode, JSON.parse(await text(refused)).code]).toEqual([413, "SB_BODY_TOO_LARGE"]);
    const next = httpRequest(`${system.url}/livez`, { agent }).end();
    const [alive] = (await once(next, "response")) as [IncomingMessage];
    expect([alive.statusCode, alive.socket === socket]).toEqual([200, true]);
    alive.resume();
    agent.destroy();
  });
});

describe("a path, an id, a method or a query that is not there", () => {
  afterAll(expectNothingChanged);

  it("404 for an unknown id, in every type and with every method", async () => {
    for (const { type, collection } of types) {
      for (const [method, path, body] of [
        ["GET", "", undefined],
        ["PUT", "", { [type]: { description: "x" } }],
        ["DELETE", "", undefined],
        ["POST", "/retry", undefined],
      ] as const) {
        const answer = await ask(system, method, `/v2.0/${collection}/${UNKNOWN_ID}${path}`, body);
        expect([answer.status, answer.contentType, answer.code]).toEqual([404, PROBLEM, "SB_NOT_FOUND"]);
        expect(answer.detail).toBe(`there is no ${type} ${UNKNOWN_ID}`);
      }
    }
  });

  it("404 for an id of another type, or one that is none", async () => {
    const network = String(types.find(({ type }) => type === "network")?.resources[0]?.["id"]);
    for (const [id, shown] of [
      [network, network],
      ["7", "7"],
      ["%00", '"\\u0000"'],
      ["a%0d%0aSet-Cookie:%20x", '"a\\r\\nSet-Cookie: x"'],
      ["%3Cscript%3E", '"<script>"'],
      ["..%2f..%2fetc%2fpasswd", '"../../etc/passwd"'],
      ["x".repeat(9000), `"${"x".repeat(64)}..."`],
    ]) {
      const answer = await ask(system, "GET", `${ROUTERS}/${id}`);
      expect([answer.status, answer.code, answer.detail]).toEqual([
        404,
        "SB_NOT_FOUND",
        `there is no edge_router ${shown}`,
      ]);
    }
  });

  it("404 for an unknown collection, naming those that there are, before anything else is said", async () => {
    const all = types.map(({ collection }) => collection).sort();
    for (const [method, path, body] of [
      ["GET", "/v2.0/edge_router", undefined],
      ["POST", "/v2.0/Edge-Routers", "{"],
      ["PATCH", "/v2.0/routers", "x".repeat(1024 * 1024)],
      ["DELETE", `/v2.0/edgerouter/${UNKNOWN_ID}`, undefined],
      ["GET", "/v2.0", undefined],
    ] as const) {
      const answer = await ask(system, method, path, body);
      expect([answer.status, answer.contentType, answer.code]).toEqual([404, PROBLEM, "SB_NO_SUCH_ROUTE"]);
      expect(answer.advice).toContain(`The collections are ${all.join(", ")}.`);
      const slip = /router/i.test(path) && path !== "/v2.0/routers";
      expect(answer.advice.includes("Did you mean /v2.0/edge_routers")).toBe(slip);
    }
    for (const path of ["/", "/nothing", "/v2.0x/edge_routers", `${one()}/retry/again`, "/signalbox/v1"]) {
      const answer = await ask(system, "GET", path);
      expect([answer.status, answer.code, answer.detail]).toEqual([
        404,
        "SB_NO_SUCH_ROUTE",
        `There is nothing at ${path}.`,
      ]);
    }
  });

  it("405 with Allow for a method that a path does not take", async () => {
    for (const { collection, resources } of types) {
      const all = `/v2.0/${collection}`;
      const id = `${all}/${String(resources[0]?.["id"])}`;
      for (const [method, path, allow] of [
        ["PUT", all, "GET, HEAD, OPTIONS, POST"],
        ["PATCH", all, "GET, HEAD, OPTIONS, POST"],
        ["DELETE", all, "GET, HEAD, OPTIONS, POST"],
        ["PATCH", id, "DELETE, GET, HEAD, OPTIONS, PUT"],
        ["POST", id, "DELETE, GET, HEAD, OPTIONS, PUT"],
        ["DELETE", `${id}/retry`, "OPTIONS, POST"],
      ] as const) {
        // What is sent with it does not matter.
        const answer = await ask(system, method, path, "{");
        expect([answer.status, answer.contentType, answer.code]).toEqual([405, PROBLEM, "SB_METHOD_NOT_ALLOWED"]);
        expect(answer.headers.get("allow")).toBe(allow);
        expect(answer.detail).toBe(`${path} does not take ${method}, only ${allow}.`);
      }
    }
  });

  it("400 for a query that the path does not take: nobody forces or tries by a typo", async () => {
    for (const [method, path, body, says] of [
      ["GET", `${ROUTERS}?nmae=x`, undefined, '"nmae"'],
      ["GET", `${ROUTERS}?password=demo-router`, undefined, '"password"'],
      ["GET", `${ROUTERS}?__proto__=1`, undefined, '"__proto__"'],
      ["GET", `${ROUTERS}?limit=-1`, undefined, '"limit"'],
      ["GET", `${ROUTERS}?sort_key=password`, undefined, '"password"'],
      ["GET", `${ROUTERS}?sort_order=asc`, undefined, "sort_order"],
      ["GET", `${ROUTERS}?sort_key=name&sort_order=up`, undefined, '"up"'],
      ["GET", `${ROUTERS}?name=%zz`, undefined, "name=%zz"],
      ["GET", `${ROUTERS}?name=%ff`, undefined, "name=%ff"],
      ["GET", `${one()}?fields=nmae`, undefined, '"nmae"'],
      ["POST", `${ROUTERS}?dry_run=maybe`, { edge_router: valid }, '"dry_run"'],
      ["PUT", `${one()}?dryrun=true`, { edge_router: { name: "x" } }, '"dryrun"'],
      ["DELETE", `${one()}?force=true`, undefined, '"force"'],
      ["POST", `${one()}/retry?now`, undefined, '"now"'],
      ["GET", "/signalbox/v1/documents?perfix=/", undefined, '"perfix"'],
      ["GET", "/signalbox/v1/transitions?from=-1", undefined, '"from"'],
      ["GET", "/signalbox/v1/transitions?follow=yes", undefined, '"follow"'],
    ] as const) {
      const answer = await ask(system, method, path, body);
      expect([path, answer.status, answer.contentType]).toEqual([path, 400, PROBLEM]);
      expect([answer.code, answer.detail]).toEqual(["SB_MALFORMED_REQUEST", expect.stringContaining(says)]);
    }
  });

  it("409 for the deletion of what is in use, naming who uses it", async () => {
    const resources = types.flatMap(({ type, collection, resources: all }) =>
      all.map((resource) => ({ type, id: String(resource["id"]), path: `/v2.0/${collection}`, resource })),
    );
    let used = 0;
    for (const { type, id, path } of resources) {
      const referrers = resources.filter((other) => other.id !== id && JSON.stringify(other.resource).includes(id));
      if (referrers.length === 0) continue;
      // A subnet goes with its own DHCP port; a gateway's fields that others have set are cleared by them.
      if (["subnet", "gw_interface", "vpn_interface", "ese_logical_port"].includes(type)) continue;
      const answer = await ask(system, "DELETE", `${path}/${id}`);
      expect([type, answer.status, answer.contentType]).toEqual([type, 409, PROBLEM]);
      expect([answer.code, answer.detail]).toEqual(["SB_REFERENCED", expect.stringContaining(`${type} ${id} `)]);
      // What belongs to another resource is not deleted by itself; that resource is named.
      const owner = resources.find((other) => answer.detail.endsWith(`belongs to ${other.type} ${other.id}`));
      const named = referrers.filter((other) => answer.detail.includes(`${other.type} ${other.id}`));
      expect(owner !== undefined || named.length > 0, answer.detail).toBe(true);
      expect(answer.advice).toMatch(/^Delete /);
      used += 1;
    }
    expect(used).toBeGreaterThan(15);
  });
});

describe("what is hardly HTTP", () => {
  afterAll(expectNothingChanged);

  const end = "Host: x\r\nConnection: close\r\n\r\n";

  it.each([
    ["no HTTP at all", "HELLO\r\n\r\n", 400, "What came is not HTTP"],
    ["no Host", "GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n", 400, "no Host header"],
    ["a path that cannot be decoded", `GET ${ROUTERS}/%zz HTTP/1.1\r\n${end}`, 400, "not UTF-8 in percent-encoding"],
    ["a path that is no UTF-8", `GET ${ROUTERS}/%c3%28 HTTP/1.1\r\n${end}`, 400, "not UTF-8 in percent-encoding"],
    ["a URL of 20 kB", `GET ${ROUTERS}?name=${"x".repeat(20_000)} HTTP/1.1\r\n${end}`, 431, "longer than 16384 bytes"],
    ["headers of 20 kB", `GET /livez HTTP/1.1\r\nX-A: ${"x".repeat(20_000)}\r\n${end}`, 431, "longer than 16384"],
    ["a header with a control character", `GET /livez HTTP/1.1\r\nX-A: a\u0000b\r\n${end}`, 400, "not HTTP"],
    ["a header without a name", `GET /livez HTTP/1.1\r\n: x\r\n${end}`, 400, "not HTTP"],
    [
      "two lengths, one for each of two servers",
      `POST ${ROUTERS} HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n${end}0\r\n\r\n`,
      400,
      "not HTTP",
    ],
    ["a length that is none", `POST ${ROUTERS} HTTP/1.1\r\nContent-Length: many\r\n${end}`, 400, "not HTTP"],
    [
      "a chunk that is none",
      `POST ${ROUTERS} HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n${end}zz\r\n`,
      400,
      "not HTTP",
    ],
    ["a body without a type", `POST ${ROUTERS} HTTP/1.1\r\nContent-Length: 2\r\n${end}{}`, 415, "no content type"],
  ])("%s", async (_what, bytes, status, says) => {
    const answer = await exchange(system.url, bytes.replace("Host: x", `Host: ${new URL(system.url).host}`));
    expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(says)]);
    expect(answer.head).toContain(`application/problem+json`);
    expect(JSON.parse(answer.body)).toMatchObject({ status, code: expect.stringMatching(/^SB_/) });
  });

  it("goes on beside requests that never end, and stops without waiting for them", async () => {
    const head = `POST ${ROUTERS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n`;
    const other = await TestSystem.start();
    const sockets = await Promise.all(Array.from({ length: 60 }, () => open(other.url)));
    for (const [at, socket] of sockets.entries()) socket.write(head.slice(0, 1 + ((at * 7) % (head.length - 1))));
    for (const socket of sockets.slice(0, 20)) socket.write(`${head}{"edge_router": `);
    const answer = await ask(other, "POST", ROUTERS, { edge_router: valid });
    expect(answer.status).toBe(201);
    const gone = sockets.map((socket) => new Promise((resolve) => socket.resume().once("close", resolve)));
    await other.stop();
    await Promise.all(gone);
  });

  it("answers a hundred bad requests at once, each with its own problem", async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        ask(system, "POST", ROUTERS, { edge_router: { ...valid, [`field_${at}`]: "<" } }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 400));
    expect(answers.map(({ pointers }) => pointers)).toEqual(answers.map((_, at) => [`/edge_router/field_${at}`]));
    expect((await ask(system, "GET", one())).status).toBe(200);
  });
});

describe("what a client may write", () => {
  it("takes a unique value only when it is free, in a PUT too", async () => {
    const other = await TestSystem.start();
    try {
      // Neither needs a device: the controller knows no such switch, and says so.
      const device = (address: string) => ({ ese_device: { hostname: "none", management_ip_address: address } });
      const first = await other.send("POST", "/v2.0/ese_devices", device("10.161.0.34"));
      const second = await other.send("POST", "/v2.0/ese_devices", device("10.79.5.184"));
      const path = `/v2.0/ese_devices/${String((second.body["ese_device"] as Body)["id"])}`;
      const answer = await ask(other, "PUT", path, { ese_device: { management_ip_address: "10.161.0.34" } });
      const holder = String((first.body["ese_device"] as Body)["id"]);
      expect([answer.status, answer.contentType, answer.code]).toEqual([409, PROBLEM, "SB_UNIQUE_TAKEN"]);
      expect(answer.errors).toEqual([`/ese_device/management_ip_address is taken by ese_device ${holder}`]);
      expect((await ask(other, "GET", path)).text).toContain("10.79.5.184");
    } finally {
      await other.stop();
    }
  });

  it("keeps the characters of a key, which are no syntax to any router", async () => {
    const key = "a</x>&amp;b;{c}\"d'`\\e $9$ \u00e4\u{1f511}";
    const scenario = await readScenario(demoScenario);
    const requests = scenario.requests.map((request) =>
      JSON.parse(JSON.stringify(request), (name, value: unknown) => (name === "bgp_md5" ? key : value)),
    );
    const other = await TestSystem.start();
    try {
      await other.replay({ ...scenario, requests } as Scenario);
      for (const name of ["MX-1", "MX-2"]) {
        const lines = (await other.text(`/lab/routers/${name}/set`)).split("\n");
        const keys = lines.filter((line) => line.includes("authentication-key"));
        expect(keys.length).toBe(1);
        expect(unscramble(/authentication-key "(.*)"$/.exec(keys[0] ?? "")?.[1] ?? "")).toBe(key);
        const was = (before[name] ?? "").split("\n").length;
        expect((await other.text(`/lab/routers/${name}/configuration`)).split("\n").length).toBe(was);
      }
    } finally {
      await other.stop();
    }
  });
});
