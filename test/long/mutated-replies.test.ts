import { describe, expect, it } from "vitest";
import { settleMutatedReplies } from "../fixtures/settle-mutated-replies.ts";

/** The run of test/unit/netconf/mutated-replies.test.ts with more of them, and another seed. */
describe("thousands of replies of Junos shapes with bytes that went wrong", () => {
  it.each(["end-of-message", "chunked"] as const)("wedge no session, with %s framing", async (framing) => {
    const result = await settleMutatedReplies({ framing, replies: 308, mutationsEach: 7, seed: 4711 });
    console.info(`${framing}: ${JSON.stringify(result)}`);
    expect(result.wedged).toEqual([]);
    expect(result.sent).toBe(308 * 7);
  });
});
