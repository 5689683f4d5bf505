import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MemorySystem } from "../memory-system.ts";

let system: MemorySystem;
/** Id of another resource, and the seal of its password as the store has it. */
let victim: string;
let seal: string;
beforeEach(async () => {
  system = await MemorySystem.start();
  victim = String((await system.gateway().create("vault", { name: "victim", password: "of the victim" })).id);
  const path = `/config/v2.0/vaults/${victim}`;
  for await (const { key, value } of system.embedded.documents.watch(path, {
    fromRevision: 1,
    signal: AbortSignal.timeout(5_000),
  })) {
    if (key !== path || value === null) continue;
    seal = (value as { body: { password: string } }).body.password;
    break;
  }
});
afterEach(() => system.stop());

describe("what a client brings along", () => {
  it.each([
    ["the seal of another", () => seal],
    ["a text with it", () => `key ${seal} end`],
    ["a part of it", () => seal.slice(0, 30)],
    ["what looks like one", () => "sb3~x"],
    ["one of before", () => "sb2~AAAAAAAA"],
  ])("is never opened: %s", async (_what, of) => {
    const value = of();
    const mine = String((await system.gateway().create("vault", { name: "mine", password: "own" })).id);
    const refused = {
      code: "SB_INVALID_BODY",
      fields: [expect.objectContaining({ detail: "must not contain a sealed value" })],
    };
    for (const fields of [
      { name: "thief", password: value },
      { name: value, password: "own" },
    ]) {
      await expect(system.gateway().create("vault", fields)).rejects.toMatchObject(refused);
      await expect(system.gateway().update("vault", mine, fields)).rejects.toMatchObject(refused);
      await expect(system.gateway().dryRun("vault", { action: "create", fields })).rejects.toMatchObject(refused);
      await expect(system.gateway().dryRun("vault", { action: "update", id: mine, fields })).rejects.toMatchObject(
        refused,
      );
    }
  });
});
