import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import { lowestFreeBlock, numbersOf, partOf } from "../../../src/catalogue/address-blocks.ts";
import { bitmapOf } from "../../../src/catalogue/bitmap.ts";
import { type Expansion, expandCreate } from "../../../src/catalogue/expand-request.ts";
import { callFunction } from "../../../src/catalogue/functions.ts";
import { parseCidr } from "../../../src/catalogue/ipv4.ts";
import { type Body, poolKey } from "../../../src/catalogue/resource-view.ts";
import { catalogueOf, mistakesOf, refusalOf, typeOf } from "./catalogue-text.ts";
import { MemoryView } from "./memory-view.ts";

const { catalogue } = loadTemplates();
const tenant = "b3e3095c0a5b4383805efe9cf2a6b5ef";
const stranger = "0b576f6f4cbf414f829cd12f008bf08f";
const id = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
const [gateway, service, downlink, router, suspended] = [id(1), id(2), id(3), id(4), id(5)];
const [pool, higher, elsewhere] = [id(11), id(12), id(13)];
const parts = (owner: string) => poolKey("public_ip_pool", owner, "address");

/** A gateway whose service has two pools on its router pair, the higher one made first, and one on another pair; a block is held back. */
function surroundings(): MemoryView {
  const poolOf = (ha_router_id: string, subnet_ip: string, submask_length: number) =>
    [
      { internet_service_id: service, ha_router_id, subnet_ip, submask_length },
      {
        refersTo: [
          { type: "internet_service", id: service },
          { type: "ha_router", id: ha_router_id },
        ],
      },
    ] as const;
  return new MemoryView()
    .add("edge_router", id(21), { ip: "10.79.5.185", login: "a", password: "b", ssh_port: 830 })
    .add("edge_router", id(22), { ip: "10.79.5.184", login: "a", password: "b", ssh_port: 830 })
    .add("ha_router", router, { primary_router_id: id(21), secondary_router_id: id(22) })
    .add("ha_interface", downlink, { name: "down", ha_router_id: router })
    .add("internet_service", service, { minimal_submask_length: 28, downlink_interfaces: [downlink] })
    .add("public_ip_pool", elsewhere, ...poolOf(id(9), "192.0.2.0", 24))
    .add("public_ip_pool", higher, ...poolOf(router, "203.0.113.128", 28))
    .add("public_ip_pool", pool, ...poolOf(router, "203.0.113.0", 28))
    .add("suspended_public_ip", suspended, {
      ip_pool_id: higher,
      cidr: "203.0.113.136/29",
      submask_length: "29",
      previous_tenant_id: tenant,
    })
    .claim(parts(higher), 8, 9, 10, 11, 12, 13, 14, 15)
    .add("internet_gateway", gateway, {
      tenant_id: tenant,
      internet_service_id: service,
      downlink_interface_id: downlink,
      vrf_name: "vrf",
    });
}

function expand(type: string, fields: Body, view: MemoryView): Expansion {
  let made = 900;
  return expandCreate(typeOf(catalogue, type), fields, {
    catalogue,
    view,
    uuid: () => id(++made),
    suffix: () => "abcde",
  });
}

const publicIp = (fields: Body, view = surroundings()) =>
  expand("public_ip", { tenant_id: tenant, internet_gw_id: gateway, submask_length: 30, ...fields }, view).root;
const refused = (fields: Body, view = surroundings()) => {
  const { code, fields: named, message } = refusalOf(() => publicIp(fields, view));
  return { code, pointers: named.map(({ pointer }) => pointer), message };
};

describe("the lowest free block", () => {
  it("is aligned, free, and has no free one below it", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(63), { maxLength: 40 }), fc.nat(6), (list, power) => {
        const [taken, count] = [new Set(list), 2 ** power];
        const isFree = (first: number) => numbersOf({ number: first, count }).every((number) => !taken.has(number));
        const starts = Array.from({ length: 64 / count }, (_, at) => at * count);
        expect(lowestFreeBlock(64, count, taken)).toBe(starts.find(isFree));
      }),
    );
  });

  it("is none when it would be larger than the pool", () => {
    expect(lowestFreeBlock(16, 32, new Set())).toBeUndefined();
    expect(lowestFreeBlock(16, 16, new Set())).toBe(0);
  });
});

