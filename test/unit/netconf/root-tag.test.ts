import { describe, expect, it } from "vitest";
import { isEmptyMessage, rootTag } from "../../../src/adapters/netconf/root-tag.ts";

describe("the root tag of a message", () => {
  it.each([
    ['<?xml version="1.0"?>\n<!-- a > b --><rpc-reply xmlns="x"\n  message-id="7">', "rpc-reply", "7"],
    ["<nc:rpc-reply a='message-id=\"1\">' message-id = 'x-2'/>", "rpc-reply", "x-2"],
    ["\n <notification><a message-id='3'/></notification>", "notification", undefined],
  ])("of %j", (text, name, messageId) => {
    expect(rootTag(text)).toEqual({ name, messageId });
  });

  it("is missing in comments, text and broken markup", () => {
    for (const text of ["", "<!-- session end -->", "<!-- open", "router>", "<a b=>"]) {
      expect(rootTag(text)).toBeUndefined();
    }
    expect([isEmptyMessage("<!-- session end -->\n"), isEmptyMessage("router>")]).toEqual([true, false]);
  });
});
