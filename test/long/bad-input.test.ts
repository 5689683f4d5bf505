import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { everyTypeAtRest, everyTypeScenario } from "../scenario/support/every-type.ts";
import { ask, failures, type Trial } from "../scenario/support/problem-answers.ts";
import { TestSystem } from "../scenario/support/running-system.ts";
import { type Body, type ServedType, servedTypes, textPlaces, typesOf } from "../scenario/support/served-fields.ts";
import { wholeState } from "../scenario/support/whole-state.ts";

const UNKNOWN_ID = "00000000-0000-4000-8000-000000000000";
const OTHER_TENANT = "c".repeat(32);

/** What could be taken for syntax by XML, Junos, JSON, a shell or a terminal; `{}` and the like in the middle of a text that may be fine. */
const HOSTILE: Readonly<Record<string, string>> = {
  "<": "a</name><name>b",
  "&": "a&amp;b",
  ";": "a; set system root-authentication",
  '"': 'a"b',
  "'": "a'b",
  "`": "a`b",
  "{}": "a { b }",
  "\\": "a\\b",
  newline: "a\nb",
  "carriage return": "a\rb",
  NUL: "a\u0000b",
  escape: "a\u001b[2Jb",
  "line separator": "a\u2028b",
  "right-to-left override": "a\u202eb",
  "half a character": "a\ud800b",
  "no XML character": "a\uffffb",
};
const CONTROLS = new Set(
  ["newline", "carriage return", "NUL", "escape", "line separator", "right-to-left override"].concat(
    "half a character",
    "no XML character",
  ),
);

/** Only these may hold characters that have a meaning elsewhere: secrets any that can be typed, policers the syntax of a policer. */
const MAY_HOLD: Readonly<Record<string, readonly string[]>> = {
  "/edge_router/password": Object.keys(HOSTILE).filter((name) => !CONTROLS.has(name)),
  "/ese_device/password": Object.keys(HOSTILE).filter((name) => !CONTROLS.has(name)),
  "/aws_interface/bgp_md5": Object.keys(HOSTILE).filter((name) => !CONTROLS.has(name)),
  "/azure_interface/bgp_md5": Object.keys(HOSTILE).filter((name) => !CONTROLS.has(name)),
  "/vpn_interface/bgp_md5": Object.keys(HOSTILE).filter((name) => !CONTROLS.has(name)),
  "/qos_option/incoming_policer_config": [";", "{}"],
  "/qos_option/outgoing_policer_config": [";", "{}"],
};

/** Values of every JSON type. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  string: "text",
  integer: 7,
  boolean: true,
  array: ["x"],
  object: { x: "y" },
  null: null,
};

let system: TestSystem;
let types: readonly ServedType[];
let before: Record<string, string>;

beforeAll(async () => {
  system = await TestSystem.start();
  await system.replay(await everyTypeScenario());
  await system.documentsUntil(everyTypeAtRest);
  types = await servedTypes(system);
  before = await wholeState(system);
});
afterAll(async () => {
  await system.stop();
});

/** Whatever the tests send: nothing is stored, nothing is on a router. */
async function expectNothingChanged(): Promise<void> {
  expect(await wholeState(system)).toEqual(before);
}

const idOf = (type: ServedType): string => String(type.resources[0]?.["id"] ?? UNKNOWN_ID);
const typed = (name: string): ServedType => {
  const found = types.find((each) => each.type === name);
  if (found === undefined) throw new Error(`the catalogue has no ${name}`);
  return found;
};
const field = (type: ServedType, pointer: string) => `/${type.type}${pointer}`;

const invalid = { status: 400, code: "SB_INVALID_BODY" } as const;

type Wanted = Pick<Trial, "status" | "code" | "says"> & { readonly pointer: string };

function post(type: ServedType, fields: Body, { pointer, ...wanted }: Wanted): Trial {
  const pointers = [field(type, pointer)];
  return { ...wanted, pointers, method: "POST", path: `/v2.0/${type.collection}`, body: { [type.type]: fields } };
}

function put(type: ServedType, fields: Body, { pointer, ...wanted }: Wanted): Trial {
  const path = `/v2.0/${type.collection}/${idOf(type)}`;
  return { ...wanted, pointers: [field(type, pointer)], method: "PUT", path, body: { [type.type]: fields } };
}

