import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { demoScenario } from "./support/running-system.ts";
import { SharedStores } from "./support/shared-stores.ts";

let shared: SharedStores;
let urls: string[];
beforeEach(async () => {
  shared = await SharedStores.open();
  const first = await shared.start("one", ["gateway", "actors", "worker", "monitor", "projector"]);
  const second = await shared.start("two", ["gateway"]);
  urls = [first.url, second.url];
});
afterEach(() => shared.close());

const given = (JSON.parse(readFileSync(demoScenario, "utf8")) as { requests: Array<{ body: { ese_device: object } }> })
  .requests[0]?.body ?? { ese_device: {} };

async function post(url: string | undefined, key: string, body: object) {
  const headers = { "content-type": "application/json", "idempotency-key": key };
  const response = await fetch(`${url}/v2.0/ese_devices`, { method: "POST", headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Record<string, Record<string, unknown>> };
}

const device = (name: string) => ({ ese_device: { ...given.ese_device, name } });

async function devices(): Promise<Array<Record<string, unknown>>> {
  const response = await fetch(`${urls[1]}/v2.0/ese_devices`);
  return ((await response.json()) as { ese_devices: Array<Record<string, unknown>> }).ese_devices;
}

describe("a request with an idempotency key", () => {
  it("makes one resource however often it is sent, to whichever gateway, also at once", async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) => post(urls[at % 2], "order-1", device("one"))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 201));
    expect(new Set(answers.map(({ body }) => body["ese_device"]?.["id"])).size).toBe(1);
    const again = await post(urls[0], "order-1", device("one"));
    expect(again.body["ese_device"]?.["id"]).toBe(answers[0]?.body["ese_device"]?.["id"]);
    expect(await devices()).toHaveLength(1);
  });

  it("is refused when the key came with another request before", async () => {
    expect((await post(urls[0], "order-2", device("one"))).status).toBe(201);
    const other = await post(urls[1], "order-2", device("two"));
    expect(other).toMatchObject({ status: 422, body: { code: "SB_KEY_REUSED" } });
    expect(await devices()).toHaveLength(1);
  });

  it("is another request than one with another key: of two that want the same address one wins", async () => {
    const answers = await Promise.all([post(urls[0], "a", device("one")), post(urls[1], "b", device("two"))]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect(await devices()).toHaveLength(1);
  });

  it("is refused with a key that is no text of visible characters", async () => {
    expect(await post(urls[0], "with space", device("one"))).toMatchObject({
      status: 400,
      body: { code: "SB_MALFORMED_REQUEST" },
    });
  });
});
