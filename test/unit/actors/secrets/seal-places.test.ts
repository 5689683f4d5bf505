import { describe, expect, it } from "vitest";
import type { RouterEdit } from "../../../../src/actors/devices/lane-job.ts";
import type { IndexEntry } from "../../../../src/actors/resource-index.ts";
import { devicePlace, SealPlaces, sealPlace } from "../../../../src/actors/secrets/seal-places.ts";
import { sealing } from "../../../../src/adapters/secrets/sealing.ts";
import { element } from "../../../../src/xml/element.ts";
import { sealSecond } from "./second-version.ts";

const key = new Uint8Array(32).fill(7);
const secrets = sealing(key);
const sealFor = (type: string, id: string, field: string) => secrets.seal("secret", sealPlace({ type, id }, field));

const router = { ip: "10.0.0.1", login: "lab", password: sealFor("edge_router", "r1", "password") };
const link = { name: "own", bgp_md5: sealFor("link", "l1", "bgp_md5") };

/** The guard over two resources, with what was written past the API. */
function places(written: { router?: object; link?: object } = {}, caughtUp = async () => {}): SealPlaces {
  const bodyOf = (key: string): object | undefined =>
    key === "edge_router/r1"
      ? { ...router, ...written.router }
      : key === "link/l1"
        ? { ...link, ...written.link }
        : undefined;
  return new SealPlaces({
    secrets,
    caughtUp,
    secretFields: (type) => (type === "edge_router" ? ["password"] : ["bgp_md5"]),
    index: {
      referring: () => [],
      entry: ({ type, id }) => {
        const body = bodyOf(`${type}/${id}`);
        return body === undefined ? undefined : ({ type, id, body } as unknown as IndexEntry);
      },
    },
  });
}

function edit(given: { host?: string; password?: string; text?: string } = {}): RouterEdit {
  const { host = router.ip, password = router.password, text = link.bgp_md5 } = given;
  const configuration = element("configuration", [element("authentication-key", text)]);
  return { address: { host, port: 830, username: "lab", password }, configuration };
}

const l1 = { type: "link", id: "l1" };
const refused = expect.objectContaining({ code: "SB_SECRET_UNREADABLE" });

describe("a job", () => {
  it("uses its own secrets, and the login of the router it is for", async () => {
    await places().requireOwn(l1, [edit()]);
  });

  it("uses seals of before, which say nothing", async () => {
    const written = { link: { bgp_md5: sealSecond(key, "x") }, router: { password: sealSecond(key, "y") } };
    const old = edit({ password: sealSecond(key, "y"), text: sealSecond(key, "x") });
    await places(written).requireOwn(l1, [old]);
  });

  it.each<[string, Parameters<typeof places>[0], Parameters<typeof edit>[0]]>([
    ["another's secret was copied into its field", { link: { bgp_md5: sealFor("link", "l2", "bgp_md5") } }, {}],
    ["the login of a router was copied into its field", { link: { bgp_md5: router.password } }, {}],
    ["another's secret stands in its configuration", {}, { text: sealFor("link", "l2", "bgp_md5") }],
    ["it stands within a text there", {}, { text: `key ${sealFor("link", "l2", "bgp_md5")} end` }],
    ["the login of a router stands in its configuration", {}, { text: router.password }],
    ["a login would go to another address", {}, { host: "203.0.113.66" }],
    ["another secret would go out as a login", {}, { password: link.bgp_md5 }],
    ["the login is of a router that there is not", {}, { password: sealFor("edge_router", "r9", "password") }],
    [
      "the login of one router was copied to another",
      { router: { password: sealFor("edge_router", "r2", "password") } },
      {},
    ],
    [
      "the login was sealed for another field of the router",
      { router: { login: "x" } },
      { password: sealFor("edge_router", "r1", "login") },
    ],
  ])("is refused when %s", async (_what, written, given) => {
    await expect(places(written).requireOwn(l1, [edit(given)])).rejects.toEqual(refused);
  });

  it("says where the seal is and what it was made for, and shows no seal", async () => {
    const thrown = await places()
      .requireOwn(l1, [edit({ text: sealFor("link", "l2", "bgp_md5") })])
      .catch((error: Error) => error);
    expect((thrown as Error).message).toBe(
      "the configuration of link/l1 has a value that was sealed for link/l2/bgp_md5",
    );
  });

  it("is not refused for what the index has not read yet", async () => {
    const written = { router: { ip: "not read yet" } };
    await expect(places(written).requireOwn(l1, [edit()])).rejects.toEqual(refused);
    await places(written, async () => {
      written.router.ip = router.ip;
    }).requireOwn(l1, [edit()]);
  });
});

it("a login in the journal of a device is good for that device", () => {
  const password = secrets.seal("secret", devicePlace("10.0.0.1"));
  expect(() => places().requireLogin("10.0.0.1", password)).not.toThrow();
  expect(() => places().requireLogin("10.0.0.2", password)).toThrow(refused);
});

it("a login is good for the other router of the pair, and for no router beside it", () => {
  const routers = new Map(["r1", "r2", "r3"].map((id, at) => [id, { ip: `10.0.0.${at + 1}` }]));
  const pair = { context: { references: ["r1", "r2"].map((id) => ({ type: "edge_router", id })) } };
  const guard = new SealPlaces({
    secrets,
    caughtUp: async () => {},
    secretFields: () => ["password"],
    index: {
      entry: ({ type, id }) => ({ type, id, body: routers.get(id) ?? {} }) as unknown as IndexEntry,
      referring: (_type, id) => (id === "r3" ? [] : [pair as unknown as IndexEntry]),
    },
  });
  const login = sealFor("edge_router", "r1", "password");
  for (const host of ["10.0.0.1", "10.0.0.2"]) expect(() => guard.requireLogin(host, login)).not.toThrow();
  expect(() => guard.requireLogin("10.0.0.3", login)).toThrow(refused);
});
