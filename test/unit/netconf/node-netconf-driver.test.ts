import { afterEach, describe, expect, it } from "vitest";
import { NetconfConnector } from "../../../src/adapters/netconf/connector.ts";
import { encodeMessage } from "../../../src/adapters/netconf/framing.ts";
import { childText, element } from "../../../src/xml/element.ts";
import { type ScriptedRouterOptions, startScriptedRouter } from "../../servers/scripted-router.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

/** What node-netconf can and cannot do; `docs/netconf.md` lists the second. */
describe("the node-netconf driver", () => {
  const cleanups: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const connectTo = async (options: ScriptedRouterOptions, timeouts: { rpcMs?: number; helloMs?: number } = {}) => {
    const router = await startScriptedRouter(options);
    cleanups.push(router.stop);
    const connector = new NetconfConnector({
      hostKeys: { mode: "insecure" },
      driver: "node-netconf",
      logger: silentLogger,
      timeouts: { connectMs: 1_000, ...timeouts },
    });
    const address = { host: "127.0.0.1", port: router.port, username: "lab", password: "secret" };
    const session = await connector.connect(address);
    cleanups.push(() => session.close());
    return { session, router };
  };

  it("keeps text as text and sends one request at a time", async () => {
    let open = 0;
    let most = 0;
    const { session } = await connectTo({
      answer: ({ messageId, operation }, peer) => {
        open += 1;
        most = Math.max(most, open);
        setImmediate(() => {
          open -= 1;
          peer.reply(messageId, `<value>${operation.text}</value>`);
        });
      },
    });
    const replies = await Promise.all(["1.10", "007", "x"].map((text) => session.rpc(element("echo", text))));
    expect(replies.map((reply) => childText(reply, "value"))).toEqual(["1.10", "007", "x"]);
    expect(most).toBe(1);
  });

  it("reports rpc-errors, timeouts and lost connections as the other driver does", async () => {
    const { session } = await connectTo({
      answer: ({ messageId, operation }, peer) => {
        if (operation.name === "lock") {
          const info = "<error-info><session-id>9</session-id></error-info>";
          peer.reply(
            messageId,
            `<rpc-error><error-tag>lock-denied</error-tag><error-severity>error</error-severity>${info}</rpc-error>`,
          );
        } else peer.drop();
      },
    });
    await expect(session.lock()).rejects.toThrowError(/lock held by session 9/);
    const closed = expect.objectContaining({ code: "SB_DEVICE_CLOSED" });
    await expect(session.rpc(element("drop"))).rejects.toThrowError(closed);
    const silent = await connectTo({ answer: () => undefined });
    const late = silent.session.rpc(element("ask"), { timeoutMs: 20 });
    await expect(late).rejects.toThrowError(expect.objectContaining({ code: "SB_RPC_TIMEOUT" }));
  });

  it("cannot check host keys, and refuses to be asked to", () => {
    const options = { driver: "node-netconf", logger: silentLogger } as const;
    const invalid = expect.objectContaining({ code: "SB_CONFIG_INVALID" });
    expect(() => new NetconfConnector({ ...options, hostKeys: { mode: "pin", fingerprints: {} } })).toThrowError(
      invalid,
    );
  });

  it("cannot speak base:1.1, and does not offer it", async () => {
    const { session, router } = await connectTo({});
    await session.lock();
    expect(router.received[0]).not.toContain("base:1.1");
  });

  it("cannot keep the order of siblings whose names alternate", async () => {
    const { session, router } = await connectTo({});
    await session.rpc(element("op", [element("a", "1"), element("b", "2"), element("a", "3")]));
    expect(router.received[1]?.replace(/\s+/g, "")).toContain("<a>1</a><a>3</a><b>2</b>");
  });

  it("cannot match a reply whose tag has a prefix: the request times out", async () => {
    const { session } = await connectTo({
      answer: ({ messageId }, peer) => {
        const reply = `<nc:rpc-reply xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="${messageId}"><nc:ok/></nc:rpc-reply>`;
        peer.write(encodeMessage(reply, "end-of-message"));
      },
    });
    const asked = session.rpc(element("ask"), { timeoutMs: 100 });
    await expect(asked).rejects.toThrowError(expect.objectContaining({ code: "SB_RPC_TIMEOUT" }));
  });

  it("cannot put a character together that arrives in two packets", async () => {
    const { session } = await connectTo({
      answer: ({ messageId }, peer) => {
        const bytes = peer.replyBytes(messageId, "<value>ü</value>");
        const middle = bytes.indexOf(Buffer.from("ü")) + 1;
        peer.write(bytes.subarray(0, middle));
        setImmediate(() => peer.write(bytes.subarray(middle)));
      },
    });
    expect(childText(await session.rpc(element("ask")), "value")).toBe("\uFFFD\uFFFD");
  });

  it("cannot log in by keyboard-interactive", async () => {
    const auth = expect.objectContaining({ code: "SB_DEVICE_AUTH" });
    await expect(connectTo({ interactiveOnly: true })).rejects.toThrowError(auth);
  });
});
