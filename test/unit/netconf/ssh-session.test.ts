import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { RouterSession } from "../../../src/actors/ports.ts";
import { NetconfConnector, type NetconfOptions } from "../../../src/adapters/netconf/connector.ts";
import { encodeMessage } from "../../../src/adapters/netconf/framing.ts";
import { fingerprint } from "../../../src/adapters/netconf/known-hosts.ts";
import { childText, element } from "../../../src/xml/element.ts";
import {
  BASE,
  BASE_AND_CHUNKS,
  type ScriptedRequest,
  type ScriptedRouter,
  type ScriptedRouterOptions,
  startScriptedRouter,
} from "../../servers/scripted-router.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

const DEVICE = "mx-1.example";
const failsWith = (code: string, more: object = {}) => expect.objectContaining({ code, device: DEVICE, ...more });

describe("NETCONF session over ssh2", () => {
  const cleanups: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  const connectTo = async (
    router: { port: number },
    options: Partial<NetconfOptions> = {},
    password = "secret",
  ): Promise<RouterSession> => {
    const connector = new NetconfConnector({
      addressBook: () => ({ host: "127.0.0.1", port: router.port }),
      hostKeys: { mode: "insecure" },
      logger: silentLogger,
      ...options,
    });
    const session = await connector.connect({ host: DEVICE, port: 830, username: "lab", password });
    cleanups.push(() => session.close());
    return session;
  };
  const start = async (options: ScriptedRouterOptions = {}): Promise<ScriptedRouter> => {
    const router = await startScriptedRouter(options);
    cleanups.push(router.stop);
    return router;
  };

  it("understands a hello behind comments, as Junos sends it", async () => {
    const hello = `<!-- No zombies were killed during the creation of this user interface -->
<!-- user lab, class j-super-user -->
<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>${BASE}</capability></capabilities><session-id>77</session-id></hello>
`;
    const session = await connectTo(await start({ hello, capabilities: [BASE] }));
    expect(session.sessionId).toBe("77");
    await session.lock();
  });

  it.each([
    ["end-of-message", [BASE]],
    ["chunked", BASE_AND_CHUNKS],
  ])("sends operations in the base:1.0 namespace with %s framing", async (_, capabilities) => {
    const router = await start({ capabilities });
    const session = await connectTo(router);
    await session.edit(element("configuration", [element("interfaces")]));
    expect(router.received.at(-1)).toBe(
      '<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1"><edit-config><target><candidate/></target>' +
        "<default-operation>merge</default-operation><error-option>stop-on-error</error-option>" +
        '<config xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><configuration><interfaces/></configuration></config></edit-config></rpc>',
    );
  });

  it("reads replies that come byte by byte, and several in one packet", async () => {
    const held: ScriptedRequest[] = [];
    const router = await start({
      answer: (request, peer) => {
        if (request.operation.name === "slow") {
          for (const byte of peer.replyBytes(request.messageId, "<value>ü</value>")) peer.write(Buffer.from([byte]));
          return;
        }
        held.push(request);
        if (held.length < 3) return;
        const replies = held.map(({ messageId, operation }) =>
          peer.replyBytes(messageId, `<value>${operation.text}</value>`),
        );
        peer.write(Buffer.concat(replies.reverse()));
      },
    });
    const session = await connectTo(router);
    expect(childText(await session.rpc(element("slow")), "value")).toBe("ü");
    const replies = await Promise.all(["1.10", "2", "3"].map((text) => session.rpc(element("echo", text))));
    expect(replies.map((reply) => childText(reply, "value"))).toEqual(["1.10", "2", "3"]);
  });

  it("takes a hello and a chunked message from one packet", async () => {
    const hello = `<hello><capabilities><capability>${BASE_AND_CHUNKS[1]}</capability></capabilities><session-id>9</session-id></hello>`;
    const packet = Buffer.concat([encodeMessage(hello, "end-of-message"), encodeMessage("<notification/>", "chunked")]);
    const session = await connectTo(await start({ greeting: packet }));
    expect(session.sessionId).toBe("9");
    await session.lock();
  });

  it("rejects all requests in flight when the device closes, and says why", async () => {
    const router = await start({
      answer: (request, peer) => {
        if (request.operation.name === "last") peer.drop();
      },
    });
    const session = await connectTo(router);
    const asked = ["first", "second", "last"].map((name) => session.rpc(element(name)));
    for (const outcome of await Promise.allSettled(asked)) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "SB_DEVICE_CLOSED", device: DEVICE } });
    }
    expect(await session.closed).toMatchObject({ code: "SB_DEVICE_CLOSED" });
    await expect(session.lock()).rejects.toThrowError(failsWith("SB_DEVICE_CLOSED"));
  });

  it("closes the session after a request that is not answered in time", async () => {
    const router = await start({ answer: () => undefined });
    const session = await connectTo(router);
    const other = session.rpc(element("other"));
    const late = session.rpc(element("late"), { timeoutMs: 20 });
    const outcomes = await Promise.allSettled([late, other]);
    expect(outcomes).toMatchObject([{ reason: { code: "SB_RPC_TIMEOUT" } }, { reason: { code: "SB_DEVICE_CLOSED" } }]);
    expect(await session.closed).toMatchObject({ code: "SB_RPC_TIMEOUT" });
  });

  it("ends the session upon bytes that are no chunk: where the next reply starts cannot be told", async () => {
    const session = await connectTo(await start({ answer: (_, peer) => peer.write(Buffer.from("router>")) }));
    await expect(session.lock()).rejects.toThrowError(failsWith("SB_DEVICE_CLOSED"));
    expect(await session.closed).toMatchObject({ code: "SB_DEVICE_PROTOCOL", device: DEVICE });
  });

  it("gives a reply without message-id to the oldest request, and drops comments", async () => {
    const router = await start({
      answer: (_, peer) => {
        peer.write(encodeMessage("<!-- session end soon -->", "chunked"));
        peer.write(encodeMessage("<rpc-reply><value>1</value></rpc-reply>", "chunked"));
      },
    });
    const session = await connectTo(router);
    expect(childText(await session.rpc(element("ask")), "value")).toBe("1");
  });

  it("logs in by password, asked for either way", async () => {
    await connectTo(await start({ password: "p" }), {}, "p");
    await connectTo(await start({ password: "p", interactiveOnly: true }), {}, "p");
    const wrong = connectTo(await start({ password: "p" }), {}, "q");
    await expect(wrong).rejects.toThrowError(failsWith("SB_DEVICE_AUTH", { transient: false }));
  });

  it("checks the host key against the resource's name, not the address connected to", async () => {
    const router = await start();
    const pin = fingerprint(router.hostKey);
    await connectTo(router, { hostKeys: { mode: "pin", fingerprints: { [DEVICE]: pin } } });
    await connectTo(router, { hostKeys: { mode: "pin", fingerprints: { [`[${DEVICE}]:830`]: pin } } });
    for (const fingerprints of [{ "127.0.0.1": pin }, { [DEVICE]: "SHA256:other" }]) {
      const refused = failsWith("SB_DEVICE_HOST_KEY", { transient: false, message: expect.stringContaining(pin) });
      await expect(connectTo(router, { hostKeys: { mode: "pin", fingerprints } })).rejects.toThrowError(refused);
    }
  });

  it("says when a device has no NETCONF", async () => {
    await expect(connectTo(await start({ refuseSubsystem: true }))).rejects.toThrowError(
      failsWith("SB_DEVICE_REFUSED"),
    );
  });

  it.each([
    ["is no XML", "login:"],
    ["is no hello", "<rpc-reply/>"],
    ["has no session-id", "<hello><capabilities/></hello>"],
  ])("refuses a first message that %s", async (_, hello) => {
    await expect(connectTo(await start({ hello }))).rejects.toThrowError(failsWith("SB_DEVICE_PROTOCOL"));
  });

  it("gives up a device that sends no hello", async () => {
    const router = await start({ hello: null });
    await expect(connectTo(router, { timeouts: { helloMs: 30 } })).rejects.toThrowError(
      failsWith("SB_DEVICE_PROTOCOL"),
    );
  });

  it.each([
    ["accepts and stays silent", "", "SB_DEVICE_UNREACHABLE"],
    ["accepts and hangs up", "hang up", "SB_DEVICE_REFUSED"],
    ["speaks another protocol", "SSH-1.5-old\r\n", "SB_DEVICE_PROTOCOL"],
  ])("gives up a port that %s", async (_, behaviour, code) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined).resume();
      if (behaviour === "hang up") socket.end();
      else if (behaviour !== "") socket.write(behaviour);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    await expect(connectTo(address, { timeouts: { connectMs: 300 } })).rejects.toThrowError(failsWith(code));
    server.close();
    await once(server, "close");
  });

  it("abandons a login when the signal is aborted", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const abort = new AbortController();
    const connector = new NetconfConnector({ hostKeys: { mode: "insecure" }, logger: silentLogger });
    const reason = new Error("stop");
    const connecting = connector.connect(
      { host: "127.0.0.1", port: address.port, username: "lab", password: "x" },
      { signal: abort.signal },
    );
    const [socket] = await once(server, "connection");
    abort.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    socket.destroy();
    server.close();
    await once(server, "close");
  });
});
