import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AttackedGateway, untried } from "../browser/attacked-gateway.ts";
import buildUi from "../browser/build-ui.ts";

let gateway: AttackedGateway;
let paths: readonly string[];
beforeAll(async () => {
  buildUi();
  gateway = await AttackedGateway.start();
  ({ paths } = gateway);
});
afterAll(() => gateway?.stop());

describe("a page of somebody else's", () => {
  it("of another site, or another port, reads nothing and changes nothing, on any path", {
    timeout: 300_000,
  }, async () => {
    for (const page of gateway.foreignPages) {
      const outcome = await gateway.fromForeign(page, paths);
      expect(outcome.read).toEqual([]);
      expect(outcome.reached.filter(({ status }) => status !== 403)).toEqual([]);
      expect(untried(outcome, ["GET", "POST"], paths)).toEqual([]);
      expect(outcome.unchanged).toBe(true);
      console.log(`${page}: ${paths.length} paths, ${outcome.reached.length} requests came, 0 read, 0 changed`);
    }
  });

  it("whose name was pointed at the gateway reads nothing and changes nothing, on any path", {
    timeout: 300_000,
  }, async () => {
    const outcome = await gateway.rebound(paths);
    expect(outcome.read.filter(([, , what]) => !/^421 (?:$|.*SB_MISDIRECTED)/.test(what))).toEqual([]);
    expect(outcome.reached.filter(({ status }) => status !== 421)).toEqual([]);
    expect(untried(outcome, ["GET", "POST", "PUT", "DELETE"], paths)).toEqual([]);
    expect(outcome.unchanged).toBe(true);
    console.log(`rebound: ${paths.length} paths, ${outcome.reached.length} requests came, 0 read, 0 changed`);
  });
});
