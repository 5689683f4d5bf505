import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FleetPage, ResourceHistory } from "../../src/actors/inspection/inspection-api.ts";
import { followTransitions } from "../../src/cli/follow-transitions.ts";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { replayScenario } from "../../src/cli/replay-scenario.ts";
import { ResourceTracker } from "../../src/cli/resource-tracker.ts";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { demoScenario } from "../scenario/support/running-system.ts";
import { type ServerProcess, startProcess } from "../servers/server-process.ts";
import { openBrowser, openPage } from "./browser.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

let data: string;
let port: number;
let gateway: ServerProcess;

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function start(): Promise<void> {
  const args = [
    "up",
    "--lab",
    "--timing",
    "instant",
    "--data",
    data,
    "--http",
    `127.0.0.1:${port}`,
    "--log-level",
    "warn",
  ];
  gateway = startProcess(process.execPath, ["--import", "tsx", "src/main.ts", ...args], { env: {}, folder: root });
  await gateway.said("Signalbox is up at ");
}

/** As a crash would: nothing is handed over. */
async function kill(): Promise<void> {
  const gone = new Promise((resolve) => gateway.child.once("exit", resolve));
  gateway.child.kill("SIGKILL");
  await gone;
}

async function build(client: GatewayClient): Promise<void> {
  const leaving = new AbortController();
  const tracker = new ResourceTracker();
  const following = (async () => {
    for await (const transition of followTransitions(client, 1, leaving.signal)) tracker.add(transition);
  })();
  const quiet = { tracker, timeoutMs: 60_000, onRequest: () => {}, onDone: () => {} };
  await replayScenario(client, await readScenario(demoScenario), quiet);
  leaving.abort();
  await following;
}

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), "signalbox-browser-"));
  port = await freePort();
  await start();
});
afterAll(async () => {
  await gateway.stop();
  await rm(data, { recursive: true, force: true });
});

describe("a page that is open while the gateway is killed and started again", () => {
  it("says that it is cut off, comes back by itself and has every transition that there was", async () => {
    const url = `http://127.0.0.1:${port}`;
    const client = new GatewayClient(url);
    await build(client);
    const type = await client.type("gw_interface");
    const [made] = await client.list(type);
    const id = String(made?.["id"]);
    const browser = await openBrowser();
    try {
      const { page } = await openPage(browser);
      await page.goto(`${url}/ui/resources/gw_interface/${id}?tab=transitions`);
      const fleet = await openPage(browser);
      await fleet.page.goto(`${url}/ui/?type=gw_interface`);
      for (const each of [page, fleet.page]) {
        await each.locator(".live-live").waitFor();
        await each.evaluate("window.opened = true");
      }
      // In the middle of an update, whatever has come of it by then.
      await fetch(`${url}/v2.0/gw_interfaces/${id}`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ gw_interface: { description: "while it is killed" } }),
      });
      await kill();
      for (const each of [page, fleet.page]) await each.locator(".live-lost").waitFor();
      await start();
      // More happens before a page can have come back.
      await fetch(`${url}/v2.0/gw_interfaces/${id}`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ gw_interface: { description: "while they were away" } }),
      });
      for (const each of [page, fleet.page]) await each.locator(".live-live").waitFor();
      await page.locator(".version", { hasText: "Version 3: update" }).locator("summary .tone-good").waitFor();
      const history = await (await fetch(`${url}/signalbox/v1/resources/gw_interface/${id}/history`)).json();
      const { steps } = history as ResourceHistory;
      await page.locator(`tr[data-seq="${steps.at(-1)?.seq}"]`).waitFor();
      const shown = await page
        .locator("tr[data-seq]")
        .evaluateAll((rows) =>
          rows.map((row) => Number((row as { dataset?: Record<string, string> }).dataset?.["seq"])),
        );
      expect(shown.toReversed()).toEqual(steps.slice(0, shown.length).map(({ seq }) => seq));
      expect(shown.length).toBeGreaterThanOrEqual(steps.length);
      const now = (await (await fetch(`${url}/signalbox/v1/fleet?type=gw_interface`)).json()) as FleetPage;
      await fleet.page
        .locator(`[data-key="gw_interface/${id}"] .chip`, { hasText: now.rows[0]?.state ?? "" })
        .waitFor();
      for (const each of [page, fleet.page]) expect(await each.evaluate("window.opened === true")).toBe(true);
    } finally {
      await browser.close();
    }
  });
});
