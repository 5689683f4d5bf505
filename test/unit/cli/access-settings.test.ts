import { describe, expect, it } from "vitest";
import { rateOf, requireTokens } from "../../../src/cli/access-settings.ts";

describe("who may listen without tokens", () => {
  it.each(["127.0.0.1", "127.8.8.8", "::1", "localhost"])("%s: only this machine reaches it", (host) => {
    expect(() => requireTokens(host, {})).not.toThrow();
  });

  it.each(["0.0.0.0", "::", "10.0.0.1", "gateway.example", "::ffff:10.0.0.1"])("%s: nobody", (host) => {
    expect(() => requireTokens(host, {})).toThrow(
      expect.objectContaining({ code: "SB_CONFIG_INVALID", advice: expect.stringContaining("access.tokens_file") }),
    );
    expect(() => requireTokens(host, { tokens_file: "tokens.yaml" })).not.toThrow();
    expect(() => requireTokens(host, { jwt: { key_file: "key" } })).not.toThrow();
  });
});

describe("the rate of a token", () => {
  it("is no limit unless it is set, and allows twice as much at once", () => {
    expect(rateOf({})).toBeUndefined();
    expect(rateOf({ requests_per_second: 20 })).toEqual({ perSecond: 20, burst: 40 });
    expect(rateOf({ requests_per_second: 0.1, burst: 3 })).toEqual({ perSecond: 0.1, burst: 3 });
  });
});
