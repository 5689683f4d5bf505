import { afterEach, beforeEach, expect, it } from "vitest";
import type { EventLog } from "../../../src/actors/ports.ts";
import { requireWithin } from "../../../src/actors/require-within.ts";
import { MemorySystem } from "./memory-system.ts";

let system: MemorySystem;
beforeEach(async () => {
  system = await MemorySystem.start();
});
afterEach(() => system.stop());

it("a position after the last record is taken, one beyond it is of another log", async () => {
  const log: Pick<EventLog, "position"> = { position: async () => 7 };
  for (const from of [1, 7, 8]) await expect(requireWithin(log, from)).resolves.toBeUndefined();
  await expect(requireWithin(log, 9)).rejects.toMatchObject({
    code: "SB_MALFORMED_REQUEST",
    message: "the log ends with record 7, and 9 is asked for",
  });
});

it("no feed waits for what the log will not have for long", async () => {
  const { signal } = new AbortController();
  const first = async (feed: AsyncIterable<unknown> | undefined) => feed?.[Symbol.asyncIterator]().next();
  const refused = expect.objectContaining({ code: "SB_MALFORMED_REQUEST" });
  const from = (await system.embedded.log.position()) + 1_000;
  await expect(first(system.gateway().transitions({ from, follow: true, signal }))).rejects.toEqual(refused);
  const everything = { everything: true, mayRead: () => true };
  const events = system.processes[0]?.inspection?.events(everything, { from, signal });
  await expect(first(events)).rejects.toEqual(refused);
});
