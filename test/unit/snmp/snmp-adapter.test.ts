import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, it } from "vitest";
import { SnmpAdapter } from "../../../src/adapters/snmp/snmp-adapter.ts";
import type { SnmpCredential } from "../../../src/adapters/snmp/snmp-credential.ts";
import { type LabAgent, type LabAgentOptions, startLabAgent } from "../../../src/lab/agents/lab-agent.ts";
import { encodeResponse, octets, parseRequest } from "../../../src/lab/agents/snmp-message.ts";
import { silentLogger } from "./silent-logger.ts";

const SYS_UP_TIME = "1.3.6.1.2.1.1.3.0";
const SYS_NAME = "1.3.6.1.2.1.1.5.0";
const IF_DESCR = "1.3.6.1.2.1.2.2.1.2";
const IF_OPER_STATUS = "1.3.6.1.2.1.2.2.1.8";
const IF_NAME = "1.3.6.1.2.1.31.1.1.1.1";
const IF_HC_IN_OCTETS = "1.3.6.1.2.1.31.1.1.1.6";

const cleanup: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of cleanup.splice(0).reverse()) await stop();
});

async function labAgent(options: Partial<LabAgentOptions> = {}): Promise<LabAgent> {
  const agent = await startLabAgent({
    name: "MX-1",
    community: "lab",
    interfaces: () => [{ name: "ae0", up: true }],
    ...options,
  });
  cleanup.push(() => agent.close());
  return agent;
}

function adapter(port: number | (() => number), more: { timeoutMs?: number; maxBatch?: number; v3?: boolean } = {}) {
  const credential: SnmpCredential = more.v3
    ? { version: "3", user: "watcher", level: "authNoPriv", authProtocol: "sha", authKey: "correct-auth-key" }
    : { version: "2c", community: "lab" };
  const client = new SnmpAdapter({
    addressBook: () => ({ host: "127.0.0.1", port: typeof port === "number" ? port : port() }),
    communities: { LAB: credential },
    timeoutMs: more.timeoutMs ?? 2000,
    retries: 0,
    logger: silentLogger,
    ...(more.maxBatch === undefined ? {} : { maxBatch: more.maxBatch }),
  });
  cleanup.push(() => client.close());
  return client;
}

/** An agent that answers each request with whatever the function makes of it. */
async function strangeAgent(answer: (request: Buffer) => Buffer): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  socket.on("message", (request: Buffer, from: RemoteInfo) => socket.send(answer(request), from.port));
  cleanup.push(async () => {
    socket.close();
    await once(socket, "close");
  });
  return socket.address().port;
}

describe("SnmpAdapter with a lab agent", () => {
  it("sees the uptime grow, however fast it asks", async () => {
    const client = adapter((await labAgent({ now: () => 0 })).port);
    const readings: number[] = [];
    for (let turn = 0; turn < 3; turn += 1) readings.push(Number((await client.get("MX-1", "LAB", [SYS_UP_TIME]))[0]));
    expect(readings).toEqual([1, 2, 3]);
  });

  it("sees an interface as soon as the device has it, and no longer when it is gone", async () => {
    const names = ["ae0"];
    const agent = await labAgent({ interfaces: () => names.map((name) => ({ name, up: true })) });
    const client = adapter(agent.port);
    const seen = async () => [...(await client.column("MX-1", "LAB", IF_NAME)).values()];
    expect(await seen()).toEqual(["ae0"]);
    names.push("ae0.1025");
    expect(await seen()).toEqual(["ae0", "ae0.1025"]);
    names.pop();
    expect(await seen()).toEqual(["ae0"]);
  });

  it("sees an interface go down and come back", async () => {
    const agent = await labAgent();
    const client = adapter(agent.port);
    const state = async () => (await client.get("MX-1", "LAB", [`${IF_OPER_STATUS}.501`]))[0];
    expect(await state()).toBe(1);
    agent.interfaceDown("ae0");
    expect(await state()).toBe(2);
    agent.interfaceUp("ae0");
    expect(await state()).toBe(1);
  });

  it("sees counters grow while the interface is up", async () => {
    const client = adapter((await labAgent()).port);
    const counted = async () => BigInt((await client.get("MX-1", "LAB", [`${IF_HC_IN_OCTETS}.501`]))[0] ?? 0);
    const first = await counted();
    expect(await counted()).toBeGreaterThan(first);
  });

  it("sends gets that are made together as one request", async () => {
    const agent = await labAgent();
    const client = adapter(agent.port);
    await Promise.all(Array.from({ length: 20 }, () => client.get("MX-1", "LAB", [SYS_NAME, SYS_UP_TIME])));
    expect(agent.requests).toBe(1);
  });

  it("halves a request whose answer is too big", async () => {
    const name = (port: number) => `${"x".repeat(200)}-${port}`;
    const agent = await labAgent({
      interfaces: () => Array.from({ length: 20 }, (_, port) => ({ name: name(port), up: true })),
    });
    const client = adapter(agent.port);
    const oids = Array.from({ length: 20 }, (_, port) => `${IF_DESCR}.${501 + port}`);
    expect(await client.get("MX-1", "LAB", oids)).toEqual(Array.from({ length: 20 }, (_, port) => name(port)));
    expect(agent.requests).toBeGreaterThan(1);
    expect((await client.column("MX-1", "LAB", IF_NAME)).size).toBe(20);
  });

  it("reads a column of 2000 rows", async () => {
    const rows = Array.from({ length: 2000 }, (_, port) => ({ name: `ae0.${port}`, up: true }));
    const client = adapter((await labAgent({ interfaces: () => rows })).port);
    const names = await client.column("MX-1", "LAB", IF_NAME);
    expect([...names.values()]).toEqual(rows.map(({ name }) => name));
  });

  it("gives up on a silent agent, and is answered again when it talks again", async () => {
    const agent = await labAgent();
    const client = adapter(agent.port, { timeoutMs: 100 });
    agent.silent = true;
    await expect(client.get("MX-1", "LAB", [SYS_NAME])).rejects.toMatchObject({
      code: "SB_SNMP_TIMEOUT",
      message: `No SNMP answer from MX-1 at 127.0.0.1:${agent.port} within 100 ms`,
    });
    await expect(client.column("MX-1", "LAB", IF_NAME)).rejects.toMatchObject({ code: "SB_SNMP_TIMEOUT" });
    agent.heal();
    expect(await client.get("MX-1", "LAB", [SYS_NAME])).toEqual(["MX-1"]);
  });

  it("follows the address book when a device moves", async () => {
    const [old, moved] = [await labAgent({ name: "old" }), await labAgent({ name: "moved" })];
    let port = old.port;
    const client = adapter(() => port);
    expect(await client.get("MX-1", "LAB", [SYS_NAME])).toEqual(["old"]);
    port = moved.port;
    expect(await client.get("MX-1", "LAB", [SYS_NAME])).toEqual(["moved"]);
  });

  it("ends what is in flight and what waits when it is closed", async () => {
    const agent = await labAgent();
    agent.silent = true;
    const client = adapter(agent.port);
    const inFlight = client.get("MX-1", "LAB", [SYS_NAME]);
    const waiting = client.column("MX-1", "LAB", IF_NAME);
    await Promise.all([
      expect(inFlight).rejects.toMatchObject({ code: "SB_SNMP_FAILED", transient: true }),
      expect(waiting).rejects.toMatchObject({ code: "SB_SNMP_FAILED", transient: true }),
      new Promise(setImmediate).then(() => client.close()),
    ]);
    await expect(client.get("MX-1", "LAB", [SYS_NAME])).rejects.toMatchObject({ code: "SB_SNMP_FAILED" });
  });
});

