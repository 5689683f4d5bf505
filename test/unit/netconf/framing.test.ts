import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeMessage, type Framing, MessageDecoder } from "../../../src/adapters/netconf/framing.ts";

const decode = (chunks: readonly Buffer[], framing: Framing): string[] => {
  const decoder = new MessageDecoder();
  decoder.framing = framing;
  return chunks.flatMap((chunk) => [...decoder.push(chunk)]);
};

/** Cuts the bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const stops = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  let from = 0;
  return stops.map((stop) => {
    const part = bytes.subarray(from, stop);
    from = stop;
    return part;
  });
}

const messageText = fc.oneof(
  fc.string({ unit: "binary", minLength: 1 }),
  fc
    .array(fc.constantFrom("]]>", "]", ">", "\n##\n", "\n#3\n", "\n", "#", "ü", "😀", "<a/>"), { minLength: 1 })
    .map((parts) => parts.join("")),
);
const framings = fc.constantFrom<Framing>("end-of-message", "chunked");
const sendable = (text: string) => `${text}]]>]]>`.indexOf("]]>]]>") === text.length;

describe("NETCONF framing", () => {
  it("writes the two framings of RFC 6242", () => {
    expect(encodeMessage("<hellö/>", "end-of-message").toString()).toBe("<hellö/>]]>]]>");
    expect(encodeMessage("<hellö/>", "chunked").toString()).toBe("\n#9\n<hellö/>\n##\n");
  });

  it("reads what it wrote, wherever the bytes are cut and whenever the framing changes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ text: messageText.filter(sendable), framing: framings }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (sent, places) => {
          const bytes = Buffer.concat(sent.map(({ text, framing }) => encodeMessage(text, framing)));
          const decoder = new MessageDecoder();
          const framingOf = (index: number): Framing => sent[index]?.framing ?? "end-of-message";
          const received: string[] = [];
          decoder.framing = framingOf(0);
          for (const chunk of cut(bytes, places)) {
            for (const message of decoder.push(chunk)) {
              received.push(message);
              decoder.framing = framingOf(received.length);
            }
          }
          expect(received).toEqual(sent.map(({ text }) => text));
        },
      ),
    );
  });

  it("joins the chunks of one message, also when a character is split between two chunks", () => {
    const [first, second] = [Buffer.from("ü").subarray(0, 1), Buffer.from("ü").subarray(1)];
    const wire = Buffer.concat([Buffer.from("\n#1\n"), first, Buffer.from("\n#1\n"), second, Buffer.from("\n##\n")]);
    expect(decode([wire], "chunked")).toEqual(["ü"]);
    expect(
      decode(
        [...wire].map((byte) => Buffer.from([byte])),
        "chunked",
      ),
    ).toEqual(["ü"]);
  });

  it("reads the example of RFC 6242 section 4.2", () => {
    const wire = '\n#4\n<rpc\n#18\n message-id="102"\n\n#79\n'
      .concat('     xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">\n  <close-session/>\n</rpc>')
      .concat("\n##\n");
    expect(decode([Buffer.from(wire)], "chunked")).toEqual([
      '<rpc message-id="102"\n     xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">\n  <close-session/>\n</rpc>',
    ]);
  });

  it("keeps what follows when the reader leaves the loop early", () => {
    const decoder = new MessageDecoder();
    for (const message of decoder.push(Buffer.from("<a/>]]>]]><b/>]]>]]>\n\n#4\n<c/>\n##\n"))) {
      expect(message).toBe("<a/>");
      break;
    }
    expect(decoder.messages().next().value).toBe("<b/>");
    decoder.framing = "chunked";
    expect([...decoder.messages()]).toEqual(["<c/>"]);
  });

  it("stays linear on a long message that comes in small pieces", () => {
    const text = "x".repeat(3_000_000);
    for (const framing of ["end-of-message", "chunked"] as const) {
      const bytes = encodeMessage(text, framing);
      const pieces = Array.from({ length: Math.ceil(bytes.length / 1000) }, (_, i) =>
        bytes.subarray(i * 1000, i * 1000 + 1000),
      );
      expect(decode(pieces, framing)[0]?.length).toBe(text.length);
    }
  });

  it.each([
    ["no line feed", "#4\n<a/>"],
    ["text instead of a chunk", "\n<rpc-reply/>"],
    ["a size of zero", "\n#0\n"],
    ["a size with a leading zero", "\n#04\n<a/>"],
    ["a size that is no number", "\n#4x\n"],
    ["a size that is too long", "\n#99999999999\n"],
    ["an end without a chunk", "\n##\n"],
    ["data longer than its size", "\n#1\nab"],
  ])("refuses %s in chunked framing, for good", (_, wire) => {
    const decoder = new MessageDecoder();
    decoder.framing = "chunked";
    const protocolError = expect.objectContaining({ code: "SB_DEVICE_PROTOCOL" });
    expect(() => [...decoder.push(Buffer.from(wire))]).toThrowError(protocolError);
    expect(() => [...decoder.push(Buffer.from("\n#4\n<a/>\n##\n"))]).toThrowError(protocolError);
  });

  it("refuses messages that are too long before it has them", () => {
    const chunked = new MessageDecoder({ maxBytes: 10 });
    chunked.framing = "chunked";
    expect(() => [...chunked.push(Buffer.from("\n#11\n"))]).toThrowError(/longer than 10 bytes/);
    expect(() => [...new MessageDecoder({ maxBytes: 10 }).push(Buffer.alloc(11))]).toThrowError(/longer than 10 bytes/);
  });

  it.each<Framing>(["end-of-message", "chunked"])(
    "reads bytes that are not UTF-8 as U+FFFD and goes on behind them, with %s framing",
    (framing) => {
      const bad = Buffer.from([0x3c, 0x61, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x2f, 0x3e]);
      const wire =
        framing === "chunked"
          ? Buffer.concat([Buffer.from(`\n#${bad.length}\n`), bad, Buffer.from("\n##\n")])
          : Buffer.concat([bad, Buffer.from("]]>]]>")]);
      const messages = decode([wire, encodeMessage("<b>ü</b>", framing)], framing);
      expect(messages).toEqual(["<a\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD/>", "<b>ü</b>"]);
    },
  );

  it("refuses to send what the peer would read as two messages", () => {
    expect(() => encodeMessage("a]]>]]>b", "end-of-message")).toThrowError(/end-of-message mark/);
    expect(() => encodeMessage("a]]>", "end-of-message")).toThrowError(/end-of-message mark/);
    expect(encodeMessage("a]]>]]>b", "chunked").toString()).toBe("\n#8\na]]>]]>b\n##\n");
  });
});
