import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { startSystem } from "../../src/cli/start-system.ts";
import { TestSystem } from "./support/running-system.ts";

const ACME = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const tokens = {
  admin: "an-admin-of-the-tests",
  operator: "an-operator-of-the-tests",
  acme: "a-member-of-acme-of-the-tests",
  other: "a-member-of-another-tenant",
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-access-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a gateway with tokens and quotas", () => {
  let system: TestSystem;
  const as = (who: keyof typeof tokens) => new GatewayClient(system.url, tokens[who]);

  beforeAll(async () => {
    const config = join(folder, "signalbox.yaml");
    await writeFile(
      join(folder, "tokens.yaml"),
      JSON.stringify({
        tokens: [
          { name: "root", role: "admin", token: tokens.admin },
          { name: "ops", role: "operator", token: tokens.operator },
          { name: "alice", role: "member", tenant: ACME, token: tokens.acme },
          { name: "mallory", role: "member", tenant: "0".repeat(32), token: tokens.other },
        ],
      }),
      { mode: 0o600 },
    );
    await writeFile(
      config,
      JSON.stringify({ access: { tokens_file: join(folder, "tokens.yaml") }, quotas: { default: { network: 2 } } }),
    );
    system = await TestSystem.start({ config });
  });
  afterAll(async () => {
    await system.stop();
  });

  it("keeps tenants apart from POST to list, and lets operators see both", async () => {
    const network = await as("acme").type("network");
    const made = await as("acme").create(network, { name: "acme" });
    expect(made["tenant_id"]).toBe(ACME.replaceAll("-", ""));
    const theirs = await as("other").create(network, { name: "mallory" });
    expect((await as("acme").list(network)).map(({ id }) => id)).toEqual([made["id"]]);
    expect((await as("operator").list(network)).map(({ id }) => id).sort()).toEqual([made["id"], theirs["id"]].sort());
    await expect(as("other").get(network, String(made["id"]))).rejects.toMatchObject({ code: "SB_NOT_FOUND" });
    await expect(as("other").remove(network, String(made["id"]))).rejects.toMatchObject({ code: "SB_NOT_FOUND" });
    await expect(as("operator").remove(network, String(made["id"]))).rejects.toMatchObject({ code: "SB_FORBIDDEN" });
    const subnet = await as("other").type("subnet");
    const onIt = { network_id: made["id"], cidr: "10.0.0.0/24" };
    await expect(as("other").create(subnet, onIt)).rejects.toMatchObject({ code: "SB_RELATION_NOT_FOUND" });
  });

  it("keeps infrastructure to operators", async () => {
    const device = await as("operator").type("ese_device");
    await expect(as("acme").create(device, {})).rejects.toMatchObject({ code: "SB_FORBIDDEN" });
    expect((await as("operator").create(device, { name: "tor" }))["name"]).toBe("tor");
    expect(await as("acme").list(device)).toEqual([]);
  });

  it("gives a tenant what its quota allows and no more, however many ask at once", async () => {
    const network = await as("other").type("network");
    const wanted = Array.from({ length: 8 }, (_, at) => as("other").create(network, { name: `n${at}` }));
    const settled = await Promise.allSettled(wanted);
    const codes = settled.map((each) =>
      each.status === "fulfilled" ? "made" : (each.reason as { code: string }).code,
    );
    expect(codes.sort()).toEqual([...Array(7).fill("SB_QUOTA_EXCEEDED"), "made"]);
    expect(await as("other").list(network)).toHaveLength(2);
  });

  it("refuses who brings no token, also the command line", async () => {
    await expect(new GatewayClient(system.url).documents("/")).rejects.toMatchObject({
      code: "SB_UNAUTHENTICATED",
      advice: expect.stringContaining("SIGNALBOX_TOKEN"),
    });
    expect(await as("admin").documents("/state")).not.toEqual([]);
    await expect(as("acme").documents("/state")).rejects.toMatchObject({ code: "SB_FORBIDDEN" });
  });
});

describe("a gateway without tokens", () => {
  it("does not start where other machines reach it", async () => {
    const options = {
      data: join(folder, "data"),
      http: { host: "0.0.0.0", port: 0 },
      lab: false,
      timing: "instant",
      plainSecrets: false,
      logLevel: "silent",
    } as const;
    await expect(startSystem(options)).rejects.toMatchObject({
      code: "SB_CONFIG_INVALID",
      message: expect.stringContaining("0.0.0.0"),
    });
  });

  it("does not start with quotas for what is no type", async () => {
    const config = join(folder, "wrong.yaml");
    await writeFile(config, "quotas: { default: { vpn_gatway: 3 } }");
    await expect(TestSystem.start({ config })).rejects.toMatchObject({
      code: "SB_CONFIG_INVALID",
      message: expect.stringContaining("vpn_gatway"),
    });
  });
});
