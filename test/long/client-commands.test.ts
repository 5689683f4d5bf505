import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { EMPTY_CHAIN } from "../../src/actors/audit/audit-chain.ts";
import { Child, signalbox } from "../unit/cli/child-process.ts";
import { startFakeSystem } from "../unit/cli/fake-system.ts";
import type { FakeGateway } from "../unit/http/fake-gateway.ts";

let url: string;
let gateway: FakeGateway;
let stop: () => Promise<void>;

beforeAll(async () => {
  ({ url, gateway, stop } = await startFakeSystem({ http: { host: "127.0.0.1", port: 0 }, lab: false }));
});
afterAll(async () => {
  await stop();
});

const box = (words: string, input?: string) =>
  signalbox(words.split(" "), { env: { SIGNALBOX_URL: url }, ...(input === undefined ? {} : { input }) });

describe("signalbox <type>", () => {
  it("creates with --set, shows as JSON with sorted fields, changes, lists and deletes", async () => {
    const made = await box(
      "edge_router create --set name=r1 --set ip=10.1.0.1 --set ssh_port=8300 --set enabled=false --wait -o json",
    );
    expect([made.code, made.err]).toEqual([0, ""]);
    const resource = JSON.parse(made.out).edge_router;
    expect(resource).toMatchObject({ name: "r1", ssh_port: 8300, enabled: false, status: "ACTIVE" });
    expect(Object.keys(resource)).toEqual(Object.keys(resource).sort());
    expect(made.out).toMatch(/^\{\n {4}"edge_router": \{\n {8}"enabled": false,\n/);

    const shown = await box("edge-router show r1 --output yaml");
    expect(parse(shown.out)).toEqual({ edge_router: resource });

    const changed = await box(
      `edge_router update ${resource.id} --data - --output json`,
      '{"edge_router": {"name": "r2"}}',
    );
    expect(JSON.parse(changed.out).edge_router).toMatchObject({ name: "r2", status: "PENDING_UPDATE" });

    const listed = await box("edge_routers list --filter name=r2 --columns name,ip,ssh_port");
    expect(listed.out).toBe("NAME  IP        SSH_PORT\n----  --------  --------\nr2    10.1.0.1  8300\n");

    const deleted = await box("edge_router delete r2 --wait");
    expect(deleted).toEqual({ code: 0, out: `edge_router ${resource.id} is gone\n`, err: "" });
    expect((await box("edge_router show r2")).code).toBe(3);
  });

  it("answers a field that the gateway refuses with 2 and its pointer, on stderr only", async () => {
    const refused = await box('gw_interface create --data {"vird":20}');
    expect([refused.code, refused.out]).toEqual([2, ""]);
    expect(refused.err).toContain("(SB_INVALID_BODY)\n  /gw_interface/vird: is not a field that can be set\n");
  });

  it("answers a conflict with 4 and a missing relation with 3", async () => {
    const { id } = await gateway.create("edge_router", { name: "used", ip: "10.1.0.9" });
    await gateway.create("gw_interface", { name: "user", edge_router_id: String(id) });
    expect((await box("edge_router delete used")).code).toBe(4);
    expect((await box("edge_router create --set ip=10.1.0.9")).code).toBe(4);
    expect((await box("gw_interface create --set edge_router_id=nobody")).code).toBe(3);
  });

  it("answers a resource that fails with 1 and why, one that stays pending with 5", async () => {
    const failed = await box("edge_router create --set name=broken --set ip=10.1.0.20 --wait");
    expect([failed.code, failed.out]).toEqual([1, ""]);
    expect(failed.err).toContain("SB_LOAD_REJECTED: no");
    const slow = await box("edge_router create --set name=slow --set ip=10.1.0.21 --wait --timeout 0.2");
    expect(slow.code).toBe(5);
    expect(slow.err).toContain("is not ACTIVE after 0.2 s: it is PENDING_CREATE, create.working.");
  });

  it("refuses a name that is not the name of one alone", async () => {
    for (const name of ["twin", "twin"]) await gateway.create("vpn_service", { name });
    const shown = await box("vpn_service show twin");
    expect([shown.code, shown.err]).toEqual([
      2,
      expect.stringContaining('2 resources of the type vpn_service are called "twin"'),
    ]);
  });

  it("names the types that there are when the type is unknown", async () => {
    const unknown = await box("gw_interfac list");
    expect([unknown.code, unknown.out]).toEqual([2, ""]);
    expect(unknown.err).toContain("The resource types are edge_router, gw_interface, vpn_service.");
  });

  it("says that no gateway answers, and how to start one", async () => {
    const away = await signalbox(["network", "list", "--url", "http://127.0.0.1:9"]);
    expect([away.code, away.out]).toEqual([1, ""]);
    expect(away.err).toContain("No gateway answers at http://127.0.0.1:9");
    expect(away.err).toContain("signalbox up");
  });

  it("watches from the start until interrupted", async () => {
    await gateway.create("edge_router", { name: "seen", ip: "10.1.0.30" });
    const child = new Child("src/main.ts", ["edge_router", "watch", "seen", "--from-start", "--url", url]);
    await child.says(
      /edge_router +seen +v1 +create\.working +PENDING_CREATE .*create monitoring_worker 10\.79\.5\.184\n/,
    );
    await child.says(/create_completed +ACTIVE +UP\n/);
    child.stop();
    await child.done;
  });
});

describe("signalbox documents", () => {
  it("gets the documents of a prefix and gives every write in order", async () => {
    const { id } = await gateway.create("vpn_service", { name: "kept" });
    const key = `/config/v2.0/vpn_services/${String(id)}`;
    const got = await box(`documents get ${key} --output ndjson`);
    expect(got.out).toBe(`${JSON.stringify({ key, value: { body: { name: "kept", id }, version: 1 } })}\n`);
    const child = new Child("src/main.ts", [
      "documents",
      "watch",
      key,
      "--from-start",
      "--output",
      "ndjson",
      "--url",
      url,
    ]);
    await gateway.remove("vpn_service", String(id));
    await child.says(/"value":null\}\n/);
    expect(child.out.split("\n")[0]).toBe(got.out.trim());
    child.stop();
    await child.done;
  });
});

describe("signalbox", () => {
  it("has a help page on stdout, and shows it as an error when nothing is asked", async () => {
    const help = await box("--help");
    expect(help.code).toBe(0);
    for (const word of ["up", "demo", "replay", "lab", "documents", "<type> create", "Exit codes"])
      expect(help.out).toContain(word);
    expect((await box("gw_interface --help")).out).toContain("Usage: signalbox gw_interface");
    expect((await box("replay --help")).out).toContain("--plain-secrets");
    const nothing = await signalbox([]);
    expect([nothing.code, nothing.out]).toEqual([2, ""]);
    expect(nothing.err).toContain("Usage: signalbox");
    expect((await box("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("signalbox reseal", () => {
  it("seals anew, purges when it is told to, and counts", async () => {
    const sealed = await box("reseal");
    expect([sealed.code, sealed.err]).toEqual([0, ""]);
    expect(sealed.out).toContain("3 secrets of 2 resources sealed anew, 0 records purged.");
    expect(sealed.out).toMatch(/^newer +seals +0 +0 +0 *$/m);
    expect(sealed.out).toContain("No other key is needed.");
    expect((await box("reseal --purge")).out).toContain("4 records purged.");
    expect(JSON.parse((await box("reseal --dry-run --output json")).out)).toMatchObject({ key: "newer", purged: 0 });
  });
});

describe("signalbox audit", () => {
  it("lists, exports and verifies; an export can be verified as a file", async () => {
    const list = await box("audit list --outcome refused --limit 5");
    expect([list.code, list.err]).toEqual([0, ""]);
    expect(list.out).toContain("OUTCOME");
    const exported = await box("audit export");
    expect(JSON.parse(exported.out.split("\n")[0] ?? "")).toEqual({ head: EMPTY_CHAIN, sweptTo: 0 });
    expect((await box("audit verify")).out).toContain("The chain is whole.");
    const folder = mkdtempSync(join(tmpdir(), "signalbox-audit-"));
    try {
      const file = join(folder, "audit.ndjson");
      const lost = { head: { index: 2, hash: "0".repeat(64) }, sweptTo: 0 };
      writeFileSync(file, `${JSON.stringify(lost)}\n`);
      const broken = await box(`audit verify --file ${file}`);
      expect([broken.code, broken.err]).toEqual([1, "entries 1 to 2 are missing\n"]);
      expect(broken.out).toContain("BROKEN");
      writeFileSync(file, "{}\n");
      expect(await box(`audit verify --file ${file}`)).toMatchObject({ code: 2 });
      expect(await box("audit verify --anchor 7")).toMatchObject({ code: 2 });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
