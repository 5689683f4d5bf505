import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GatewayClient, type ResourceType } from "../../../src/cli/gateway-client.ts";
import { readFields } from "../../../src/cli/parse-fields.ts";

const type: ResourceType = {
  type: "edge_router",
  collection: "edge_routers",
  title: "",
  fields: {
    name: { type: "string", permission: ["create"] },
    password: { type: "string", permission: ["create"], secret: true },
  },
};
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-cli-"));
  await writeFile(join(folder, "password"), "pass=word 1\n", { mode: 0o600 });
  await writeFile(join(folder, "empty"), "\n");
  await writeFile(join(folder, "fields.json"), '{"name":"a","password":"of the file"}');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const read = (
  set: string[],
  given: { data?: string; input?: string; asked?: string; env?: Record<string, string> } = {},
) =>
  readFields(
    type,
    { set, data: given.data },
    {
      env: given.env ?? {},
      terminal: {
        out: () => {},
        err: () => {},
        live: false,
        columns: 100,
        input: async () => given.input ?? "",
        ...(given.asked === undefined ? {} : { password: async () => given.asked ?? "" }),
      },
    },
  );

describe("a secret field", () => {
  it("comes from a file, the environment, the standard input or a prompt", async () => {
    const password = async (...given: Parameters<typeof read>) => (await read(...given))["password"];
    expect(await password([`password=@${join(folder, "password")}`])).toBe("pass=word 1");
    expect(await password(["password=env:ROUTER"], { env: { ROUTER: "of the environment" } })).toBe(
      "of the environment",
    );
    expect(await password(["password=-"], { input: "typed\n" })).toBe("typed");
    expect(await password(["password=-"], { asked: "asked", input: "no" })).toBe("asked");
    expect(await password([], { data: `@${join(folder, "fields.json")}` })).toBe("of the file");
    expect(await password([], { data: "-", input: '{"password":"of the input"}' })).toBe("of the input");
  });

  it.each<[string, string[], string | undefined]>([
    ["in --set", ["password=hunter2"], undefined],
    ["in --set beside others", ["name=a", "password=hunter2"], undefined],
    ["in --data", [], '{"name":"a","password":"hunter2"}'],
    ["in --data in its envelope", [], '{"edge_router":{"password":"hunter2"}}'],
    ["in --data although --set gives another", [`name=a`], '{"password":"hunter2"}'],
  ])("is refused %s, and not repeated", async (_where, set, data) => {
    const thrown = await read(set, data === undefined ? {} : { data }).catch(
      (error: Error & { advice?: string }) => error,
    );
    expect(thrown).toMatchObject({ code: "SB_USAGE", advice: expect.stringContaining("--set password=@FILE") });
    expect(`${(thrown as Error).message}`).not.toContain("hunter2");
  });

  it("that is nowhere is a mistake", async () => {
    for (const source of ["@/no/such/file", `@${join(folder, "empty")}`, "env:NOT_SET", "-"]) {
      await expect(read([`password=${source}`])).rejects.toMatchObject({ code: "SB_USAGE" });
    }
  });

  it("can be cleared, and others take what looks like a source as it is", async () => {
    expect(await read(["password=", "name=@x"])).toEqual({ password: "", name: "@x" });
  });
});

it("a password in the URL of the gateway is refused, and not repeated", () => {
  const make = () => new GatewayClient("http://ops:hunter2@127.0.0.1:9091");
  expect(make).toThrow(expect.objectContaining({ code: "SB_USAGE", message: expect.not.stringContaining("hunter2") }));
});
