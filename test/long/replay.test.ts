import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Child, signalbox } from "../unit/cli/child-process.ts";
import { startFakeSystem } from "../unit/cli/fake-system.ts";

const router = "792c7a6d-19b5-4d6f-b9f6-1e5b1eb45198";
const post = (collection: string, type: string, fields: object, creates?: string) => ({
  method: "POST",
  path: `/v2.0/${collection}`,
  body: { [type]: fields },
  ...(creates === undefined ? {} : { creates }),
});
const good = [
  post("edge_routers", "edge_router", { name: "r1", ip: "10.2.0.1" }, router),
  post("vpn_services", "vpn_service", { name: "s" }, "service"),
  post("gw_interfaces", "gw_interface", { name: "g", edge_router_id: router }, "gw"),
  { method: "PUT", path: `/v2.0/edge_routers/${router}`, body: { edge_router: { name: "r2" } } },
  { method: "GET", path: "/v2.0/gw_interfaces/gw" },
  { method: "DELETE", path: "/v2.0/vpn_services/service" },
];

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "signalbox-replay-"));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function scenario(name: string, requests: readonly object[]): Promise<string> {
  const file = join(directory, `${name}.json`);
  await writeFile(file, JSON.stringify({ scenario: name, requests }));
  return file;
}

const lines = async (file: string) =>
  (await readFile(file, "utf8"))
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("signalbox replay", () => {
  it("starts a gateway of its own, replays, writes its files and leaves nothing behind", async () => {
    const out = join(directory, "out");
    const file = await scenario("good", good);
    const child = new Child("test/unit/cli/fake-main.ts", ["replay", file, "--exit", "--out", out, "--plain-secrets"]);
    const { code, out: said, err } = await child.done;
    expect([code, err]).toEqual([0, ""]);
    expect(said).toContain('"lab":true,"timing":"instant","plainSecrets":true');
    expect(said).toContain('"data":true');
    expect(said).toMatch(/\[3\/6\] POST \/v2\.0\/gw_interfaces\n/);
    expect(said).toMatch(
      /gw_interface g +create\.working PENDING_CREATE +create monitoring_worker +10\.79\.5\.184 +\d+\.\ds\n/,
    );
    expect(said).toContain("All 2 resources are ACTIVE and UP.\n");
    expect(said.endsWith("stopped\n")).toBe(true);
    expect(existsSync(/data in (.*)/.exec(said)?.[1] ?? directory)).toBe(false);

    const documents = await lines(join(out, "documents.ndjson"));
    const real = "00000000-0000-4000-8000-000000000001";
    expect(documents[0]).toEqual({
      key: `/config/v2.0/edge_routers/${real}`,
      value: { version: 1, body: expect.objectContaining({ name: "r1", id: real }) },
    });
    const interfaces = documents.filter((each) => each.key.startsWith("/config/v2.0/gw_interfaces/"));
    expect(interfaces[0].value.body.edge_router_id).toBe(real);
    expect(documents.at(-1)).toMatchObject({ key: expect.stringContaining("vpn_services"), value: null });

    const timeline = await lines(join(out, "timeline.ndjson"));
    expect(timeline.map((each) => each.seq)).toEqual(timeline.map((_each, index) => index + 1));
    expect(timeline.at(-1)).toMatchObject({ type: "vpn_service", deleted: true });
    // One at a time: nothing of a request is committed before the one before it was done.
    const order = timeline.map((each) => `${each.type} ${each.event}`);
    expect(order).toEqual([
      "edge_router CREATE",
      "edge_router JOB_FINISHED",
      "vpn_service CREATE",
      "vpn_service READ",
      "gw_interface CREATE",
      "gw_interface JOB_FINISHED",
      "edge_router UPDATE",
      "edge_router JOB_FINISHED",
      "vpn_service DELETE",
      "vpn_service JOB_FINISHED",
    ]);
    for (const name of ["MX-1", "MX-2"]) {
      expect(await readFile(join(out, "routers", `${name}.compare`), "utf8")).toBe(`[edit]\n+  host-name ${name};\n`);
    }
  });

  it("leaves with 1 when a resource fails, and says which and why", async () => {
    const file = await scenario("broken", [
      ...good.slice(0, 1),
      post("gw_interfaces", "gw_interface", { name: "broken" }),
    ]);
    const { code, err } = await new Child("test/unit/cli/fake-main.ts", ["replay", file, "--exit"]).done;
    expect(code).toBe(1);
    expect(err).toContain("Request 2 of 2 (POST /v2.0/gw_interfaces): gw_interface broken failed");
    expect(err).toContain("SB_LOAD_REJECTED: no");
  });

  it("leaves with 1 when a request is refused, and when something is ACTIVE but not UP", async () => {
    const refused = await scenario("refused", [post("gw_interfaces", "gw_interface", { vird: 1 })]);
    const first = await new Child("test/unit/cli/fake-main.ts", ["replay", refused, "--exit"]).done;
    expect([first.code, first.err]).toEqual([1, expect.stringContaining("/gw_interface/vird: is not a field")]);
    const down = await scenario("down", [post("gw_interfaces", "gw_interface", { name: "down" })]);
    const second = await new Child("test/unit/cli/fake-main.ts", ["replay", down, "--exit", "--timeout", "0.3"]).done;
    expect([second.code, second.err]).toEqual([1, expect.stringContaining("gw_interface down is ACTIVE but NO_STATE")]);
  });

  it("replays against a running gateway, counting only what it did itself", async () => {
    const system = await startFakeSystem({ http: { host: "127.0.0.1", port: 0 }, lab: false });
    await system.gateway.create("edge_router", { name: "slow", ip: "10.9.9.9" });
    const file = await scenario("remote", good);
    const out = join(directory, "remote");
    const { code, out: said, err } = await signalbox(["replay", file, "--url", system.url, "--exit", "--out", out]);
    expect(code).toBe(0);
    expect(said).toContain("All 2 resources are ACTIVE and UP.\n");
    expect(err).toContain("no router is compared");
    expect((await lines(join(out, "timeline.ndjson")))[0].seq).toBe(2);
    await system.stop();
  });

  it("stays up without --exit, and stops at a signal", async () => {
    const file = await scenario("stay", good.slice(0, 1));
    const child = new Child("test/unit/cli/fake-main.ts", ["replay", file]);
    await child.says(/The gateway stays up at http:\/\/127\.0\.0\.1:\d+ until interrupted\.\n/);
    child.stop("SIGINT");
    const { code, out } = await child.done;
    expect([code, out.endsWith("stopped\n")]).toEqual([0, true]);
  });

  it("leaves with 1 when it is interrupted before everything is done", async () => {
    const file = await scenario("interrupted", [post("edge_routers", "edge_router", { name: "slow", ip: "10.2.0.7" })]);
    const child = new Child("test/unit/cli/fake-main.ts", ["replay", file, "--exit"]);
    await child.says(/create\.working PENDING_CREATE/);
    child.stop("SIGTERM");
    expect((await child.done).code).toBe(1);
  });
});

