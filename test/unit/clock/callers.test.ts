import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RateLimit } from "../../../src/actors/access/rate-limit.ts";
import { openJwt } from "../../../src/adapters/access/jwt.ts";
import { TokenFile } from "../../../src/adapters/access/token-file.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { JUMPS } from "./jump.ts";

const NOW_S = 1_700_000_000;
let clock: VirtualClock;
let folder: string;
beforeEach(async () => {
  clock = new VirtualClock(NOW_S * 1000);
  folder = await mkdtemp(join(tmpdir(), "signalbox-clock-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const outcome = (work: Promise<unknown>) =>
  work.then(
    () => "let in",
    (thrown: { code?: string }) => thrown.code,
  );

describe.each(JUMPS)("with the wall clock set $name", ({ ms }) => {
  it("a rate neither blocks for a day nor lets a day's requests in", () => {
    const rate = new RateLimit({ perSecond: 1, burst: 3 }, clock);
    const letIn = () => Array.from({ length: 10 }, () => rate.take("a")).filter(Boolean).length;
    expect(letIn()).toBe(3);
    clock.jump(ms);
    expect(letIn()).toBe(0);
    clock.advance(2_000);
    expect(letIn()).toBe(2);
  });

  it("a token that is taken out of the file is refused within a second", async () => {
    const file = join(folder, "tokens.yaml");
    const write = (token: string) =>
      writeFile(file, JSON.stringify({ tokens: [{ name: "ops", role: "admin", token }] }), { mode: 0o600 });
    await write("the-first-token-of-all");
    const tokens = await TokenFile.open(file, { clock, logger: silentLogger });
    await write("the-second-token-of-all");
    clock.jump(ms);
    clock.advance(1_000);
    expect(await outcome(tokens.authenticate("the-first-token-of-all"))).toBe("SB_UNAUTHENTICATED");
  });

  describe("keys of an issuer", () => {
    let server: Server;
    let url: string;
    let served: unknown[];
    beforeEach(async () => {
      served = [];
      server = createServer((_request, response) => response.end(JSON.stringify({ keys: served })));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      url = `http://127.0.0.1:${(server.address() as { port: number }).port}/keys`;
    });
    afterEach(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    const issuer = async (kid: string) => {
      const { publicKey, privateKey } = await generateKeyPair("ES256");
      const key = { ...(await exportJWK(publicKey)), kid, alg: "ES256" };
      const sign = () =>
        new SignJWT({ sub: "a", role: "admin", exp: NOW_S + 10 * 86_400 })
          .setProtectedHeader({ alg: "ES256", kid })
          .sign(privateKey);
      return { key, sign };
    };

    it("that it took back count for ten minutes at most, new ones after half a minute", async () => {
      const [one, two] = [await issuer("one"), await issuer("two")];
      const jwt = await openJwt({ jwksUrl: url, clock });
      served = [one.key];
      expect(await outcome(jwt.authenticate(await one.sign()))).toBe("let in");
      served = [two.key];
      clock.jump(ms);
      expect(await outcome(jwt.authenticate(await two.sign()))).toBe("SB_UNAUTHENTICATED");
      expect(await outcome(jwt.authenticate(await one.sign()))).toBe("let in");
      clock.advance(30_000);
      expect(await outcome(jwt.authenticate(await two.sign()))).toBe("let in");
      served = [one.key];
      clock.advance(600_000);
      expect(await outcome(jwt.authenticate(await two.sign()))).toBe("SB_UNAUTHENTICATED");
    });
  });
});

describe("a signed token", () => {
  const key = new TextEncoder().encode("a shared key that has more than 32 bytes");
  const token = (iat: number, exp: number) =>
    new SignJWT({ sub: "a", role: "admin", iat, exp }).setProtectedHeader({ alg: "HS256" }).sign(key);
  const open = async (maxLifeS?: number) => {
    const keyFile = join(folder, "shared");
    await writeFile(keyFile, key, { mode: 0o600 });
    return openJwt({ keyFile, clock, ...(maxLifeS === undefined ? {} : { maxLifeS }) });
  };

  it("ends by the wall clock, looked at with each request", async () => {
    const jwt = await open();
    const given = await token(NOW_S, NOW_S + 60);
    clock.advance(80_000);
    expect(await outcome(jwt.authenticate(given))).toBe("let in");
    clock.advance(20_000);
    expect(await outcome(jwt.authenticate(given))).toBe("SB_UNAUTHENTICATED");
  });

  it("is used for no longer than its life when the clock is set back meanwhile", async () => {
    const jwt = await open();
    const given = await token(NOW_S, NOW_S + 60);
    expect(await outcome(jwt.authenticate(given))).toBe("let in");
    clock.advance(50_000);
    clock.jump(-86_400_000);
    expect(await outcome(jwt.authenticate(given))).toBe("let in");
    clock.advance(50_000);
    expect(await outcome(jwt.authenticate(given))).toBe("SB_UNAUTHENTICATED");
  });
});
