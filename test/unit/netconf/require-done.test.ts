import { expect, it } from "vitest";
import { requireDone } from "../../../src/adapters/netconf/require-done.ts";
import { parseXml } from "../../../src/xml/element.ts";

it.each([
  "<rpc-reply><ok/></rpc-reply>",
  "<rpc-reply><load-configuration-results><ok/></load-configuration-results></rpc-reply>",
  "<rpc-reply><load-configuration-results><load-success/></load-configuration-results></rpc-reply>",
  "<rpc-reply><commit-results><routing-engine><commit-check-success/></routing-engine></commit-results></rpc-reply>",
  "<rpc-reply><rpc-error><error-severity>warning</error-severity></rpc-error></rpc-reply>",
])("%s says that it was done", (reply) => {
  expect(() => requireDone(parseXml(reply), "edit-config", "mx1")).not.toThrow();
});

it.each([
  "<rpc-reply/>",
  "<rpc-reply><data/></rpc-reply>",
  "<rpc-reply>done</rpc-reply>",
  "<rpc-reply><output>ok</output></rpc-reply>",
])("%s does not", (reply) => {
  expect(() => requireDone(parseXml(reply), "edit-config", "mx1")).toThrow(
    expect.objectContaining({
      code: "SB_DEVICE_PROTOCOL",
      device: "mx1",
      message: expect.stringContaining("edit-config"),
    }),
  );
});
