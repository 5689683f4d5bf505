import { once } from "node:events";
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { listenHttp } from "../../../src/adapters/http/listen-http.ts";
import { FakeGateway } from "./fake-gateway.ts";
import { RecordingLogger } from "./recording-logger.ts";

let gateway: FakeGateway;
let app: FastifyInstance;
let port: number;

beforeEach(async () => {
  gateway = new FakeGateway();
  const limits = { streams: 2, heartbeatMs: 20, drainBytes: 2 * 1024 * 1024 };
  app = createHttpServer({ api: gateway, logger: new RecordingLogger(), limits });
  port = (await listenHttp(app, { host: "127.0.0.1", port: 0 })).port;
});
afterEach(async () => {
  await app.close();
});

async function send(
  path: string,
  options: { method?: string; body?: string | Buffer; headers?: Record<string, string>; agent?: Agent } = {},
): Promise<IncomingMessage> {
  const { method = "GET", body, headers = {}, agent } = options;
  const request = httpRequest({ host: "127.0.0.1", port, path, method, headers, ...(agent ? { agent } : {}) });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return response;
}

const make = (type: string, name: string) => gateway.create(type, { name });

async function aborted(signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) throw new Error("no stream was opened");
  if (!signal.aborted) await once(signal, "abort");
}

describe("bodies", () => {
  it("answers a body of 1 MB with a 413 problem and keeps the connection", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const body = JSON.stringify({ edge_router: { name: "x".repeat(1024 * 1024) } });
    const headers = { "content-type": "application/json" };
    const response = await send("/v2.0/edge_routers", { method: "POST", body, headers, agent });
    const socket = response.socket;
    expect([response.statusCode, JSON.parse(await text(response)).code]).toEqual([413, "SB_BODY_TOO_LARGE"]);
    const next = await send("/livez", { agent });
    expect(next.socket).toBe(socket);
    expect(next.statusCode).toBe(200);
    next.resume();
    agent.destroy();
  });

  it("reads a body of exactly 256 KiB", async () => {
    const frame = JSON.stringify({ vpn_service: { name: "" } });
    const body = JSON.stringify({ vpn_service: { name: "x".repeat(256 * 1024 - frame.length) } });
    const headers = { "content-type": "application/json" };
    const path = "/v2.0/vpn_services";
    const fits = await send(path, { method: "POST", body, headers });
    expect([body.length, fits.statusCode]).toEqual([262144, 201]);
    fits.resume();
    const over = await send(path, { method: "POST", body: `${body} `, headers });
    expect(over.statusCode).toBe(413);
    over.resume();
  });

  it("cuts off who sends without end", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => socket.destroy());
    socket.write(`POST /v2.0/edge_routers HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n`);
    socket.write("Transfer-Encoding: chunked\r\n\r\n");
    const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
    const pump = () => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("drain", pump);
    pump();
    socket.resume();
    await new Promise((resolve) => socket.once("close", resolve));
    expect(socket.destroyed).toBe(true);
    expect((await gateway.list("edge_router", {})).total).toBe(0);
  });

  it("answers what is not HTTP with a problem", async () => {
    const socket = connect(port, "127.0.0.1");
    socket.end("HELLO\r\n\r\n");
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('"code":"SB_MALFORMED_REQUEST"');
  });
});

describe("transitions", () => {
  it("are lines of JSON, and end where the log ends", async () => {
    await make("vpn_service", "a");
    await make("vpn_service", "b");
    const response = await send("/signalbox/v1/transitions?from=2");
    expect(response.headers["content-type"]).toContain("application/x-ndjson");
    const lines = (await text(response))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines[0]).toMatchObject({ seq: 2, name: "b", event: "CREATE" });
  });

  it("go on live when followed, with empty lines in between, until the client leaves", async () => {
    const response = await send("/signalbox/v1/transitions?follow=true");
    const lines = createInterface({ input: response })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("");
    await make("vpn_service", "late");
    let line = "";
    while (line === "") line = String((await lines.next()).value);
    expect(JSON.parse(line)).toMatchObject({ seq: 1, name: "late" });
    response.destroy();
    await aborted(gateway.signals[0]);
  });

  it("are server-sent events when asked for, and resume by Last-Event-ID", async () => {
    await make("vpn_service", "a");
    await make("vpn_service", "b");
    const response = await send("/signalbox/v1/transitions?from=1", {
      headers: { accept: "text/event-stream", "last-event-id": "1" },
    });
    expect(response.headers["content-type"]).toContain("text/event-stream");
    const [opening, event] = (await text(response)).split("\n\n");
    expect(opening).toBe("retry: 2000");
    expect(event).toMatch(/^id: 2\nevent: transition\ndata: \{"seq":2,/);
  });

  it("are refused when as many streams are open as are allowed", async () => {
    const first = await send("/signalbox/v1/transitions?follow=true");
    const second = await send("/signalbox/v1/documents/watch");
    const third = await send("/signalbox/v1/documents/watch");
    expect([third.statusCode, third.headers["retry-after"]]).toEqual([503, "1"]);
    third.resume();
    first.destroy();
    second.destroy();
    await aborted(gateway.signals[0]);
    await aborted(gateway.signals[1]);
  });

  it("end when the server closes", async () => {
    const response = await send("/signalbox/v1/transitions?follow=true");
    const closed = app.close();
    expect((await text(response)).trim()).toBe("");
    await closed;
    expect(gateway.signals.every((signal) => signal.aborted)).toBe(true);
  });

  it("are cut, not ended, when their source fails", async () => {
    gateway.transitions = async function* () {
      yield* [];
      throw new Error("the log is gone");
    };
    const response = await send("/signalbox/v1/transitions?follow=true");
    await expect(text(response)).rejects.toThrow("aborted");
    const events = await send("/signalbox/v1/transitions", { headers: { accept: "text/event-stream" } });
    const said = await text(events);
    expect(said).toContain("event: problem\n");
    expect(said).not.toContain("the log is gone");
  });
});

