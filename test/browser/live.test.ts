import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ResourceHistory } from "../../src/actors/inspection/inspection-api.ts";
import { addresses, FaultySystem } from "../scenario/support/faulty-system.ts";
import type { Body } from "../scenario/support/served-fields.ts";
import { openBrowser, openPage, type WatchedPage } from "./browser.ts";

let faulty: FaultySystem;
let browser: Browser;
let url: string;
let route: Body;

beforeAll(async () => {
  [faulty, browser] = await Promise.all([FaultySystem.start({ worker: { attempts: 1 } }), openBrowser()]);
  await faulty.build();
  url = faulty.system.url;
  route = await faulty.first("gw_interfaces");
});
afterAll(async () => {
  await browser?.close();
  await faulty?.stop();
});

/** Marks a page, to see later that it was not loaded anew. */
async function opened(path: string): Promise<WatchedPage & { isSame(): Promise<boolean> }> {
  const watched = await openPage(browser);
  await watched.page.goto(url + path);
  await watched.page.locator(".live-live").waitFor();
  await watched.page.evaluate("window.opened = true");
  return { ...watched, isSame: async () => (await watched.page.evaluate("window.opened === true")) as boolean };
}

const resource = () => `/ui/resources/gw_interface/${String(route["id"])}`;

describe("a page that is open", () => {
  it("shows a resource that comes, and that it goes, without being loaded anew", async () => {
    const { page, isSame, close } = await opened("/ui/?q=live-option");
    await page.locator(".empty").waitFor();
    const { vpn_service_id, tenant_id, incoming_policer_config, outgoing_policer_config } =
      await faulty.first("qos_options");
    const made = await faulty.send("POST", "qos_option", "", {
      name: "live-option",
      bandwidth: "20",
      qos_type: "guarantee",
      service_type: "vpn",
      incoming_policer_name: "20M-GA-UP-VPN",
      outgoing_policer_name: "20M-GA-DOWN-VPN",
      vpn_service_id,
      tenant_id,
      incoming_policer_config,
      outgoing_policer_config,
    });
    await page.locator(`[data-key="qos_option/${String(made["id"])}"]`).waitFor();
    await faulty.send("DELETE", "qos_option", `/${String(made["id"])}`);
    await page.locator(".empty").waitFor();
    expect(await isSame()).toBe(true);
    await close();
  });

  it("lights the states of a change as it happens, and adds its jobs to the timeline", async () => {
    const { page, troubles, isSame, close } = await opened(resource());
    await page.locator('[data-state="lifecycle.create_completed"].current').waitFor();
    await faulty.breakRouters(["MX-1"], { kind: "slowCommit", ms: 1_500, times: 1 });
    await faulty.send("PUT", "gw_interface", `/${String(route["id"])}`, { description: "changed while watched" });
    await page.locator('[data-state="lifecycle.pending_update"].current').waitFor();
    await page.locator(".version", { hasText: "Version 2: update" }).waitFor();
    await page.locator('[data-state="lifecycle.create_completed"].current').waitFor();
    await page.locator(".version", { hasText: "Version 2: update" }).locator(".tone-good").first().waitFor();
    expect(await isSame()).toBe(true);
    expect(troubles).toEqual([]);
    await close();
  });
});

/** Keys pressed in one turn of the page's event loop, as a script of the page. */
function pressed(keys: readonly string[]): string {
  return `for (const key of ${JSON.stringify(keys)}) dispatchEvent(new KeyboardEvent("keydown", { key, cancelable: true }));`;
}

