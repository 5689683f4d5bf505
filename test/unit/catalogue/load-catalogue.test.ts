import { describe, expect, it } from "vitest";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import { catalogueOf, mistakesOf, refusalOf, typeOf } from "./catalogue-text.ts";

/** A type that others refer to; its pool has room for 8 numbers. */
const pool = `type: pool
collection: pools
title: A pool
infrastructure: true
fields:
  id: { type: string }
  name: { type: string, writable: [create] }
  state: { type: string }
pools:
  number: { bitmap: state, size: 8 }
stack: "=make_pool"
handlers:
  make_pool:
    handler: heat_worker
    outputs:
      - { key: id, description: Its id., value: x }
`;

/** Lines 1 to 8 of a type that is right; a case adds what is wrong from line 9 on. */
const head = `type: thing
collection: things
title: A thing
fields:
  id: { type: string }
  name: { type: string, writable: [create] }
  pool_id: { type: string, relation: pool, writable: [create], set_by: member, belongs_to: operators }
  items: { type: array, items: { type: object }, writable: [create], set_by: member, belongs_to: tenant }
`;

const withTail = (tail: string) => mistakesOf({ pool, thing: head + tail });

describe("a catalogue without mistakes", () => {
  it("knows every type by name and by collection", () => {
    const catalogue = catalogueOf({ pool, thing: head });
    expect([...catalogue.types.keys()]).toEqual(["pool", "thing"]);
    expect(catalogue.byCollection.get("things")).toBe(catalogue.types.get("thing"));
  });

  it("has what a file leaves out as nothing", () => {
    const thing = typeOf(catalogueOf({ pool, thing: head }), "thing");
    expect(thing).toMatchObject({
      infrastructure: false,
      derive: [],
      pools: {},
      dependents: [],
      changes: [],
      checks: [],
      stackTemplate: null,
      monitoringTemplate: null,
      handlers: {},
    });
    expect(thing.fields["id"]?.writable).toEqual([]);
    expect(thing.fields["name"]?.writable).toEqual(["create"]);
  });

  it("is the product's own", () => {
    const { catalogue } = loadTemplates();
    expect([...catalogue.types.keys()].sort()).toEqual([
      "aws_gateway",
      "aws_interface",
      "aws_service",
      "azure_gateway",
      "azure_interface",
      "azure_service",
      "common_function",
      "common_function_gateway",
      "common_function_pool",
      "edge_router",
      "er_physical_interface",
      "ese_device",
      "ese_logical_port",
      "ese_physical_port",
      "gcp_gateway",
      "gcp_interface",
      "gcp_service",
      "gw_interface",
      "ha_interface",
      "ha_router",
      "interdc_gateway",
      "interdc_interface",
      "interdc_service",
      "internet_gateway",
      "internet_service",
      "nat_ip_pool",
      "network",
      "physical_port",
      "port",
      "public_ip",
      "public_ip_pool",
      "qos_option",
      "static_route",
      "subnet",
      "suspended_public_ip",
      "vpn_gateway",
      "vpn_interface",
      "vpn_service",
    ]);
  });
});

