import { afterEach, describe, expect, it } from "vitest";
import type { RouterSession } from "../../../src/actors/ports.ts";
import { NetconfConnector } from "../../../src/adapters/netconf/connector.ts";
import { encodeMessage } from "../../../src/adapters/netconf/framing.ts";
import { childText, element } from "../../../src/xml/element.ts";
import {
  BASE,
  BASE_AND_CHUNKS,
  type ScriptedPeer,
  type ScriptedRequest,
  startScriptedRouter,
} from "../../servers/scripted-router.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

const DEVICE = "mx-1.example";

describe.each([
  ["end-of-message", [BASE]],
  ["chunked", BASE_AND_CHUNKS],
] as const)("a reply that cannot be read, with %s framing", (framing, capabilities) => {
  const cleanups: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  /** A session whose request `bad` is answered so; every other one with `<value>` and its name. */
  const sessionWith = async (bad: (request: ScriptedRequest, peer: ScriptedPeer) => void): Promise<RouterSession> => {
    const router = await startScriptedRouter({
      capabilities,
      answer: (request, peer) => {
        if (request.operation.name === "bad") bad(request, peer);
        else peer.reply(request.messageId, `<value>${request.operation.name}</value>`);
      },
    });
    cleanups.push(router.stop);
    const connector = new NetconfConnector({
      addressBook: () => ({ host: "127.0.0.1", port: router.port }),
      hostKeys: { mode: "insecure" },
      timeouts: { rpcMs: 5_000 },
      logger: silentLogger,
    });
    const session = await connector.connect({ host: DEVICE, port: 830, username: "lab", password: "secret" });
    cleanups.push(() => session.close());
    return session;
  };
  const works = async (session: RouterSession) => {
    for (const name of ["next", "one-more"]) {
      expect(childText(await session.rpc(element(name)), "value")).toBe(name);
    }
  };
  const raw = (peer: ScriptedPeer, text: string) => peer.write(encodeMessage(text, framing));

  it.each<[string, RegExp, (request: ScriptedRequest, peer: ScriptedPeer) => void]>([
    [
      "is not well-formed",
      /answers bad with what is not XML: .*near/,
      ({ messageId }, peer) => peer.reply(messageId, "<a></b>"),
    ],
    [
      "ends in the middle",
      /answers bad with what is not XML/,
      ({ messageId }, peer) => raw(peer, `<rpc-reply message-id="${messageId}"><data><a>`),
    ],
    ["is another element", /<oops> in place of an rpc-reply/, (_, peer) => raw(peer, "<oops/>")],
    [
      "is text",
      /no element in place of an rpc-reply: "error: memory \*\*\* exhausted"/,
      (_, peer) => raw(peer, "error:\u001B[1m memory $9$abc\u0007 exhausted"),
    ],
    [
      "is for a request that nobody made",
      /a reply to request 999, not of request/,
      (_, peer) => peer.reply("999", "<ok/>"),
    ],
    [
      "has a damaged start tag",
      /no element in place/,
      ({ messageId }, peer) => raw(peer, `<rpc-reply xmlns=>" message-id="${messageId}"><ok/></rpc-reply>`),
    ],
  ])("fails its own request alone when it %s", async (_, message, bad) => {
    const session = await sessionWith(bad);
    await works(session);
    const failed = session.rpc(element("bad"));
    await expect(failed).rejects.toThrowError(
      expect.objectContaining({ code: "SB_DEVICE_PROTOCOL", device: DEVICE, message: expect.stringMatching(message) }),
    );
    await works(session);
  });

  it("does not take a reply without its id for the success of a request, once the device has repeated ids", async () => {
    const session = await sessionWith((_, peer) => raw(peer, "<rpc-reply><ok/></rpc-reply>"));
    await works(session);
    await expect(session.rpc(element("bad"))).rejects.toThrowError(/a reply without the id of request 3/);
    await works(session);
  });

  it("takes an rpc-error without an id for the oldest request's: the device could not read the request", async () => {
    const error =
      "<rpc-error><error-tag>missing-attribute</error-tag><error-severity>error</error-severity></rpc-error>";
    const session = await sessionWith((_, peer) => raw(peer, `<rpc-reply>${error}</rpc-reply>`));
    await works(session);
    await expect(session.rpc(element("bad"))).rejects.toThrowError(expect.objectContaining({ code: "SB_RPC_FAILED" }));
    await works(session);
  });

  it.each<[string, (request: ScriptedRequest, peer: ScriptedPeer) => void]>([
    [
      "the same reply twice",
      ({ messageId }, peer) =>
        peer.write(Buffer.concat([1, 2].map(() => peer.replyBytes(messageId, "<value>bad</value>")))),
    ],
    [
      "an old reply again",
      ({ messageId }, peer) => {
        for (const id of ["1", messageId]) peer.reply(id, "<value>bad</value>");
      },
    ],
    [
      "a notification and a comment",
      ({ messageId }, peer) => {
        raw(peer, '<notification xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>');
        raw(peer, "<!-- message from root -->");
        peer.reply(messageId, "<value>bad</value>");
      },
    ],
    [
      "text in front of the reply",
      ({ messageId }, peer) =>
        raw(peer, `\u0000Mar 3 mgd: > hi\n<rpc-reply message-id="${messageId}"><value>bad</value></rpc-reply>`),
    ],
    [
      "a declaration in front of the reply",
      ({ messageId }, peer) =>
        raw(
          peer,
          `\n<?xml version="1.0" encoding="us-ascii"?>\n<rpc-reply message-id="${messageId}"><value>bad</value></rpc-reply>`,
        ),
    ],
    [
      "a document type, which is not looked at",
      ({ messageId }, peer) =>
        raw(peer, `<!DOCTYPE a [<!ENTITY e "e">]><rpc-reply message-id="${messageId}"><value>bad</value></rpc-reply>`),
    ],
    [
      "text behind the reply",
      ({ messageId }, peer) =>
        raw(peer, `<rpc-reply message-id="${messageId}"><value>bad</value></rpc-reply>\nroot@re1> & <`),
    ],
  ])("reads on through %s", async (_, bad) => {
    const session = await sessionWith(bad);
    await works(session);
    expect(childText(await session.rpc(element("bad")), "value")).toBe("bad");
    await works(session);
  });

  it.each<[string, Buffer, string]>([
    ["a byte that is not UTF-8", Buffer.from([0x61, 0xff, 0x62]), "a\uFFFDb"],
    ["a character cut in two", Buffer.from([0x61, 0xe2, 0x82, 0x62]), "a\uFFFDb"],
    ["a surrogate written as UTF-8", Buffer.from([0xed, 0xa0, 0x80]), "\uFFFD\uFFFD\uFFFD"],
    ["control characters", Buffer.from("a\u0000\u0001\u001Bb\u007F"), "a\uFFFD\uFFFD\uFFFDb\u007F"],
    ["U+FFFE and U+FFFF", Buffer.from("\uFFFE\uFFFF"), "\uFFFD\uFFFD"],
    [
      "references to what XML does not allow",
      Buffer.from("&#x1;&#0;&#xFFFE;&#55296;&#x110000;&#65;"),
      "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA",
    ],
    ["a bare ampersand and bracket", Buffer.from("a & b &c; < 5 && x<>y"), "a & b &c; < 5 && x<>y"],
    ["the end of a CDATA section", Buffer.from("a]]>b"), "a]]>b"],
    ["what is allowed", Buffer.from("<![CDATA[&#1; <b>]]>\t&amp;ü😀"), "&#1; <b>\t&ü😀"],
  ])("reads %s in a text", async (_, bytes, expected) => {
    const session = await sessionWith(({ messageId }, peer) => {
      const body = Buffer.concat([
        Buffer.from(`<rpc-reply message-id="${messageId}"><value>`),
        bytes,
        Buffer.from("</value></rpc-reply>"),
      ]);
      const wire =
        framing === "chunked"
          ? Buffer.concat([Buffer.from(`\n#${body.length}\n`), body, Buffer.from("\n##\n")])
          : Buffer.concat([body, Buffer.from("]]>]]>")]);
      // Byte by byte, so that every character comes in parts.
      for (const byte of wire) peer.write(Buffer.from([byte]));
    });
    expect(childText(await session.rpc(element("bad")), "value")).toBe(expected);
    await works(session);
  });
});
