import { describe, expect, it } from "vitest";
import { KnownLasts } from "../../../src/adapters/nats/known-lasts.ts";

describe("known last records", () => {
  const last = (seq: number) => ({ seq, messageId: `m${seq}` });

  it("are those that were set most lately, up to the limit", () => {
    const lasts = new KnownLasts(2);
    lasts.set("a", last(1));
    lasts.set("b", last(2));
    lasts.set("a", last(3));
    lasts.set("c", last(4));
    expect(lasts.get("a")).toEqual(last(3));
    expect(lasts.get("b")).toBeUndefined();
    expect(lasts.get("c")).toEqual(last(4));
  });

  it("are forgotten when asked to", () => {
    const lasts = new KnownLasts(2);
    lasts.set("a", last(1));
    lasts.forget("a");
    expect(lasts.get("a")).toBeUndefined();
  });
});