describe("a mistake in a type is named with file, line and cause", () => {
  it.each<[string, string, string]>([
    ["an unknown key", "colour: red\n", '9: unknown key "colour"'],
    [
      "a file that says no pool's owner",
      "derive:\n  name: { claim: number }\n",
      "10: a claim names a pool and `of`, the field with its owner",
    ],
    [
      "a word that a claim does not have",
      "derive:\n  name: { claim: number, of: pool_id, size: 8 }\n",
      '10: unknown key "size"',
    ],
    ["an expression that is none", "derive:\n  name: vrid\n", '10: expected ">", "." or "!" at column 5 of "vrid"'],
    ["an unknown function", "derive:\n  name: nonsense(.id)\n", "10: unknown function nonsense()"],
    ["an unknown field", "derive:\n  name: .nmae\n", "10: thing has no field nmae"],
    ["a field that every object has", "derive:\n  name: .constructor\n", "10: thing has no field constructor"],
    ["a derived field that does not exist", "derive:\n  colour: =red\n", "10: thing has no field colour"],
    ["a field that is no relation", "derive:\n  name: name>pool_id.name\n", "10: name of thing is no relation"],
    ["a field that the related type has not", "derive:\n  name: pool_id.colour\n", "10: pool has no field colour"],
    ["an unknown type in a path", "derive:\n  name: (items as colour).name\n", "10: unknown type colour"],
    [
      "an output that no template has",
      "derive:\n  name: pool_id!colour\n",
      "10: no template of pool has an output colour",
    ],
    ["a member that is not made yet", "derive:\n  name: '@other.id'\n", "10: @other is no dependent made before"],
    [
      "an output inside a text",
      "derive:\n  name: =x + pool_id!id\n",
      "10: the output id cannot be used inside another expression",
    ],
    [
      "an output as an argument",
      "derive:\n  name: or(pool_id!id, =x)\n",
      "10: the output id cannot be used inside another expression",
    ],
    [
      "a relation of a list item",
      "derive:\n  name: 'each .items: pool_id>x.name'\n",
      "10: a list item has no relations: write (pool_id as <type>)",
    ],
    ["an output of a list item", "derive:\n  name: 'each .items: !id'\n", "10: a list item has no outputs"],
    ["an item outside of a list", "derive:\n  name: (item as pool).name\n", "10: there is no item outside of each"],
    [
      "a claim on what is no relation",
      "derive:\n  name: { claim: number, of: name }\n",
      "10: name is no relation, so it owns no pool",
    ],
    ["a pool that the owner has not", "derive:\n  name: { claim: vlan, of: pool_id }\n", "10: pool has no pool vlan"],
    ["a pool without its field", "pools:\n  vlan: { bitmap: vlans, size: 8 }\n", "10: thing has no field vlans"],
    [
      "a pool of neither numbers nor addresses",
      "pools:\n  vlan: { bitmap: name }\n",
      "10: a pool has either a size, addresses or a block",
    ],
    [
      "a pool that is a block without its fields",
      "pools:\n  ip: { bitmap: name, block: { network: name, length: bits }, recorded: true }\n",
      "10: thing has no field bits",
    ],
    [
      "a pool that is a block and does not show what is given out",
      "pools:\n  ip: { bitmap: name, block: { network: name, length: name } }\n",
      "10: a pool that is a block is recorded",
    ],
    [
      "a pool that counts what is left without showing what is given out",
      "pools:\n  vlan: { bitmap: name, size: 8, left: name }\n",
      "10: only a recorded pool counts what is left",
    ],
    [
      "a block out of a pool that gives out numbers",
      "derive:\n  name: { claim: number, of: pool_id, length: name }\n",
      "10: number gives out no blocks",
    ],
    [
      "a pool of addresses without their field",
      "pools:\n  ip: { bitmap: name, addresses: ranges }\n",
      "10: thing has no field ranges",
    ],
    [
      "an address that clients could choose",
      "pools:\n  ip: { bitmap: name, addresses: name }\nderive:\n  name: { claim: ip, type: thing, of: .id }\n",
      "12: name takes an address, which clients cannot choose: it must not be writable",
    ],
    [
      "a claim on an unknown type",
      "derive:\n  name: { claim: number, type: house, of: .pool_id }\n",
      "10: unknown type house",
    ],
    [
      "a claim on a type that has no such pool",
      "derive:\n  name: { claim: vlan, type: pool, of: .pool_id }\n",
      "10: pool has no pool vlan",
    ],
    [
      "a claim on what an unknown function finds",
      "derive:\n  name: { claim: number, type: pool, of: nonsense(.id) }\n",
      "10: unknown function nonsense()",
    ],
    [
      "more than the id of a dependent that is yet to come",
      "dependents:\n  - { as: one, type: pool, before: true, fields: {} }\nderive:\n  name: '@one.name'\n",
      "12: of @one only the id is known before it is made",
    ],
    [
      "a dependent that depends on a field that does not exist",
      "dependents:\n  - { as: one, type: pool, when: .colour, fields: {} }\n",
      "10: thing has no field colour",
    ],
    ["a field that is fixed and does not exist", "checks:\n  - { fixed: [colour] }\n", "10: thing has no field colour"],
    [
      "a dependent before the resource, after one that comes after it",
      "dependents:\n  - { as: one, type: pool, fields: {} }\n  - { as: two, type: pool, before: true, fields: {} }\n",
      "11: dependents that come before the resource come first in the list",
    ],
    [
      "targets for each item of nothing",
      "handlers:\n  watch:\n    handler: monitoring_worker\n    targets:\n      - { name: 'a_$item', kind: snmp_uptime, each: hosts, settings: { device: $item, community: x } }\n",
      "13: there is no parameter hosts",
    ],
    [
      "a target's name of what is no parameter",
      "handlers:\n  watch:\n    handler: monitoring_worker\n    targets:\n      - { name: 'a_$host', kind: snmp_uptime, settings: { device: x, community: x } }\n",
      "13: $host is neither a parameter nor an object made before",
    ],
    ["a pool without a size", "pools:\n  vlan: { bitmap: name, size: 0 }\n", "10: pools.vlan.size must be >= 1"],
    ["an unknown parent", "parent: house\n", "9: unknown type house"],
    ["a check of no field", "checks:\n  - { require: [colour] }\n", "10: thing has no field colour"],
    [
      "a check that asks for no field",
      "checks:\n  - { when: { field: colour, equals: red }, require: [name] }\n",
      "10: thing has no field colour",
    ],
    [
      "a dependent of no type",
      "dependents:\n  - { as: one, type: house, fields: { name: =x } }\n",
      "10: unknown type house",
    ],
    [
      "a dependent's field that its type has not",
      "dependents:\n  - as: one\n    type: pool\n    fields:\n      colour: =red\n",
      "13: pool has no field colour",
    ],
    [
      "two dependents of one name",
      "dependents:\n  - { as: one, type: pool, fields: {} }\n  - { as: one, type: pool, fields: {} }\n",
      "11: there are two dependents one",
    ],
    [
      "a change of an unknown field",
      "changes:\n  - target: .pool_id\n    type: pool\n    when: create\n    set: { colour: =red }\n",
      "13: pool has no field colour",
    ],
    [
      "a change at no time",
      "changes:\n  - { target: .pool_id, type: pool, when: never, set: {} }\n",
      "10: changes.0.when must be one of create, complete",
    ],
    ["a template that does not exist", "stack: =make_thing\n", "9: there is no handler make_thing"],
    [
      "a template of the other kind",
      "stack: =watch\nhandlers:\n  watch: { handler: monitoring_worker }\n",
      "9: watch is a monitoring_worker, not a heat_worker",
    ],
    [
      "a handler of no kind",
      "handlers:\n  make: { handler: cook }\n",
      "10: handlers.make.handler must be one of heat_worker, monitoring_worker",
    ],
    [
      "a parameter that leads nowhere",
      "handlers:\n  make:\n    handler: heat_worker\n    params:\n      a: .name\n      b: pool_id>name.x\n",
      "14: name of pool is no relation",
    ],
    [
      "a name in an object that is no parameter",
      "handlers:\n  make:\n    handler: heat_worker\n    params: { a: .name }\n    objects:\n      - { as: vm, action: ensure, kind: vm, fq_name: [$a, $b] }\n",
      "14: $b is neither a parameter nor an object made before",
    ],
    [
      "an object that is made only later",
      "handlers:\n  make:\n    handler: heat_worker\n    objects:\n      - { as: one, action: ensure, kind: vm, fq_name: [$two] }\n      - { as: two, action: ensure, kind: vm, fq_name: [x] }\n",
      "13: $two is neither a parameter nor an object made before",
    ],
    [
      "two objects of one name",
      "handlers:\n  make:\n    handler: heat_worker\n    objects:\n      - { as: one, action: ensure, kind: vm, fq_name: [x] }\n      - { as: one, action: ensure, kind: vm, fq_name: [y] }\n",
      "14: the name one is taken",
    ],
    [
      "an object with a parameter's name",
      "handlers:\n  make:\n    handler: heat_worker\n    params: { a: .name }\n    objects:\n      - { as: a, action: ensure, kind: vm, fq_name: [x] }\n",
      "14: the name a is taken",
    ],
    [
      "an object for each item of nothing",
      "handlers:\n  make:\n    handler: heat_worker\n    objects:\n      - { as: one, action: ensure, kind: vm, each: list, fq_name: [$item] }\n",
      "13: there is no parameter list",
    ],
    [
      "an unknown filter",
      `handlers:\n  make:\n    handler: heat_worker\n    params: { a: .name }\n    objects:\n      - { as: one, action: ensure, kind: vm, fq_name: ["$\{a|upper}"] }\n`,
      "14: unknown filter upper",
    ],
    [
      "two outputs of one key",
      "handlers:\n  make:\n    handler: heat_worker\n    outputs:\n      - { key: id, description: One., value: x }\n      - { key: id, description: Two., value: y }\n",
      "14: the key id is there twice",
    ],
    [
      "two targets of one name",
      "handlers:\n  watch:\n    handler: monitoring_worker\n    targets:\n      - { name: one, kind: snmp_uptime, settings: { device: d, community: c } }\n      - { name: one, kind: snmp_uptime, settings: { device: d, community: c } }\n",
      "14: the name one is there twice",
    ],
    [
      "a target when nothing is so",
      "handlers:\n  watch:\n    handler: monitoring_worker\n    targets:\n      - { name: one, kind: snmp_uptime, when: sunny, settings: { device: d, community: c } }\n",
      "13: there is no parameter sunny",
    ],
    [
      "a setting that is no parameter",
      "handlers:\n  watch:\n    handler: monitoring_worker\n    targets:\n      - name: one\n        kind: snmp_uptime\n        settings:\n          community: c\n          device: $ip\n",
      "17: $ip is neither a parameter nor an object made before",
    ],
  ])("%s", (_what, tail, mistake) => {
    expect(withTail(tail)).toEqual([`thing/type.yaml:${mistake}`]);
  });

  it.each<[string, string, string]>([
    ["an unknown word", "{ type: string, colour: red }", '7: unknown key "colour"'],
    ["an unknown format", "{ type: string, format: zip }", "must be one of hyph-uuid, "],
    ["an unknown relation", "{ type: string, relation: house }", "7: unknown type house"],
    ["an unknown type that it refers to", "{ type: string, refers_to: house }", "7: unknown type house"],
    ["one of its items", "{ type: array, items: { type: string, refers_to: house } }", "7: unknown type house"],
    [
      "one of its items' members",
      "{ type: array, items: { type: object, properties: { a_id: { type: string, refers_to: house } } } }",
      "7: unknown type house",
    ],
    ["an unknown word in its items", "{ type: array, items: { type: string, kind: x } }", '7: unknown key "kind"'],
    [
      "an unknown word in its members",
      "{ type: object, properties: { a: { type: string, kind: x } } }",
      '7: unknown key "kind"',
    ],
    ["a pattern that is none", '{ type: string, pattern: "(" }', "7: ( is no regular expression"],
    ["a time to write it that is none", "{ type: string, writable: [delete] }", "must be one of create, update"],
  ])("%s in a field", (_what, field, mistake) => {
    const text = head.replace(/pool_id: .*/, `pool_id: ${field}`);
    const mistakes = mistakesOf({ pool, thing: text });
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(/^thing\/type\.yaml:7: /);
    expect(mistakes[0]).toContain(mistake);
  });

  it("a type of a field that is none", () => {
    const mistakes = mistakesOf({ pool, thing: head.replace("name: { type: string", "name: { type: text") });
    expect(mistakes.length).toBeGreaterThan(0);
    expect(mistakes.every((mistake) => mistake.startsWith("thing/type.yaml:6: fields.name.type"))).toBe(true);
  });

  it("what a file must have", () => {
    const mistakes = mistakesOf({ thing: "type: thing\nfields: {}\n" });
    expect(mistakes.length).toBeGreaterThan(0);
    expect(mistakes.join("\n")).toMatch(/collection/);
    expect(mistakes.join("\n")).toMatch(/title/);
    expect(mistakesOf({ thing: "" }).every((mistake) => mistake.startsWith("thing/type.yaml:1: the file"))).toBe(true);
    expect(mistakesOf({ thing: "- 1\n" })).not.toEqual([]);
  });

  it("YAML that is none, and a key that is there twice", () => {
    expect(mistakesOf({ thing: 'type: thing\ntitle: "open\n' })[0]).toMatch(/^thing\/type\.yaml:\d: /);
    const [twice] = withTail("stack: =null\nstack: =null\n");
    expect(twice).toMatch(/^thing\/type\.yaml:10: Map keys must be unique/);
  });

  it("a type and a collection that are there twice", () => {
    expect(mistakesOf({ pool, thing: head, other: head })).toContain("other/type.yaml:1: type thing is defined twice");
    expect(mistakesOf({ pool, other: head.replace("things", "pools") })).toEqual([
      "other/type.yaml:2: pools is the collection of pool already",
    ]);
  });

  describe("in an entry of a list of the controller", () => {
    const withEntry = (data: string, id = ".id") =>
      withTail(`stack: =s
handlers:
  s:
    handler: heat_worker
    params: { id: ${id}, name: .name }
    objects:
      - { as: o, action: reference, kind: network-ipam, uuid: u, from: { kind: virtual-network, uuid: n }, data: ${data} }
`);
    it.each([
      ["a key that a client chooses", "{ list: l, key: k, entry: { k: $name } }"],
      ["a key that is always the same", "{ list: l, key: k, entry: { k: same } }"],
      ["a key that is only part of the id", '{ list: l, key: k, entry: { k: "x-$id" } }'],
      ["an entry without its key", "{ list: l, key: k, entry: { other: $id } }"],
    ])("%s", (_what, data) => {
      expect(withEntry(data)).toEqual([
        expect.stringContaining("k, the key of the entry, must be a parameter that is .id"),
      ]);
    });
    it("an id that is not the resource's own", () => {
      expect(withEntry("{ list: l, key: k, entry: { k: $id } }", "pool_id.id")).toHaveLength(1);
    });
    it("no list or key", () => {
      expect(withEntry("{ entry: { k: $id } }")).toEqual([
        expect.stringContaining("needs the data list, key and entry"),
      ]);
    });
    it("nothing that is wrong when the key is the resource's own id", () => {
      expect(withEntry("{ list: l, key: k, entry: { k: $id } }")).toEqual([]);
    });
  });

  it("an output in the settings of a target that no stack of the type has", () => {
    const tail = (key: string) => `stack: =s
monitoring: =m
handlers:
  s:
    handler: heat_worker
    outputs: [{ key: made, description: d, value: x }]
  m:
    handler: monitoring_worker
    targets:
      - { name: t, kind: snmp_uptime, settings: { device: "\${outputs.${key}}", community: c } }
`;
    expect(withTail(tail("made"))).toEqual([]);
    expect(withTail(tail("other"))).toEqual([expect.stringContaining("no stack of the type has the output other")]);
  });

  it("every mistake of every file at once, with their number", () => {
    const error = refusalOf(() =>
      catalogueOf({ pool: `${pool}parent: house\n`, thing: `${head}parent: house\nderive:\n  name: .x\n` }),
    );
    const [title, ...mistakes] = error.message.split("\n");
    expect(title).toMatch(/^the catalogue has .*\b3\b/);
    expect(mistakes).toEqual([
      "  pool/type.yaml:17: unknown type house",
      "  thing/type.yaml:9: unknown type house",
      "  thing/type.yaml:11: thing has no field x",
    ]);
  });
});
