import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DeviceReport, FleetPage, MonitoringPage } from "../../src/actors/inspection/inspection-api.ts";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { addresses, FaultySystem } from "./support/faulty-system.ts";
import { demoScenario } from "./support/running-system.ts";

/** The secrets that the demo's requests carry. */
async function secretsOfDemo(): Promise<string[]> {
  const { requests } = await readScenario(demoScenario);
  const found = JSON.stringify(requests).matchAll(/"(?:password|bgp_md5)":"([^"]+)"/g);
  return [...new Set([...found].map(([, secret = ""]) => secret))];
}

describe.each([
  { sealed: "sealed", plainSecrets: false },
  { sealed: "in the clear", plainSecrets: true },
])("what the visualiser reads of the demo, with secrets that are kept $sealed", ({ plainSecrets }) => {
  let faulty: FaultySystem;

  beforeAll(async () => {
    faulty = await FaultySystem.start({ monitoring: { interval_ms: 200 } }, { plainSecrets });
    await faulty.build();
  });
  afterAll(() => faulty.stop());

  it("has no secret in it, opened or sealed, of any resource", async () => {
    const secrets = await secretsOfDemo();
    expect(secrets.length).toBeGreaterThan(1);
    const { rows } = await faulty.system.get<FleetPage>("/signalbox/v1/fleet?limit=500");
    expect(rows.length).toBeGreaterThan(20);
    const paths = rows.flatMap(({ type, id }) =>
      ["history", "documents", "configuration", "graph"].map((what) => `/signalbox/v1/resources/${type}/${id}/${what}`),
    );
    let masked = 0;
    for (const path of [...paths, "/signalbox/v1/fleet", "/signalbox/v1/devices", "/signalbox/v1/monitoring"]) {
      const text = JSON.stringify(await faulty.system.get(path));
      for (const secret of [...secrets, "sb1~", "sb2~", "sb3~"])
        expect([path, text.includes(secret)]).toEqual([path, false]);
      masked += text.split("***").length - 1;
    }
    expect(masked).toBeGreaterThan(10);
  });

  it("names both routers with their sessions, and every commit with its jobs and how long it took", async () => {
    const { devices } = await faulty.system.get<{ devices: DeviceReport[] }>("/signalbox/v1/devices");
    expect(devices.map(({ host }) => host)).toEqual(Object.values(addresses));
    for (const { known, session, lanes, commits } of devices) {
      expect(known.map(({ type }) => type)).toEqual(["edge_router"]);
      expect(["idle", "disconnected"]).toContain(session);
      expect(lanes).toMatchObject([{ phase: "idle", inHand: [], waiting: [] }]);
      expect(commits.length).toBeGreaterThan(3);
      for (const { outcome, durationMs, jobs } of commits) {
        expect(outcome).toBe("confirmed");
        expect(durationMs).toBeGreaterThanOrEqual(0);
        expect(jobs.length).toBeGreaterThan(0);
      }
    }
  });

  it("has each flap of a port in its history, the worst first", async () => {
    await faulty.break("agents/QFX-NW02", { kind: "interface_down", interface: "xe-0/0/3" });
    const down = await faulty.transition(
      ({ type, name, operationalState }) =>
        type === "ese_physical_port" && name === "xe-0/0/3" && operationalState === "FAIL",
    );
    const failing = await faulty.system.get<MonitoringPage>(
      "/signalbox/v1/monitoring?state=fail&type=ese_physical_port",
    );
    expect(failing).toMatchObject({
      total: 1,
      rows: [{ id: down.id, targets: [{ word: "DOWN", verdict: "bad", reason: expect.stringContaining("xe-0/0/3") }] }],
    });
    const first = (await faulty.system.get<MonitoringPage>("/signalbox/v1/monitoring?limit=1")).rows[0];
    expect(first?.operational).toBe("fail");
    await faulty.heal();
    await faulty.transition(({ id, operationalState }) => id === down.id && operationalState === "UP", down.seq);
    const healed = await faulty.system.get<MonitoringPage>(`/signalbox/v1/monitoring?q=${down.id}`);
    expect(healed.rows[0]?.targets[0]?.changes.map(({ verdict }) => verdict)).toEqual(["good", "bad", "good"]);
  });
});
