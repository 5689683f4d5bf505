import { describe, expect, it } from "vitest";
import { readReply } from "../../../src/adapters/netconf/read-reply.ts";
import { SeededRandom } from "../../../src/adapters/system/seeded-random.ts";
import { junosEnvelope, junosReplies } from "../../fixtures/junos-replies.ts";
import { settleMutatedReplies } from "../../fixtures/settle-mutated-replies.ts";

const REPLIES = 308;

describe("replies of Junos shapes with bytes that went wrong", () => {
  it("starts from replies that are well-formed", () => {
    const replies = junosReplies(REPLIES, new SeededRandom(1));
    expect(new Set(replies.map(({ shape }) => shape)).size).toBeGreaterThanOrEqual(20);
    for (const { body } of replies) expect(readReply(junosEnvelope("1", body)).name).toBe("rpc-reply");
  });

  it.each(["end-of-message", "chunked"] as const)("wedge no session, with %s framing", async (framing) => {
    const result = await settleMutatedReplies({ framing, replies: REPLIES, mutationsEach: 1, seed: 20261129 });
    console.info(`${framing}: ${JSON.stringify(result)}`);
    expect(result.wedged).toEqual([]);
    expect(result.sent).toBe(REPLIES);
    expect(result.read + Object.values(result.failed).reduce((sum, count) => sum + count, 0)).toBe(REPLIES);
  });
});
