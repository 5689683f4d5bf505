import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestSystem } from "../scenario/support/running-system.ts";

type Resource = Record<string, unknown>;
interface Result {
  status: number;
  network?: Resource;
  error?: { code: string; errors?: Array<{ pointer: string }> };
}

const TENANT = "b3e3095c0a5b4383805efe9cf2a6b5ef";
let system: TestSystem;

beforeAll(async () => {
  system = await TestSystem.start();
});
afterAll(() => system.stop());

async function ask(method: string, path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${system.url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? {} : JSON.parse(text) };
}

const count = async () => Number((await ask("GET", "/v2.0/networks?limit=0", undefined)).headers.get("x-total-count"));
const bulk = async (networks: unknown[], key: string) =>
  (await ask("POST", "/v2.0/networks/bulk", { networks }, { "Idempotency-Key": key })).body.results as Result[];

describe("bulk creation on a whole system", () => {
  it("makes what can be made, each once however often it is sent, and says why the rest cannot", async () => {
    const networks: Resource[] = Array.from({ length: 300 }, (_, at) => ({ name: `bulk-${at}`, tenant_id: TENANT }));
    networks[7] = { name: "bulk-7", colour: "red" };
    networks[200] = { name: "a<b", tenant_id: TENANT };
    const results = await bulk(networks, "first");
    expect(results.map(({ status }) => status)).toEqual(networks.map((_, at) => (at === 7 || at === 200 ? 400 : 201)));
    expect(results[7]?.error).toMatchObject({ code: "SB_INVALID_BODY", errors: [{ pointer: "/networks/7/colour" }] });
    expect(results[200]?.error?.errors).toMatchObject([{ pointer: "/networks/200/name" }]);
    const made = results.flatMap(({ network }) => (network === undefined ? [] : [network]));
    expect(made.map(({ name }) => name)).toEqual(
      networks.map(({ name }) => name).filter((_, at) => at !== 7 && at !== 200),
    );

    const again = await bulk(networks, "first");
    expect(again.map(({ network }) => network?.["id"])).toEqual(results.map(({ network }) => network?.["id"]));
    expect(await count()).toBe(298);
    // Pages of all of them, in order, are all of them.
    const names: unknown[] = [];
    for (let offset = 0; offset < 298; offset += 100) {
      const page = await ask("GET", `/v2.0/networks?sort_key=name&limit=100&offset=${offset}&fields=name`, undefined);
      names.push(...(page.body.networks as Resource[]).map(({ name }) => name));
    }
    expect(names).toEqual(made.map(({ name }) => name).sort());
  });

  it("takes a thousand and refuses one more, as a whole", async () => {
    const before = await count();
    const many = Array.from({ length: 1001 }, (_, at) => ({ name: `many-${at}`, tenant_id: TENANT }));
    expect((await ask("POST", "/v2.0/networks/bulk", { networks: many })).status).toBe(400);
    expect(await count()).toBe(before);
    const results = await bulk(many.slice(1), "thousand");
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set([201]));
    expect(await count()).toBe(before + 1000);
  });
});

describe("If-Match on a whole system", () => {
  it("lets one of many changes of the same version through, until all have read again and counted on", async () => {
    const made = await ask("POST", "/v2.0/networks", { network: { name: "0", tenant_id: TENANT } });
    const path = String(made.headers.get("location"));
    expect(made.headers.get("etag")).toBe('"1"');
    const change = (name: string, tag: string) => ask("PUT", path, { network: { name } }, { "If-Match": tag });

    const rivals = await Promise.all(Array.from({ length: 10 }, () => change("1", '"1"')));
    expect(rivals.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(412)]);
    const refused = rivals.find(({ status }) => status === 412);
    expect(refused?.body).toMatchObject({ code: "SB_VERSION_CONFLICT" });
    expect(refused?.body.detail).toMatch(/is at version 2, the request is for version 1$/);

    const addOne = async (): Promise<void> => {
      const shown = await ask("GET", path, undefined);
      const next = String(Number(shown.body.network.name) + 1);
      if ((await change(next, String(shown.headers.get("etag")))).status === 412) await addOne();
    };
    await Promise.all(Array.from({ length: 20 }, addOne));
    const last = await ask("GET", path, undefined);
    expect([last.body.network.name, last.headers.get("etag")]).toEqual(["21", '"22"']);

    expect((await ask("DELETE", path, undefined, { "If-Match": '"21"' })).status).toBe(412);
    expect((await ask("DELETE", path, undefined, { "If-Match": '"22"' })).status).toBe(204);
  });
});
