import { describe, expect, it } from "vitest";
import { deliveryInfo } from "../../../src/adapters/nats/delivery-info.ts";

describe("delivery info", () => {
  const info = { delivered: 2, streamSeq: 31, consumerSeq: 7, time: 1795264020983 };

  it("reads the reply subject of nats-server", () => {
    expect(deliveryInfo("$JS.ACK.LOG.c1.2.31.7.1795264020983999999.5")).toEqual(info);
  });

  it("reads the longer one with domain and account", () => {
    expect(deliveryInfo("$JS.ACK._.ACCHASH.LOG.c1.2.31.7.1795264020983999999.5")).toEqual(info);
    expect(deliveryInfo("$JS.ACK.hub.ACCHASH.LOG.c1.2.31.7.1795264020983999999.5.RANDOM")).toEqual(info);
  });

  it.each([undefined, "", "_INBOX.abc.1", "$JS.ACK.LOG.c1", "$JS.API.STREAM.INFO.a.b.c.d.e.f.g"])(
    "knows that %s is none",
    (reply) => {
      expect(deliveryInfo(reply)).toBeUndefined();
    },
  );
});
