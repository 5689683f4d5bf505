import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FaultySystem } from "../scenario/support/faulty-system.ts";
import { openBrowser, openPage } from "./browser.ts";

let faulty: FaultySystem;
let browser: Browser;
let url: string;
let gateway: string;

beforeAll(async () => {
  [faulty, browser] = await Promise.all([FaultySystem.start({}), openBrowser()]);
  await faulty.build();
  url = faulty.system.url;
  gateway = `/ui/resources/gw_interface/${String((await faulty.first("gw_interfaces"))["id"])}`;
});
afterAll(async () => {
  await browser?.close();
  await faulty?.stop();
});

/** Each page with what is there once it is drawn. */
const pages: ReadonlyArray<readonly [name: string, path: () => string, drawn: string]> = [
  ["the fleet", () => "/ui/", ".row a"],
  ["a resource and its documents", () => gateway, "svg.chart .current"],
  ["its configuration", () => `${gateway}?tab=configuration`, ".routers .diff"],
  ["its graph", () => `${gateway}?tab=graph`, "svg.graph .node"],
  ["its transitions", () => `${gateway}?tab=transitions`, ".steps td"],
  ["the devices", () => "/ui/devices", ".device-card svg.chart .current"],
  ["monitoring", () => "/ui/monitoring", ".target-row .strip"],
];

/** What axe-core finds serious or worse, by rule and place. */
async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const results = (await page.evaluate("axe.run(document, { resultTypes: ['violations'] })")) as {
    violations: ReadonlyArray<{ id: string; impact: string; nodes: ReadonlyArray<{ target: readonly string[] }> }>;
  };
  return results.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes
          .map(({ target }) => target.join(" "))
          .slice(0, 3)
          .join("; ")}`,
    );
}

describe.each(["light", "dark"] as const)("in %s colours", (colorScheme) => {
  it.each(pages)(
    "%s is drawn, without an error and with nothing that axe-core finds serious",
    async (_name, path, drawn) => {
      const { page, troubles, close } = await openPage(browser, { colorScheme });
      await page.goto(url + path());
      await page.locator(drawn).first().waitFor();
      await page.locator(".live-live").waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      expect(troubles).toEqual([]);
      await close();
    },
  );
});

describe("on a phone", () => {
  it.each(pages)("%s is as wide as the screen", async (_name, path, drawn) => {
    const { page, troubles, close } = await openPage(browser, {
      viewport: { width: 390, height: 844 },
      isMobile: true,
    });
    await page.goto(url + path());
    await page.locator(drawn).first().waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
    expect(troubles).toEqual([]);
    await close();
  });
});

describe("with keys alone", () => {
  it("a resource is searched for, found in the list and opened", async () => {
    const { page, close } = await openPage(browser);
    await page.goto(`${url}/ui/`);
    await page.locator(".row a").first().waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("demo-mx");
    await page.locator(".total", { hasText: "2 resources" }).waitFor();
    await page.locator(".rows").focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.locator("h1", { hasText: "demo-mx-2" }).waitFor();
    await close();
  });
});

describe("the machine on the page", () => {
  it("lists what a state does with each event, with guards and actions, and marks what was taken", async () => {
    const { page, close } = await openPage(browser);
    await page.goto(url + gateway);
    await page.locator('[data-state="lifecycle.pending_create"]').click();
    const taken = page.locator(".was-taken");
    await taken.first().waitFor();
    const rows = await taken.allInnerTexts();
    expect(rows.map((row) => row.split(/\s+/))).toContainEqual([
      "JOB_FINISHED",
      "completes",
      "jobFinished",
      "create",
      "completed",
      "1×",
    ]);
    await close();
  });
});

describe("the configuration on the page", () => {
  it("is what the routers got, without secrets", async () => {
    const { page, close } = await openPage(browser);
    const interfaceId = String((await faulty.first("vpn_interfaces"))["id"]);
    await page.goto(`${url}/ui/resources/vpn_interface/${interfaceId}?tab=configuration`);
    await page.locator(".routers .diff").first().waitFor();
    const texts = await page.locator(".routers section").allInnerTexts();
    expect(texts.filter((text) => text.includes("10.79.5.18"))).toHaveLength(2);
    expect(texts.join("")).toContain("<authentication-key>***</authentication-key>");
    expect(texts.join("")).not.toMatch(/sb[123]~/);
    await close();
  });
});
