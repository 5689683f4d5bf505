import { describe, expect, it } from "vitest";
import type { Authenticator, VerifiedCertificate } from "../../../src/actors/access/gatekeeper.ts";
import { type CertificateOwner, withCertificates } from "../../../src/adapters/access/certificates.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";

const tenant = "1".repeat(32);
const clock = new VirtualClock(1_000);
const owners: readonly CertificateOwner[] = [
  { subject: "CN=ops, O=Example", name: "ops", role: "operator" },
  {
    san: "URI:spiffe://example/acme",
    name: "acme",
    role: "member",
    tenant: `${tenant.slice(0, 8)}-${tenant.slice(8)}`,
  },
  { san: "DNS:Reader.example", name: "reader", role: "reader", tenant },
];
const tokens: Authenticator = {
  authenticate: async (token) => ({ name: token ?? "", role: "admin", tenant: undefined }),
};

function shown(given: Partial<VerifiedCertificate>): VerifiedCertificate {
  return { fingerprint: "AA", subject: "", names: [], until: 2_000, ...given };
}
const nameOf = (authenticator: Authenticator, token: string | undefined, certificate?: VerifiedCertificate) =>
  authenticator.authenticate(token, certificate).then(
    ({ name }) => name,
    (thrown: { code?: string }) => thrown.code,
  );

describe("a client's certificate", () => {
  it.each([
    ["by its subject", { subject: "CN=ops,O=Example" }, "ops"],
    ["by its subject the other way round", { subject: "O=Example,CN=ops" }, "ops"],
    ["by a URI", { names: ["DNS:other.example", "URI:spiffe://example/acme"] }, "acme"],
    ["by a host name, whose case does not matter", { names: ["DNS:READER.example"] }, "reader"],
    ["not by a part of the subject", { subject: "CN=ops" }, "SB_UNAUTHENTICATED"],
    ["not by more than the subject", { subject: "CN=ops,O=Example,OU=x" }, "SB_UNAUTHENTICATED"],
    ["not by a subject within a name", { subject: "CN=ops\\,O=Example" }, "SB_UNAUTHENTICATED"],
    [
      "not by a name of another kind",
      { names: ["DNS:spiffe://example/acme", "URI:Reader.example"] },
      "SB_UNAUTHENTICATED",
    ],
    ["not when its time is over", { subject: "CN=ops,O=Example", until: 1_000 }, "SB_UNAUTHENTICATED"],
    ["not when it is nobody's", {}, "SB_UNAUTHENTICATED"],
  ])("says who it is %s", async (_how, certificate, wanted) => {
    const authenticator = withCertificates(owners, undefined, clock);
    expect(await nameOf(authenticator, undefined, shown(certificate))).toBe(wanted);
  });

  it("counts where there is no token, until it expires", async () => {
    const both = withCertificates(owners, tokens, clock);
    const ops = shown({ subject: "CN=ops,O=Example" });
    expect(await nameOf(both, "token", ops)).toBe("token");
    expect(await both.authenticate(undefined, ops)).toEqual({
      name: "ops",
      role: "operator",
      tenant: undefined,
      until: 2_000,
    });
    const acme = await both.authenticate(undefined, shown({ names: ["URI:spiffe://example/acme"] }));
    expect(acme.tenant).toBe(tenant);
    const alone = withCertificates(owners, undefined, clock);
    expect([await nameOf(alone, "token", ops), await nameOf(alone, undefined)]).toEqual([
      "SB_UNAUTHENTICATED",
      "SB_UNAUTHENTICATED",
    ]);
  });

  it.each([
    [{ name: "a", role: "admin" }, "either subject or san"],
    [{ name: "a", role: "admin", subject: "CN=a", san: "DNS:a" }, "either subject or san"],
    [{ name: "a", role: "admin", san: "a.example" }, "DNS:"],
    [{ name: "a", role: "admin", subject: "a.example" }, "CN=ops"],
    [{ name: "a", role: "reader", subject: "CN=a" }, "needs a tenant"],
    [{ name: "a", role: "admin", subject: "O=Example,CN=ops" }, "same certificate"],
  ] as ReadonlyArray<[CertificateOwner, string]>)("that cannot be told: %j", (owner, says) => {
    expect(() => withCertificates([...owners, owner], tokens, clock)).toThrow(
      expect.objectContaining({ code: "SB_CONFIG_INVALID", message: expect.stringContaining(says) }),
    );
  });
});
