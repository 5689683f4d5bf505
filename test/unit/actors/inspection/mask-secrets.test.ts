import { describe, expect, it } from "vitest";
import { SecretMask } from "../../../../src/actors/inspection/mask-secrets.ts";
import { sealing } from "../../../../src/adapters/secrets/sealing.ts";

const mask = new SecretMask(["bgp_md5", "pin"]);
const secrets = sealing(new Uint8Array(32).fill(7));
const seal = (plain: string) => secrets.seal(plain, "router/1/password");

describe("what is shown", () => {
  it("has no sealed secret, wherever it stands", () => {
    const sealed = seal("geheim");
    const shown = mask.value({ a: sealed, b: [`key ${sealed} end`], c: { d: JSON.stringify({ e: sealed }) } });
    expect(shown).toEqual({ a: "***", b: ["key *** end"], c: { d: '{"e":"***"}' } });
  });

  it("has no secret in the clear under the name of one, and not where else it occurs", () => {
    expect(mask.value({ password: "hunter22", text: "login with hunter22", pin: "1" })).toEqual({
      password: "***",
      text: "login with ***",
      pin: "***",
    });
  });

  it("has no parameter or output that is called as a secret", () => {
    expect(
      mask.value([
        { param: "bgp_md5", type: "value", value: "abcdef" },
        { output_key: "admin_password", output_value: "xyzxyz" },
      ]),
    ).toEqual([
      { param: "bgp_md5", type: "value", value: "***" },
      { output_key: "admin_password", output_value: "***" },
    ]);
  });

  it("has no secret in configuration", () => {
    const xml = "<group><name>x</name><authentication-key>plain</authentication-key><peer-as>1</peer-as></group>";
    expect(mask.text(xml)).toBe(
      "<group><name>x</name><authentication-key>***</authentication-key><peer-as>1</peer-as></group>",
    );
  });

  it("is otherwise what it was: empty secrets and nulls too", () => {
    const value = { password: "", secret: null, community_name: "EDGE", count: 3, on: true };
    expect(mask.value(value)).toEqual(value);
  });
});
