import { describe, expect, it } from "vitest";
import { parseStored, placeId } from "../../../src/adapters/nats/stored-message.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");

describe("stored messages", () => {
  const message = {
    seq: 12,
    subject: "ns.log.r.vlan.1",
    time: "2026-11-21T12:27:00.983999999Z",
    data: base64('{"n":1}'),
  };

  it("have the id that the caller gave, and the seq that was expected", () => {
    const place = placeId({ subject: "r.vlan.1", expectedSeq: 9, life: 2 });
    const hdrs = base64(`NATS/1.0\r\nNats-Msg-Id: ${place}\r\nSignalbox-Id: m1\r\n\r\n`);
    expect(parseStored({ message: { ...message, hdrs } }, "ns.log.")).toEqual({
      seq: 12,
      subject: "r.vlan.1",
      time: Date.UTC(2026, 10, 21, 12, 27, 0, 983),
      text: '{"n":1}',
      messageId: "m1",
      expectedSeq: 9,
    });
  });

  it("have neither when somebody else stored them", () => {
    for (const hdrs of [undefined, base64("NATS/1.0\r\nNats-Msg-Id: theirs\r\n\r\n")]) {
      const stored = parseStored({ message: { ...message, ...(hdrs === undefined ? {} : { hdrs }) } }, "ns.log.");
      expect(stored).toMatchObject({ messageId: undefined, expectedSeq: undefined });
    }
  });
});
