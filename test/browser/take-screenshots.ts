import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { addresses, FaultySystem } from "../scenario/support/faulty-system.ts";
import { openBrowser, openPage } from "./browser.ts";

/** Makes docs/screenshots: every page on the demo's data, light and dark, with a failed resource and a port that flaps. */
const FOLDER = fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));

interface Shot {
  readonly name: string;
  readonly path: string;
  /** There once the page is drawn. */
  readonly drawn: string;
  /** The whole page, not only what is seen at first. */
  readonly whole?: boolean;
  readonly viewport?: { readonly width: number; readonly height: number };
}

async function prepare(faulty: FaultySystem): Promise<readonly Shot[]> {
  await faulty.build("static_routes");
  const gateway = await faulty.first("vpn_gateways");
  const route = {
    service_type: "vpn",
    tenant_id: gateway["tenant_id"],
    vpn_gw_id: gateway["id"],
    nexthop: "172.16.101.10",
  };
  await faulty.breakRouters(["MX-2"], { kind: "reject", statement: "203.0.113", at: "load" });
  const failed = await faulty.send("POST", "static_route", "", {
    ...route,
    name: "branch-2",
    destination: "203.0.113.0/24",
  });
  await faulty.outcome(String(failed["id"]));
  await faulty.heal();
  await faulty.send("POST", "static_route", "", { ...route, name: "branch-1", destination: "198.51.112.0/24" });
  const interfaceId = String((await faulty.first("gw_interfaces"))["id"]);
  const before = faulty.position;
  await faulty.send("PUT", "gw_interface", `/${interfaceId}`, { description: "Behind the second server" });
  await faulty.outcome(interfaceId, before);
  const port = await portOf(faulty);
  for (let flap = 0; flap < 3; flap += 1) {
    await faulty.break("agents/QFX-NW02", { kind: "interface_down", interface: "xe-0/0/3" });
    const down = await faulty.transition(
      ({ id, operationalState }) => id === port && operationalState === "FAIL",
      faulty.position,
    );
    if (flap === 2) break;
    await faulty.heal();
    await faulty.transition(({ id, operationalState }) => id === port && operationalState === "UP", down.seq);
  }
  const one = `/ui/resources/gw_interface/${interfaceId}`;
  const middle = (await history(faulty, interfaceId))[3] ?? 0;
  return [
    { name: "fleet", path: "/ui/", drawn: ".row a" },
    { name: "resource", path: `${one}?tab=configuration`, drawn: ".routers .diff", whole: true },
    { name: "time-travel", path: `${one}?at=${middle}&tab=transitions`, drawn: ".steps td" },
    { name: "graph", path: `${one}?tab=graph`, drawn: "svg.graph .node", whole: true },
    {
      name: "failed",
      path: `/ui/resources/static_route/${String(failed["id"])}`,
      drawn: ".failure [data-error=advice]",
    },
    {
      name: "devices",
      path: "/ui/devices",
      drawn: `[data-device="${addresses["MX-2"]}"] svg.chart .current`,
      whole: true,
    },
    { name: "monitoring", path: "/ui/monitoring?span=10", drawn: ".target-row .strip" },
    { name: "phone", path: one, drawn: "svg.chart .current", viewport: { width: 390, height: 844 } },
  ];
}

async function portOf(faulty: FaultySystem): Promise<string> {
  const { ese_physical_ports: ports = [] } =
    await faulty.system.get<Record<string, Array<Record<string, unknown>>>>("/v2.0/ese_physical_ports");
  return String(ports.find(({ name }) => name === "xe-0/0/3")?.["id"]);
}

async function history(faulty: FaultySystem, id: string): Promise<number[]> {
  const { steps } = await faulty.system.get<{ steps: Array<{ seq: number }> }>(
    `/signalbox/v1/resources/gw_interface/${id}/history`,
  );
  return steps.map(({ seq }) => seq);
}

async function take(browser: Browser, url: string, shot: Shot, colorScheme: "light" | "dark"): Promise<void> {
  const { page, close } = await openPage(browser, { colorScheme, ...(shot.viewport && { viewport: shot.viewport }) });
  await page.goto(url + shot.path);
  await page.locator(shot.drawn).first().waitFor();
  await page.locator(".live-live").waitFor();
  await page.screenshot({ path: join(FOLDER, `${shot.name}-${colorScheme}.png`), fullPage: shot.whole === true });
  await close();
}

mkdirSync(FOLDER, { recursive: true });
const faulty = await FaultySystem.start({ worker: { attempts: 1 }, monitoring: { interval_ms: 300 } });
const browser = await openBrowser();
try {
  const shots = await prepare(faulty);
  for (const shot of shots) {
    for (const scheme of ["light", "dark"] as const) await take(browser, faulty.system.url, shot, scheme);
    console.log(`docs/screenshots/${shot.name}-{light,dark}.png`);
  }
} finally {
  await browser.close();
  await faulty.stop();
}