describe("a public_ip", () => {
  it("is the lowest free block of the lowest pool of its service and router pair, and takes all its addresses", () => {
    expect(publicIp({})).toMatchObject({
      body: { cidr: "203.0.113.0/30", ip_pool_id: pool },
      claims: [{ pool: parts(pool), number: 0, count: 4, field: "cidr", allocated: true }],
    });
    const view = surroundings().claim(parts(pool), 0, 5);
    expect(publicIp({}, view).body["cidr"]).toBe("203.0.113.8/30");
    expect(publicIp({ submask_length: 32 }, view).body["cidr"]).toBe("203.0.113.1/32");
  });

  it("comes from the next pool when the first has no room for it, and is refused with their names when none has", () => {
    const full = surroundings().claim(parts(pool), 3, 7, 11, 15);
    expect(publicIp({}, full).body).toMatchObject({ cidr: "203.0.113.128/30", ip_pool_id: higher });
    expect(publicIp({ submask_length: 31 }, full).body["cidr"]).toBe("203.0.113.0/31");
    const none = refused({}, full.claim(parts(higher), 0, 4));
    expect(none.code).toBe("SB_POOL_EXHAUSTED");
    expect(none.message).toContain(`public_ip_pool ${pool}, public_ip_pool ${higher}`);
  });

  it("may be named: anywhere in a pool where all of it is free", () => {
    expect(publicIp({ cidr: "203.0.113.132/30" })).toMatchObject({
      body: { ip_pool_id: higher },
      claims: [{ pool: parts(higher), number: 4, count: 4, allocated: false }],
    });
    const taken = refused({ cidr: "203.0.113.12/30" }, surroundings().claim(parts(pool), 14));
    expect(taken).toMatchObject({ code: "SB_UNIQUE_TAKEN", pointers: ["/cidr"] });
  });

  it.each([
    ["a length that is not the block's", { cidr: "203.0.113.0/29" }, "/submask_length"],
    ["a block of another router pair's pool", { cidr: "192.0.2.0/30" }, "/cidr"],
    ["a block that is larger than its pool", { cidr: "203.0.113.0/24", submask_length: 28 }, "/cidr"],
    ["a block with host bits", { cidr: "203.0.113.1/30" }, "/cidr"],
    ["a larger block than the service allows", { submask_length: 27 }, "/submask_length"],
  ])("is refused with %s", (_what, fields, pointer) => {
    expect(refused(fields)).toMatchObject({ code: "SB_INVALID_BODY", pointers: [pointer] });
  });

  it("is what a suspended_public_ip holds back for its tenant, and takes nothing by itself", () => {
    const back = { suspended_public_ip_id: suspended, submask_length: 29 };
    expect(publicIp(back)).toMatchObject({ body: { cidr: "203.0.113.136/29", ip_pool_id: higher }, claims: [] });
    expect(publicIp({ ...back, cidr: "203.0.113.136/29" }).claims).toEqual([]);
    for (const [fields, pointer] of [
      [{ submask_length: 30 }, "/submask_length"],
      [{ cidr: "203.0.113.128/29" }, "/cidr"],
    ] as const)
      expect(refused({ ...back, ...fields })).toMatchObject({ code: "SB_INVALID_BODY", pointers: [pointer] });
    const another = refused(
      back,
      surroundings().add("suspended_public_ip", suspended, { ip_pool_id: higher, previous_tenant_id: stranger }),
    );
    expect(another).toMatchObject({ code: "SB_INVALID_BODY", pointers: ["/suspended_public_ip_id"] });
    const away = refused(back, surroundings().add("suspended_public_ip", suspended, { ip_pool_id: elsewhere }));
    expect(away).toMatchObject({ code: "SB_INVALID_BODY", pointers: ["/suspended_public_ip_id"] });
  });
});

describe("a suspended_public_ip", () => {
  const hold = (cidr: string, submask_length: string) =>
    expand("suspended_public_ip", { ip_pool_id: pool, cidr, submask_length }, surroundings().claim(parts(pool), 0))
      .root;

  it("takes the block that it names", () => {
    expect(hold("203.0.113.8/29", "29").claims).toEqual([
      { pool: parts(pool), number: 8, count: 8, field: "cidr", allocated: false },
    ]);
  });

  it("is refused where a part of the block is in use", () => {
    expect(refusalOf(() => hold("203.0.113.0/29", "29")).code).toBe("SB_UNIQUE_TAKEN");
    expect(refusalOf(() => hold("203.0.113.8/29", "28")).code).toBe("SB_INVALID_BODY");
  });
});