describe("SnmpAdapter with an agent that does not speak SNMP well", () => {
  it.each([false, true])("survives any answer at all (SNMPv3: %s)", async (v3) => {
    let turn = 0;
    const port = await strangeAgent((request) => {
      turn += 1;
      const answer = Buffer.from(request);
      // Every byte of the request is spoilt in turn, with the response tag in place of the request's.
      const at = turn % answer.length;
      for (let byte = 0; byte < answer.length; byte += 1) if (answer[byte] === 0xa0) answer[byte] = 0xa2;
      answer[at] = ((answer[at] ?? 0) + 1 + (turn % 7) * 36) % 256;
      return turn % 11 === 0 ? answer.subarray(0, at) : answer;
    });
    const client = adapter(port, { timeoutMs: 5, v3 });
    for (let round = 0; round < 120; round += 1) {
      const outcome = await client.get("MX-1", "LAB", [SYS_NAME]).then(
        () => "answered",
        (error: { code?: string }) => error.code,
      );
      expect(["answered", "SB_SNMP_TIMEOUT", "SB_SNMP_FAILED"]).toContain(outcome);
    }
  });

  it("does not hang when a v2c request is answered in SNMPv3", async () => {
    const port = await strangeAgent((request) => {
      // The request id of a v2c message, as msgID of an authenticated v3 message for a user that the client does not have.
      const at = request.indexOf(0xa0) + 2;
      const id = request.subarray(at, at + 2 + (request[at + 1] ?? 0));
      const sequence = (tag: number, ...parts: Buffer[]) => {
        const content = Buffer.concat(parts);
        return Buffer.concat([Buffer.from([tag, content.length]), content]);
      };
      const integer = (value: number) => Buffer.from([2, 1, value]);
      const text = (content: string) => sequence(4, Buffer.from(content));
      const security = sequence(
        4,
        sequence(0x30, text("engine"), integer(1), integer(1), text("u"), text("digest"), text("")),
      );
      const pdu = sequence(0x30, text("engine"), text(""), sequence(0xa2, id, integer(0), integer(0), sequence(0x30)));
      const header = sequence(0x30, id, Buffer.from([2, 2, 8, 0]), Buffer.from([4, 1, 1]), integer(3));
      return sequence(0x30, integer(3), header, security, pdu);
    });
    const client = adapter(port, { timeoutMs: 300 });
    await expect(client.get("MX-1", "LAB", [SYS_NAME])).rejects.toMatchObject({ code: "SB_SNMP_FAILED" });
  });

  it.each([
    ["goes back", [5, 3]],
    ["stays where it is", [5, 5]],
  ])("stops a column in which the agent %s", async (_what, rows) => {
    const port = await strangeAgent((request) => {
      const column = IF_NAME.split(".").map(Number);
      const bindings = rows.map((row) => ({ oid: [...column, row], value: octets(`port ${row}`) }));
      return encodeResponse(parseRequest(request), bindings);
    });
    await expect(adapter(port).column("MX-1", "LAB", IF_NAME)).rejects.toMatchObject({
      code: "SB_SNMP_FAILED",
      message: expect.stringContaining("goes in circles"),
    });
  });

  it("refuses an answer to something else", async () => {
    const port = await strangeAgent((request) =>
      encodeResponse(parseRequest(request), [{ oid: [1, 3, 6, 1, 9], value: octets("else") }]),
    );
    await expect(adapter(port).get("MX-1", "LAB", [SYS_NAME])).rejects.toMatchObject({
      code: "SB_SNMP_FAILED",
      message: expect.stringContaining(`where ${SYS_NAME} was asked`),
    });
  });
});