describe("document writes", () => {
  it("come in order from the oldest on, null for a delete", async () => {
    const { id } = await make("vpn_service", "a");
    await gateway.remove("vpn_service", String(id));
    const key = `/config/v2.0/vpn_services/${String(id)}`;
    const response = await send("/signalbox/v1/documents/watch?from_start=true&prefix=/config/");
    const seen: unknown[] = [];
    for await (const line of createInterface({ input: response })) {
      if (line !== "") seen.push(JSON.parse(line));
      if (seen.length > 0 && (seen.at(-1) as { value: unknown }).value === null) break;
    }
    expect(seen.at(0)).toEqual({ key, value: { body: { name: "a", id }, version: 1 }, revision: 1 });
    expect(seen.at(-1)).toMatchObject({ key, value: null });
    response.destroy();
    await aborted(gateway.signals[0]);
  });
});

describe("closing", () => {
  const post =
    "POST /v2.0/vpn_services HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\nContent-Length: 100\r\n";
  const opened = async (): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1");
    const [[served]] = await Promise.all([
      once(app.server, "connection") as Promise<[Socket]>,
      once(socket, "connect"),
    ]);
    socket.once("error", () => socket.destroy());
    served.once("error", () => served.destroy());
    return socket;
  };

  it.each([
    ["that has not asked anything", ""],
    ["that stopped in the head of a request", "GET /livez HTTP/1.1\r\nHo"],
    ["that stopped before the body of a request", `${post}\r\n`],
    ["that stopped in the body of a request", `${post}\r\n{"vpn_service": {`],
  ])("does not wait for a connection %s", async (_what, sent) => {
    const socket = await opened();
    const began = sent.startsWith("POST") ? once(app.server, "request") : undefined;
    const bytes = sent.replace("HOST", `127.0.0.1:${port}`);
    if (sent !== "") await new Promise((resolve) => socket.write(bytes, resolve));
    await began;
    socket.resume();
    // Cut off: whether the client sees an end or a reset depends on what was still under way.
    const gone = new Promise((resolve) => socket.once("close", resolve));
    await app.close();
    await gone;
    expect((await gateway.list("vpn_service", {})).resources).toEqual([]);
  });

  it("answers what was asked before, and does not wait for kept connections", async () => {
    const agent = new Agent({ keepAlive: true });
    let free = () => {};
    const held = new Promise<void>((resolve) => {
      free = resolve;
    });
    const list = gateway.list.bind(gateway);
    let asked = () => {};
    const running = new Promise<void>((resolve) => {
      asked = resolve;
    });
    gateway.list = async (type, query) => {
      asked();
      await held;
      return list(type, query);
    };
    const idle = await send("/livez", { agent });
    idle.resume();
    const slow = send("/v2.0/vpn_services", { agent: new Agent({ keepAlive: true }) });
    await running;
    const closed = app.close();
    free();
    // What was asked before is answered.
    expect(JSON.parse(await text(await slow))).toEqual({ vpn_services: [] });
    await closed;
    agent.destroy();
  });

  it("cuts a stream whose client does not read", async () => {
    await app.close();
    app = createHttpServer({ api: gateway, logger: new RecordingLogger(), limits: { closeGraceMs: 1 } });
    ({ port } = await listenHttp(app, { host: "127.0.0.1", port: 0 }));
    let wrote = () => {};
    const full = new Promise<void>((resolve) => {
      wrote = resolve;
    });
    gateway.transitions = async function* () {
      const big = { name: "x".repeat(1024 * 1024) };
      for (let count = 0; count < 64; count += 1) {
        if (count === 8) wrote();
        yield big as never;
      }
    };
    const socket = await opened();
    socket.write(`GET /signalbox/v1/transitions HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    await Promise.race([full, once(socket, "readable")]);
    await app.close();
    socket.destroy();
  });
});

describe("listening", () => {
  it("says why an address cannot be had", async () => {
    const other = createHttpServer({ api: gateway, logger: new RecordingLogger() });
    await expect(listenHttp(other, { host: "127.0.0.1", port })).rejects.toMatchObject({
      code: "SB_CONFIG_INVALID",
      message: `Cannot listen on 127.0.0.1:${port}: another process listens there.`,
    });
    await other.close();
  });
});