describe("a public_ip_pool", () => {
  const make = (subnet_ip: string, submask_length: number, ha_router_id = router) =>
    expand(
      "public_ip_pool",
      { internet_service_id: service, ha_router_id, subnet_ip, submask_length, ip_version: 4 },
      surroundings(),
    ).root.body;
  const wrong = (subnet_ip: string, length: number) =>
    refusalOf(() => make(subnet_ip, length)).fields.map(({ pointer }) => pointer);

  it("has all its addresses free, and its bitmap padded to words of 32 bits", () => {
    expect(make("198.51.100.0", 22)).toMatchObject({ addresses_available: 1024, pool_state: bitmapOf(1024, []) });
    const padded = make("198.51.100.8", 29);
    expect(padded["addresses_available"]).toBe(8);
    expect(Buffer.from(String(padded["pool_state"]), "base64").toString("hex")).toBe("00ffffff");
  });

  it("begins where a block of its length begins, and overlaps no other of the pair", () => {
    expect(wrong("198.51.100.8", 28)).toEqual(["/subnet_ip"]);
    expect(wrong("203.0.113.0", 24)).toEqual(["/subnet_ip"]);
    expect(wrong("203.0.113.4", 30)).toEqual(["/subnet_ip"]);
    expect(make("203.0.113.16", 28)).toMatchObject({ addresses_available: 16 });
    expect(make("192.0.2.0", 24)).toMatchObject({ addresses_available: 256 });
  });
});

describe("the public_ip around a destination", () => {
  const view = surroundings()
    .add("public_ip", id(31), { cidr: "203.0.113.0/29" }, { refersTo: [{ type: "internet_gateway", id: gateway }] })
    .add("public_ip", id(32), { cidr: "203.0.113.8/30" }, { refersTo: [{ type: "internet_gateway", id: gateway }] })
    .add("public_ip", id(33), { cidr: "203.0.113.12/30" }, { refersTo: [{ type: "internet_gateway", id: id(8) }] });

  it.each([
    ["203.0.113.0/29", id(31)],
    ["203.0.113.4/30", id(31)],
    ["203.0.113.11", id(32)],
    ["203.0.113.8/32", id(32)],
    ["203.0.113.0/28", null],
    ["203.0.113.12", null],
    ["198.51.100.1", null],
  ])("%s", (destination, wanted) => {
    expect(callFunction("public_ip_around", [gateway, destination], view)).toBe(wanted);
  });
});

describe("a type that takes blocks", () => {
  const space = `type: space
collection: spaces
title: Addresses
infrastructure: true
fields: { id: { type: string }, net: { type: string }, bits: { type: integer }, taken: { type: string } }
pools:
  part: { bitmap: taken, block: { network: net, length: bits }, recorded: true }
`;
  const plot = (claim: string) => `type: plot
collection: plots
title: A part
fields:
  id: { type: string }
  space_id: { type: string, relation: space, writable: [create], set_by: member, belongs_to: operators }
  bits: { type: integer, writable: [create] }
  cidr: { type: string, writable: [create] }
derive:
  cidr: ${claim}
`;

  it.each([
    ["without a length", "{ claim: part, of: space_id }", "part gives out blocks: the claim needs a length"],
    ["of a length that is no field", "{ claim: part, of: space_id, length: size }", "plot has no field size"],
    [
      "held by what is no relation",
      "{ claim: part, of: space_id, length: bits, held_by: cidr }",
      "cidr is no relation, so nothing is held there",
    ],
    [
      "held by what has no such field",
      "{ claim: part, of: space_id, length: bits, held_by: space_id }",
      "space has no field cidr",
    ],
  ])("%s is a mistake", (_what, claim, mistake) => {
    const [line] = mistakesOf({ space, plot: plot(claim) });
    expect(line).toMatch(/^plot\/type\.yaml:\d+: /);
    expect(line).toContain(mistake);
  });

  it("gets them from the first address to the last", () => {
    const types = catalogueOf({ space, plot: plot("{ claim: part, of: space_id, length: bits }") });
    const view = new MemoryView().add("space", id(1), { net: "10.0.0.0", bits: 30, taken: "D///" });
    const take = (bits: number) =>
      expandCreate(
        typeOf(types, "plot"),
        { space_id: id(1), bits },
        { catalogue: types, view, uuid: () => id(2), suffix: () => "abcde" },
      ).root.body["cidr"];
    expect(refusalOf(() => take(33)).fields.map(({ pointer }) => pointer)).toEqual(["/bits"]);
    expect([take(32), take(30)]).toEqual(["10.0.0.0/32", "10.0.0.0/30"]);
    expect(refusalOf(() => take(29)).code).toBe("SB_POOL_EXHAUSTED");
    const whole = parseCidr("10.0.0.0/30");
    expect(whole && partOf(whole, 3, 32)).toBe("10.0.0.3/32");
  });
});