/** A POST that is right but for one field, and a PUT of that field, as far as a client may set it then. */
function oneField(type: ServedType, name: string, value: unknown, wanted: Wanted): Trial[] {
  const permission = type.fields[name]?.permission ?? [];
  return [
    ...(permission.includes("create") ? [post(type, { ...type.valid, [name]: value }, wanted)] : []),
    ...(permission.includes("update") ? [put(type, { [name]: value }, wanted)] : []),
  ];
}

/** Every place at which a client may send a text. */
const placesIn = (type: ServedType) =>
  Object.entries(type.fields).flatMap(([name, served]) =>
    textPlaces(name, served, type.valid[name]).map((place) => ({ name, served, place })),
  );

describe("a field that is wrong is named, in every type", () => {
  afterAll(expectNothingChanged);

  it("serves the whole catalogue, with a resource of each type", () => {
    expect(types.length).toBeGreaterThanOrEqual(38);
    expect(types.filter(({ resources }) => resources.length === 0).map(({ type }) => type)).toEqual([]);
  });

  it("refuses a text with hostile characters in every single field, member and item", async () => {
    const trials = types.flatMap((type) =>
      placesIn(type).flatMap(({ name, place }) =>
        // One character that any field refuses, and one that only a secret may hold.
        ["newline", "<"]
          .filter((what) => !MAY_HOLD[field(type, place.pointer)]?.includes(what))
          .flatMap((what) => oneField(type, name, place.with(HOSTILE[what]), { ...invalid, pointer: place.pointer })),
      ),
    );
    expect(trials.length).toBeGreaterThan(400);
    expect(await failures(system, trials)).toEqual([]);
  });

  it.each(Object.keys(HOSTILE))("names every text field of a body that holds %s in all of them", async (what) => {
    const trials = types.flatMap((type) =>
      (["create", "update"] as const).flatMap((operation): Trial[] => {
        const fields: Body = operation === "create" ? { ...type.valid } : {};
        const pointers: string[] = [];
        for (const { name, served, place } of placesIn(type)) {
          if (!served.permission?.includes(operation)) continue;
          // Places of one object, each in a request of its own, are what the test above is for.
          if (pointers.some((pointer) => pointer.startsWith(`${field(type, `/${name}`)}/`))) continue;
          if (MAY_HOLD[field(type, place.pointer)]?.includes(what)) continue;
          fields[name] = place.with(HOSTILE[what]);
          pointers.push(field(type, place.pointer));
        }
        if (pointers.length === 0) return [];
        const trial = (operation === "create" ? post : put)(type, fields, { ...invalid, pointer: "" });
        return [{ ...trial, pointers }];
      }),
    );
    expect(trials.length).toBeGreaterThanOrEqual(30);
    expect(await failures(system, trials)).toEqual([]);
  });

  it("says which character it is, and how long a text may be", async () => {
    const wanted = { ...invalid, pointer: "/description" };
    const described = types.filter(({ fields }) => fields["description"]?.permission?.includes("update"));
    const trials = described.flatMap((type) => [
      ...oneField(type, "description", "a<b", { ...wanted, says: "must not contain the character <" }),
      ...oneField(type, "description", "a\nb", { ...wanted, says: "must not contain the control character U+000A" }),
      ...oneField(type, "description", "a\ud800", { ...wanted, says: "U+D800 stands alone" }),
      ...oneField(type, "description", "x".repeat(256), { ...wanted, says: "must have at most 255 characters" }),
    ]);
    for (const type of types.filter(({ fields }) => fields["tags"] !== undefined)) {
      const name = { ...invalid, pointer: "/tags/a<b", says: "the name must not contain the character <" };
      trials.push(...oneField(type, "tags", { "a<b": "c" }, name));
    }
    expect(trials.length).toBeGreaterThan(100);
    expect(await failures(system, trials)).toEqual([]);
  });

  it("refuses every other JSON type", async () => {
    const trials = types.flatMap((type) =>
      Object.entries(type.fields).flatMap(([name, served]) => {
        const accepted = typesOf(served);
        return Object.entries(SAMPLES)
          .filter(([kind]) => !accepted.includes(kind) && !(kind === "integer" && accepted.includes("number")))
          .flatMap(([, value]) => oneField(type, name, value, { ...invalid, pointer: `/${name}`, says: "must be " }));
      }),
    );
    expect(trials.length).toBeGreaterThan(900);
    expect(await failures(system, trials)).toEqual([]);
  });

  it("refuses numbers that are none: too large, fractions, negative", async () => {
    const numbers = types.flatMap((type) =>
      Object.entries(type.fields).flatMap(([name, served]) =>
        typesOf(served).includes("integer") && served.permission?.includes("create") ? [{ type, name }] : [],
      ),
    );
    expect(numbers.map(({ type, name }) => `${type.type}.${name}`)).toContain("ese_logical_port.vlan_id");
    const trials = numbers.flatMap(({ type, name }) =>
      ["1e999", "99999999999999999999", "1.5", "-1", "-0.5"].map((text) => {
        const trial = post(type, { ...type.valid, [name]: "@" }, { ...invalid, pointer: `/${name}` });
        return { ...trial, body: JSON.stringify(trial.body).replace('"@"', text) };
      }),
    );
    expect(await failures(system, trials)).toEqual([]);
  });

  it("asks for every required field that is missing or empty", async () => {
    const trials = types.flatMap((type) =>
      type.required.flatMap((name) => {
        const { [name]: _left, ...rest } = type.valid;
        const says = "is required";
        const missing = post(type, rest, { ...invalid, pointer: `/${name}`, says });
        const isText = typesOf(type.fields[name] ?? { type: "null" }).includes("string");
        return isText
          ? [missing, post(type, { ...rest, [name]: "" }, { ...invalid, pointer: `/${name}`, says })]
          : [missing];
      }),
    );
    expect(trials.length).toBeGreaterThan(60);
    expect(await failures(system, trials)).toEqual([]);
  });

  it("refuses fields that it does not know, sets itself or cannot change", async () => {
    const trials = types.flatMap((type) => [
      ...[post, put].flatMap((send) => {
        const valid = send === post ? type.valid : {};
        const slip = { ...invalid, pointer: "/tenantId", says: "did you mean tenant_id?" };
        return [
          send(type, { ...valid, surprise: 1 }, { ...invalid, pointer: "/surprise", says: "has no field" }),
          send(type, { ...valid, constructor: 1 }, { ...invalid, pointer: "/constructor", says: "has no field" }),
          send(type, { ...valid, tenantId: OTHER_TENANT }, slip),
        ];
      }),
      ...Object.entries(type.fields).flatMap(([name, { permission = [] }]) => {
        const given = { [name]: type.resources[0]?.[name] ?? null };
        const pointer = `/${name}`;
        const derived = { ...invalid, pointer, says: "is set by the system; leave it out" };
        const fixed = { ...invalid, pointer, says: "cannot be changed after creation; leave it out" };
        if (permission.length === 0)
          return [post(type, { ...type.valid, ...given }, derived), put(type, given, derived)];
        return permission.includes("update") ? [] : [put(type, given, fixed)];
      }),
    ]);
    expect(trials.length).toBeGreaterThan(300);
    expect(await failures(system, trials)).toEqual([]);
  });

  it("follows every relation: to nothing, to another type, to what is no id, to another tenant", async () => {
    const missing = { status: 400, code: "SB_RELATION_NOT_FOUND" } as const;
    const trials: Trial[] = [];
    for (const type of types) {
      for (const [name, served] of Object.entries(type.fields)) {
        const target = served.relation ?? served.refers_to ?? served.items?.refers_to;
        if (target === undefined) continue;
        const pointer = served.items === undefined ? `/${name}` : `/${name}/0`;
        const value = (id: string) => (served.items === undefined ? id : [id]);
        const foreign = types.find((other) => other.type !== target && other.resources.length > 0) ?? type;
        for (const id of [UNKNOWN_ID, idOf(foreign)]) {
          trials.push(...oneField(type, name, value(id), { ...missing, pointer, says: `there is no ${target} ${id}` }));
        }
        trials.push(...oneField(type, name, value("no-id"), { ...invalid, pointer, says: "must be a UUID" }));
      }
    }
    for (const name of ["subnet", "port", "gw_interface", "static_route", "vpn_interface"]) {
      const type = typed(name);
      const isTenants = (target = "") => /^(network|subnet|.*_gateway)$/.test(target);
      const named = Object.entries(type.fields).filter(
        ([field, { relation }]) => isTenants(relation) && type.valid[field],
      );
      // All that it names is another tenant's then; each is told.
      for (const [field, { relation }] of named) {
        const says = `there is no ${relation} ${type.valid[field]}`;
        trials.push(post(type, { ...type.valid, tenant_id: OTHER_TENANT }, { ...missing, pointer: `/${field}`, says }));
      }
    }
    expect(trials.length).toBeGreaterThan(60);
    expect(await failures(system, trials)).toEqual([]);
  });

  it("names the holder of a unique value", async () => {
    const trials = types.flatMap((type) => {
      const [name] = Object.entries(type.fields).find(([each, { unique }]) => unique && type.valid[each]) ?? [];
      if (name === undefined) return [];
      const says = `is taken by ${type.type} ${idOf(type)}`;
      return [post(type, type.valid, { status: 409, code: "SB_UNIQUE_TAKEN", pointer: `/${name}`, says })];
    });
    expect(trials.map(({ pointers }) => pointers[0])).toEqual(
      expect.arrayContaining(["/edge_router/ip", "/vpn_interface/vpn_gw_id", "/interdc_interface/interdc_gw_id"]),
    );
    expect(await failures(system, trials)).toEqual([]);
  });

  it("knows what VLANs, AS numbers, addresses and pairs can be", async () => {
    const refused = (name: string, fields: Body, pointer: string, says: string): Trial => {
      const type = typed(name);
      return post(type, { ...type.valid, ...fields }, { ...invalid, pointer, says });
    };
    const uplink = typed("vpn_interface").valid["primary"] as Body;
    const downlink = String(typed("vpn_gateway").resources[0]?.["downlink_interface_id"]);
    const pair = typed("ha_router").valid["primary_router_id"];
    const taken = { status: 409, code: "SB_UNIQUE_TAKEN", pointer: "/uplink_vlan_id", says: "210 is in use on" };
    const trials = [
      ...["-5", "0", "5000", "4095", "1e3", " 7", "0x10", "seven"].map((text) =>
        refused("vpn_gateway", { uplink_vlan_id: text }, "/uplink_vlan_id", "must be a VLAN id from 1 to 4094"),
      ),
      refused(
        "vpn_gateway",
        { downlink_vlan_id: "12" },
        "/downlink_vlan_id",
        `12 is no vlan that ha_interface ${downlink}`,
      ),
      ...["0", "4294967296", "9999999999", "-1", "AS1"].map((text) =>
        refused(
          "vpn_gateway",
          { local_as_number: text },
          "/local_as_number",
          "must be an AS number from 1 to 4294967295",
        ),
      ),
      ...["192.0.2.256/30", "192.0.2.2", "192.0.2.2/33", "192.0.2.2/30/1", "2001:db8::1/64"].map((text) =>
        refused(
          "vpn_interface",
          { primary: { ...uplink, ip_address: text } },
          "/primary/ip_address",
          "must be an IPv4 address",
        ),
      ),
      ...["10.0.0.1/24", "10.0.0.0/33", "10.0.0.0"].map((text) =>
        refused("subnet", { cidr: text }, "/cidr", "must be an IPv4 block without host bits"),
      ),
      refused("ha_interface", { restricted_vlans: "a-b,-7" }, "/restricted_vlans", "must be VLAN ids and ranges"),
      refused(
        "ha_router",
        { secondary_router_id: pair },
        "/secondary_router_id",
        "must be another one than primary_router_id",
      ),
      refused("gw_interface", { netmask: 31 }, "/netmask", "must be at most 30"),
      refused("gw_interface", { vrid: 0 }, "/vrid", "must be at least 1"),
      post(typed("vpn_gateway"), { ...typed("vpn_gateway").valid, downlink_vlan_id: "2000" }, taken),
    ];
    expect(await failures(system, trials)).toEqual([]);
  });

  it("names the first problems of a body that has thousands", async () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`${"f".repeat(30)}${at}`, "<"]));
    const answer = await ask(system, "POST", "/v2.0/edge_routers", { edge_router: many });
    expect([answer.status, answer.pointers.length]).toEqual([400, 50]);
    expect(answer.text.length).toBeLessThan(20_000);
    expect(answer.detail).toContain("and at least 41 more");
  });
});