describe("time travel", () => {
  it("shows states, documents and configuration as they were, and comes back to the present", async () => {
    const id = String((await faulty.first("vpn_gateways"))["id"]);
    const { page, close } = await opened(`/ui/resources/vpn_gateway/${id}?tab=configuration`);
    const { steps } = await faulty.system.get<ResourceHistory>(`/signalbox/v1/resources/vpn_gateway/${id}/history`);
    await page.locator(".routers .diff").first().waitFor();
    await page.getByRole("button", { name: "First transition" }).click();
    await page.locator('[data-state="lifecycle.proposed"].current').waitFor();
    await page.getByText("It owned nothing on any device.").waitFor();
    expect(new URL(page.url()).searchParams.get("at")).toBe(String(steps[0]?.seq));
    const seen: string[] = [];
    for (const step of steps.slice(1)) {
      await page.keyboard.press(".");
      await page.locator(".travel .step", { hasText: `position ${step.seq}` }).waitFor();
      seen.push((await page.locator('.state.current[data-state^="lifecycle"]').getAttribute("data-state")) ?? "");
    }
    expect(seen).toEqual(steps.slice(1).map(({ after }) => `lifecycle.${after}`));
    // No key is lost, however fast they come: three back and one forward within one turn of the page.
    await page.evaluate(pressed([",", ",", ",", "."]));
    await page.locator(".travel .step", { hasText: `position ${steps.at(-3)?.seq}` }).waitFor();
    await page.evaluate(pressed([".", "."]));
    await page.locator(".travel .step", { hasText: `position ${steps.at(-1)?.seq}` }).waitFor();
    await page.locator(".routers .diff").first().waitFor();
    await page.keyboard.press(",");
    await page.reload();
    await page.locator(".travel.past .step", { hasText: `position ${steps.at(-2)?.seq}` }).waitFor();
    await page.getByRole("button", { name: "Live" }).click();
    await page.locator(".travel:not(.past)").waitFor();
    await close();
  });
});

describe("filters", () => {
  it("are in the URL and survive that the page is loaded anew", async () => {
    const { page, close } = await opened("/ui/");
    await page.getByRole("searchbox").fill("10.79.5.184");
    await page.locator(".choice select").first().selectOption("er_physical_interface");
    await page.getByRole("button", { name: /^up \d/ }).click();
    await page.getByRole("button", { name: "Type" }).click();
    await page.locator(".total", { hasText: "2 resources" }).waitFor();
    const before = page.url();
    expect(Object.fromEntries(new URL(before).searchParams)).toEqual({
      q: "10.79.5.184",
      type: "er_physical_interface",
      state: "up",
      sort: "type",
    });
    await page.reload();
    await page.locator(".total", { hasText: "2 resources" }).waitFor();
    expect(page.url()).toBe(before);
    expect(await page.getByRole("searchbox").inputValue()).toBe("10.79.5.184");
    expect(await page.getByRole("button", { name: /^up \d/ }).getAttribute("aria-pressed")).toBe("true");
    expect(await page.locator(".row .name").allInnerTexts()).toEqual(["ae0", "ge-0/0/1"]);
    await close();
  });
});

describe("a resource that a router does not take", () => {
  it("shows the device, the statement and what to do", async () => {
    const { page, close } = await opened("/ui/devices");
    const tenant = (await faulty.first("vpn_gateways"))["tenant_id"];
    await faulty.break("routers/MX-2", { kind: "reject", statement: "198.51.112", at: "load" });
    const { page: failing, close: closeFailing } = await opened("/ui/?state=create_failed");
    const gatewayId = (await faulty.first("vpn_gateways"))["id"];
    const made = await faulty.send("POST", "static_route", "", {
      name: "to-nowhere",
      service_type: "vpn",
      tenant_id: tenant,
      vpn_gw_id: gatewayId,
      destination: "198.51.112.0/24",
      nexthop: "172.16.101.200",
    });
    await failing.locator(`[data-key="static_route/${String(made["id"])}"] a`).click();
    await failing.locator(".failure").waitFor();
    expect(await failing.locator('[data-error="device"]').textContent()).toBe(addresses["MX-2"]);
    expect(await failing.locator('[data-error="statement"]').textContent()).toContain("198.51.112");
    expect(await failing.locator('[data-error="advice"]').textContent()).toBe(
      "Correct the field or template that makes the named statement, then retry.",
    );
    await page.locator(`[data-device="${addresses["MX-2"]}"] .lane-error`).first().waitFor();
    await closeFailing();
    await close();
  });
});
