import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AttackedGateway, untried } from "./attacked-gateway.ts";
import { openPage } from "./browser.ts";

let gateway: AttackedGateway;
let paths: readonly string[];
beforeAll(async () => {
  gateway = await AttackedGateway.start();
  // All paths are tried in test/long/foreign-pages.test.ts.
  const kinds = [
    "/livez",
    "/v2.0/networks",
    "/retry",
    "/secrets/reseal",
    "/documents/watch",
    "/lab/controller/faults",
    "/ui/",
  ];
  const isShort = (path: string) => !path.startsWith("/v2.0/") || path.startsWith("/v2.0/networks");
  paths = kinds.flatMap((kind) => gateway.paths.filter((path) => isShort(path) && path.endsWith(kind)).slice(0, 1));
});
afterAll(() => gateway?.stop());

describe("a page of somebody else's", () => {
  it("of another site, or another port, reads nothing and changes nothing, on a path of each kind", {
    timeout: 300_000,
  }, async () => {
    for (const page of gateway.foreignPages) {
      const outcome = await gateway.fromForeign(page, paths);
      expect(outcome.read).toEqual([]);
      expect(outcome.reached.filter(({ status }) => status !== 403)).toEqual([]);
      expect(untried(outcome, ["GET", "POST"], paths)).toEqual([]);
      expect(outcome.unchanged).toBe(true);
    }
  });

  it("whose name was pointed at the gateway reads nothing and changes nothing, on a path of each kind", {
    timeout: 300_000,
  }, async () => {
    const outcome = await gateway.rebound(paths);
    expect(outcome.read.filter(([, , what]) => !/^421 (?:$|.*SB_MISDIRECTED)/.test(what))).toEqual([]);
    expect(outcome.reached.filter(({ status }) => status !== 421)).toEqual([]);
    expect(untried(outcome, ["GET", "POST", "PUT", "DELETE"], paths)).toEqual([]);
    expect(outcome.unchanged).toBe(true);
  });
});

it("a link on somebody else's page leads to the pages, which work and are live", async () => {
  const { system, browser, foreignPages } = gateway;
  const { page, close } = await openPage(browser);
  await page.goto(foreignPages[0] ?? "");
  await page.setContent(`<a href="${system.url}/ui/">to the gateway</a>`);
  await page.locator("a").click();
  await page.getByRole("link", { name: "failed" }).waitFor();
  await page.locator(".live-live").waitFor();
  await system.send("POST", "/v2.0/networks", { network: { name: "a-later-one" } });
  await page.getByRole("link", { name: "a-later-one" }).waitFor();
  // The same request is taken from the gateway's own page, so that it was refused for where it came from.
  expect(await page.evaluate(`fetch("/v2.0/networks").then((answer) => answer.status)`)).toBe(200);
  await close();
});
