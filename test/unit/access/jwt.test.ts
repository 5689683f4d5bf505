import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Authenticator } from "../../../src/actors/access/gatekeeper.ts";
import { openJwt } from "../../../src/adapters/access/jwt.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";

const NOW = 1_700_000_000;
const TENANT = "abcdef00000000000000000000000001";
const clock = new VirtualClock(NOW * 1000);
const shared = "a shared key that has more than 32 bytes";
const claims = { role: "member", tenant_id: TENANT };

let folder: string;
let server: Server;
let url: string;
let pair: Awaited<ReturnType<typeof generateKeyPair>>;
let other: Awaited<ReturnType<typeof generateKeyPair>>;
let fetched = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-jwt-"));
  pair = await generateKeyPair("ES256");
  other = await generateKeyPair("ES256");
  const set = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: "one", alg: "ES256" }] });
  await writeFile(join(folder, "jwks.json"), set);
  await writeFile(join(folder, "shared"), `${shared}\n`);
  await writeFile(join(folder, "short"), "short");
  server = createServer((_request, response) => {
    fetched += 1;
    response.setHeader("content-type", "application/json");
    response.end(set);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/keys`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

const token = (
  given: Record<string, unknown>,
  key: typeof pair.privateKey | Uint8Array = pair.privateKey,
  times = { exp: NOW + 60 },
) => {
  const isShared = key instanceof Uint8Array;
  return new SignJWT({ ...given, exp: times.exp })
    .setProtectedHeader(isShared ? { alg: "HS256" } : { alg: "ES256", kid: "one" })
    .sign(key);
};
const refused = (authenticator: Authenticator, given: string) =>
  authenticator.authenticate(given).then(
    () => "let in",
    (thrown: { code?: string }) => thrown.code,
  );

describe("a signed token", () => {
  it("is verified with a set of keys from its issuer, which is asked once", async () => {
    const jwt = await openJwt({ jwksUrl: url, clock });
    const given = await token({ ...claims, sub: "alice" });
    expect(await jwt.authenticate(given)).toMatchObject({ name: "jwt:alice", role: "member", tenant: TENANT });
    // Who reads a stream with it reads no longer than that.
    expect((await jwt.authenticate(given)).until).toBe((NOW + 60) * 1_000);
    expect(fetched).toBe(1);
  });

  it("is verified with a set in a file, and with a shared key", async () => {
    const ofFile = await openJwt({ jwksFile: join(folder, "jwks.json"), clock });
    expect((await ofFile.authenticate(await token({ ...claims, sub: "bob" }))).name).toBe("jwt:bob");
    const ofKey = await openJwt({ keyFile: join(folder, "shared"), roleClaim: "r", tenantClaim: "t", clock });
    const signed = await token({ sub: "c@d", r: "reader", t: TENANT }, new TextEncoder().encode(shared));
    expect(await ofKey.authenticate(signed)).toMatchObject({ name: "jwt:c@d", role: "reader", tenant: TENANT });
  });

  it("is refused when anything about it is wrong", async () => {
    const jwt = await openJwt({
      jwksFile: join(folder, "jwks.json"),
      issuer: "https://issuer.example",
      audience: "signalbox",
      clock,
    });
    const good = { ...claims, sub: "alice", iss: "https://issuer.example", aud: "signalbox" };
    expect(await refused(jwt, await token(good))).toBe("let in");
    const { sub: _sub, ...nameless } = good;
    const { tenant_id: _tenant, ...homeless } = good;
    const [head, body] = (await token(good)).split(".");
    const set = new TextEncoder().encode(JSON.stringify(await exportJWK(pair.publicKey)));
    const wrong = {
      expired: await token(good, pair.privateKey, { exp: NOW - 60 }),
      "of another key": await token(good, other.privateKey),
      "of another issuer": await token({ ...good, iss: "https://elsewhere.example" }),
      "for somebody else": await token({ ...good, aud: "elsewhere" }),
      "without a name": await token(nameless),
      "without a tenant": await token(homeless),
      "of no role": await token({ ...good, role: "root" }),
      "not signed": `${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.`,
      "with its signature cut off": `${head}.${body}.`,
      // The public key as if it were a shared one.
      "of another algorithm": await token(good, set),
      "no token": "x.y.z",
    };
    for (const [what, given] of Object.entries(wrong))
      expect([what, await refused(jwt, given)]).toEqual([what, "SB_UNAUTHENTICATED"]);
  });

  it("cannot be judged while the issuer does not answer, which is not the client's fault", async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, "127.0.0.1", resolve));
    const { port } = gone.address() as { port: number };
    await new Promise((resolve) => gone.close(resolve));
    const jwt = await openJwt({ jwksUrl: `http://127.0.0.1:${port}/keys`, clock });
    expect(await refused(jwt, await token({ ...claims, sub: "alice" }))).toBe("SB_NOT_READY");
  });

  it("needs one key to be verified with, and a good one", async () => {
    for (const options of [
      {},
      { jwksUrl: url, keyFile: join(folder, "shared") },
      { keyFile: join(folder, "short") },
      { keyFile: folder },
      { jwksFile: join(folder, "shared") },
      { jwksUrl: "keys" },
    ])
      await expect(openJwt({ ...options, clock })).rejects.toMatchObject({ code: "SB_CONFIG_INVALID" });
  });
});