describe("signalbox up and lab", () => {
  it("start, say where they are and stop at SIGTERM with 0", async () => {
    const up = new Child("test/unit/cli/fake-main.ts", [
      "up",
      "--http",
      "127.0.0.1:0",
      "--lab",
      "--timing",
      "realistic",
    ]);
    const [, url] = await up.says(/Signalbox is up at (http:\/\/127\.0\.0\.1:\d+)\n/);
    expect(up.out).toContain('"lab":true');
    expect(up.out).toContain('"timing":"realistic"');
    const stream = await fetch(`${url}/signalbox/v1/transitions?follow=true`);
    up.stop("SIGTERM");
    expect((await up.done).code).toBe(0);
    expect((await stream.text()).trim()).toBe("");

    const lab = new Child("test/unit/cli/fake-main.ts", ["lab", "--http", "127.0.0.1:0"]);
    await lab.says(/The lab is up at http/);
    lab.stop("SIGINT");
    expect((await lab.done).code).toBe(0);
  });
});

describe("signalbox demo", () => {
  it("shows the routers and the times, and leaves with 1 when its scenario is refused", async () => {
    const { code, out, err } = await new Child("test/unit/cli/fake-main.ts", [
      "demo",
      "--exit",
      "--http",
      "127.0.0.1:0",
    ]).done;
    expect(code).toBe(1);
    expect(out).toContain('"lab":true,"timing":"realistic"');
    expect(out).toContain("[1/20] POST /v2.0/ese_devices\n");
    expect(err).toMatch(
      /Request 1 of 20 \(POST \/v2\.0\/ese_devices\): There is no.* at \/v2\.0\/ese_devices\. \(SB_NO_SUCH_ROUTE\)/,
    );
    expect(out).toContain("MX-2# show | compare\n[edit]\n+  host-name MX-2;\n");
    expect(out).toContain("RESOURCE");
    expect(out.endsWith("stopped\n")).toBe(true);
  });

  it("names a page that is there when it stays up", async () => {
    const child = new Child("src/main.ts", ["demo", "--timing", "instant", "--http", "127.0.0.1:0"]);
    const [, page = ""] = await child.says(/; (http:\S+) describes its API/);
    expect((await fetch(page)).status).toBe(200);
    child.stop("SIGTERM");
    expect((await child.done).code).toBe(0);
  });
});
