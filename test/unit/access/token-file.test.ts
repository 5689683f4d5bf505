import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TokenFile } from "../../../src/adapters/access/token-file.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { RecordingLogger } from "../http/recording-logger.ts";

const TENANT = "ABCDEF00-0000-0000-0000-000000000001";
let folder: string;
let file: string;
const clock = new VirtualClock(0);
const logger = new RecordingLogger();
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-tokens-"));
  file = join(folder, "tokens.yaml");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (tokens: unknown) => writeFile(file, JSON.stringify({ tokens }));
const open = () => TokenFile.open(file, { clock, logger });

describe("a file of tokens", () => {
  it("names who a token is, given as it is or as its SHA-256", async () => {
    const sha256 = createHash("sha256").update("another-long-token").digest("hex");
    await write([
      { name: "ops", role: "operator", token: "a-token-of-operators" },
      { name: "acme", role: "member", tenant: TENANT, sha256 },
    ]);
    const tokens = await open();
    expect(await tokens.authenticate("a-token-of-operators")).toEqual({
      name: "ops",
      role: "operator",
      tenant: undefined,
    });
    expect(await tokens.authenticate("another-long-token")).toEqual({
      name: "acme",
      role: "member",
      tenant: "abcdef00000000000000000000000001",
    });
    for (const wrong of [undefined, "", "a-token-of-operator", sha256])
      await expect(tokens.authenticate(wrong)).rejects.toMatchObject({ code: "SB_UNAUTHENTICATED" });
  });

  it("counts as it is now: a token is given out and taken back without a restart", async () => {
    await write([{ name: "ops", role: "admin", token: "the-first-token-of-all" }]);
    const tokens = await open();
    await write([{ name: "ops", role: "admin", token: "the-second-token-of-all" }]);
    await clock.advance(1_000);
    expect((await tokens.authenticate("the-second-token-of-all")).name).toBe("ops");
    await expect(tokens.authenticate("the-first-token-of-all")).rejects.toMatchObject({ code: "SB_UNAUTHENTICATED" });
    await writeFile(file, "tokens: [");
    await clock.advance(1_000);
    expect((await tokens.authenticate("the-second-token-of-all")).name).toBe("ops");
  });

  it.each([
    ["no role of ours", [{ name: "a", role: "root", token: "0123456789abcdef" }], /tokens\.0\.role/],
    [
      "a member without a tenant",
      [{ name: "a", role: "member", token: "0123456789abcdef" }],
      /tokens\.0 \(a\) needs a tenant/,
    ],
    ["neither token nor digest", [{ name: "a", role: "admin" }], /tokens\.0 \(a\) needs either token or sha256/],
    [
      "one token for two",
      [
        { name: "a", role: "admin", token: "0123456789abcdef" },
        { name: "b", role: "admin", token: "0123456789abcdef" },
      ],
      /tokens\.1 \(b\) is there twice/,
    ],
    ["a token that is guessed", [{ name: "a", role: "admin", token: "short" }], /tokens\.0\.token/],
  ])("is refused at the start with %s, and no token is repeated", async (_what, tokens, message) => {
    await write(tokens);
    const refusal = await open().catch((thrown: unknown) => thrown);
    expect(refusal).toMatchObject({ code: "SB_CONFIG_INVALID", message: expect.stringMatching(message) });
    expect(String((refusal as Error).message)).not.toContain("0123456789abcdef");
  });

  it("is refused when it is not there", async () => {
    await expect(open()).rejects.toMatchObject({ code: "SB_CONFIG_INVALID", message: expect.stringContaining(file) });
  });
});
