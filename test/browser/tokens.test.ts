import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { TestSystem } from "../scenario/support/running-system.ts";
import { openBrowser, openPage } from "./browser.ts";

const token = { acme: "a-token-of-acme-itself", rival: "a-token-of-its-rival", wrong: "a-token-of-nobody" };
let folder: string;
let system: TestSystem;
let browser: Browser;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-tokens-"));
  const tokens = (["acme", "rival"] as const).map((name, at) => ({
    ...{ name, role: "member", tenant: String(at + 1).repeat(32), token: token[name] },
  }));
  const file = join(folder, "tokens.json");
  const config = join(folder, "signalbox.json");
  await writeFile(file, JSON.stringify({ tokens }), { mode: 0o600 });
  await writeFile(config, JSON.stringify({ access: { tokens_file: file } }), { mode: 0o600 });
  [system, browser] = await Promise.all([TestSystem.start({ config }), openBrowser()]);
  for (const name of ["acme", "rival"] as const) {
    const client = new GatewayClient(system.url, token[name]);
    await client.create(await client.type("network"), { name: `network-of-${name}` });
  }
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
  await rm(folder, { recursive: true, force: true });
});

it("a tenant gives its token once and sees its own resources, live, and no other's", async () => {
  const { page, close } = await openPage(browser);
  await page.goto(`${system.url}/ui/`);
  for (const given of [token.wrong, token.acme]) {
    await page.locator("dialog[open] #token").fill(given);
    await page.locator("dialog[open] button").click();
    await page.waitForLoadState("load");
  }
  await page.getByRole("link", { name: "network-of-acme" }).waitFor();
  await page.locator(".live-live").waitFor();
  const acme = new GatewayClient(system.url, token.acme);
  await acme.create(await acme.type("network"), { name: "a-later-one" });
  await page.getByRole("link", { name: "a-later-one" }).waitFor();
  expect(await page.locator("body").textContent()).not.toContain("network-of-rival");
  await page.getByRole("link", { name: "network-of-acme" }).click();
  await page.locator("svg.chart .current").first().waitFor();
  await close();
});

it("another tenant's resource is not there", async () => {
  const rival = new GatewayClient(system.url, token.rival);
  const [theirs] = await rival.list(await rival.type("network"));
  const { page, close } = await openPage(browser);
  await page.goto(`${system.url}/ui/resources/network/${String(theirs?.["id"])}`);
  await page.locator("dialog[open] #token").fill(token.acme);
  await page.locator("dialog[open] button").click();
  await page.getByText("There is no network", { exact: false }).first().waitFor();
  expect(await page.locator("body").textContent()).not.toContain("network-of-rival");
  await close();
});
