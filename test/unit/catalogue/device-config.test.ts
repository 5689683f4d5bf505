import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import { changeTree, deleteTree, mapText, mergeTree } from "../../../src/catalogue/device-config.ts";
import { loadBaseConfiguration } from "../../../src/lab/junos/base-configuration.ts";
import type { ConfigNode } from "../../../src/lab/junos/config-node.ts";
import { applyXml } from "../../../src/lab/junos/edit-xml.ts";
import { renderSet } from "../../../src/lab/junos/set-lines.ts";
import { element, parseXml, serializeXml, type XmlElement } from "../../../src/xml/element.ts";

const xml = (text: string) => parseXml(`<configuration>${text}</configuration>`);
const text = (tree: XmlElement | undefined) => (tree === undefined ? undefined : serializeXml(tree));
const inside = (tree: XmlElement | undefined) => text(tree)?.replace(/^<configuration>(.*)<\/configuration>$/, "$1");

describe("the tree to merge", () => {
  it("is the rendered one without the marks", () => {
    const rendered = xml(`<a><b own=""><name>1</name><c own="" other="x">2</c></b></a>`);
    expect(inside(mergeTree(rendered))).toBe(`<a><b><name>1</name><c other="x">2</c></b></a>`);
  });
});

describe("the tree to delete", () => {
  it("names what is owned by its key, and the way there, and nothing else", () => {
    const rendered = xml(
      `<i><if><name>ae0</name><mtu>9000</mtu><unit own=""><name>7</name><description>x</description></unit></if></i><p><q>1</q></p>`,
    );
    expect(inside(deleteTree(rendered))).toBe(
      `<i><if><name>ae0</name><unit operation="delete"><name>7</name></unit></if></i>`,
    );
  });

  it("is none where nothing is owned", () => {
    expect(deleteTree(xml("<a><b>1</b></a>"))).toBeUndefined();
  });

  it("keeps the value of one of several, and drops that of a single one", () => {
    expect(inside(deleteTree(xml(`<g><import own="">A</import><mtu own="">9</mtu></g>`)))).toBe(
      `<g><import operation="delete">A</import><mtu operation="delete"/></g>`,
    );
  });
});

describe("the tree that changes one into the other", () => {
  const change = (former: string, current: string) => inside(changeTree(xml(former), xml(current)));

  it.each<[string, string, string, string | undefined]>([
    ["nothing", `<u own=""><name>1</name><d>x</d></u>`, `<u own=""><name>1</name><d>x</d></u>`, undefined],
    [
      "a value",
      `<u own=""><name>1</name><d>x</d><m>5</m></u>`,
      `<u own=""><name>1</name><d>y</d><m>5</m></u>`,
      "<u><name>1</name><d>y</d></u>",
    ],
    [
      "a value that is gone",
      `<u own=""><name>1</name><d>x</d></u>`,
      `<u own=""><name>1</name></u>`,
      `<u><name>1</name><d operation="delete"/></u>`,
    ],
    [
      "the key of what is owned",
      `<u own=""><name>1</name><d>x</d></u>`,
      `<u own=""><name>2</name><d>x</d></u>`,
      `<u operation="delete"><name>1</name></u><u><name>2</name><d>x</d></u>`,
    ],
    [
      "the way to it",
      `<if><name>ae0</name><u own=""><name>1</name></u></if>`,
      `<if><name>ae1</name><u own=""><name>1</name></u></if>`,
      `<if><name>ae0</name><u operation="delete"><name>1</name></u></if><if><name>ae1</name><u><name>1</name></u></if>`,
    ],
    [
      "what is on the way and not owned is never deleted",
      `<if><name>ae0</name><m>9</m><u own=""><name>1</name></u></if>`,
      `<if><name>ae0</name><u own=""><name>1</name></u></if>`,
      undefined,
    ],
    [
      "one of several values",
      `<g own=""><import>A</import><import>B</import></g>`,
      `<g own=""><import>B</import><import>C</import></g>`,
      `<g><import operation="delete">A</import><import>C</import></g>`,
    ],
    [
      "entries of a list inside what is owned",
      `<g own=""><n><name>1</name><t>a</t></n><n><name>2</name></n></g>`,
      `<g own=""><n><name>1</name><t>b</t></n><n><name>3</name></n></g>`,
      `<g><n operation="delete"><name>2</name></n><n><name>1</name><t>b</t></n><n><name>3</name></n></g>`,
    ],
    [
      "a container that is gone",
      `<g own=""><family><inet><a>1</a></inet></family></g>`,
      `<g own=""><d>x</d></g>`,
      `<g><family operation="delete"/><d>x</d></g>`,
    ],
  ])("%s", (_what, former, current, wanted) => {
    expect(change(former, current)).toBe(wanted);
  });

  it("keeps namespaces, and changes every text where asked", () => {
    const tree = element("a", [element("b", "1", {}, "urn:x"), element("c", "")], {}, "urn:x");
    expect(text(changeTree(element("a", [], {}, "urn:x"), tree))).toBe(`<a xmlns="urn:x"><b>1</b><c xmlns=""/></a>`);
    expect(text(mapText(tree, (value) => `${value}!`))).toBe(`<a xmlns="urn:x"><b>1!</b><c xmlns=""/></a>`);
  });
});

/* From here on a router says what a tree does: the lab's, which has an implementation of edit-config of its own. */

const load = (configuration: ConfigNode, tree: XmlElement | undefined) =>
  tree === undefined ? configuration : applyXml(configuration, tree).tree;
/** What a configuration says; entries that are only the way to something are not compared. */
const said = (configuration: ConfigNode) =>
  renderSet(configuration)
    .filter(
      (line) =>
        !/^set (interfaces \S+|interfaces \S+ unit \S+|routing-instances \S+|policy-options prefix-list \S+|interfaces \S+ unit \S+ family inet)$/.test(
          line,
        ),
    )
    .sort();

interface UnitPart {
  readonly vlan: number;
  readonly description: string | undefined;
  readonly groups: readonly string[];
  readonly filter: string | undefined;
  readonly addresses: ReadonlyArray<{ host: number; vips: readonly number[]; priority: number | undefined }>;
}
interface InstancePart {
  readonly groups: ReadonlyArray<{ name: string; peerAs: number | undefined; neighbors: readonly number[] }>;
  readonly routes: ReadonlyArray<{ net: number; hops: readonly number[] }>;
}
interface Part {
  readonly unit: UnitPart;
  readonly instance: InstancePart;
}

const few = <T>(item: fc.Arbitrary<T>, selector?: (value: T) => unknown) =>
  fc.uniqueArray(item, { maxLength: 3, ...(selector ? { selector } : {}) });
const maybe = <T>(item: fc.Arbitrary<T>) => fc.option(item, { nil: undefined });
const part: fc.Arbitrary<Part> = fc.record({
  unit: fc.record({
    vlan: fc.integer({ min: 1025, max: 1027 }),
    description: maybe(fc.constantFrom("one", "two words", "a&b")),
    groups: few(fc.constantFrom("VPNGW1-VRRP", "VPNGW2-VRRP")),
    filter: maybe(fc.constantFrom("FILTER_1", "FILTER_2")),
    addresses: few(
      fc.record({
        host: fc.integer({ min: 10, max: 13 }),
        vips: few(fc.integer({ min: 100, max: 103 })),
        priority: maybe(fc.integer({ min: 100, max: 105 })),
      }),
      ({ host }) => host,
    ),
  }),
  instance: fc.record({
    groups: few(
      fc.record({
        name: fc.constantFrom("g1", "g2", "g3"),
        peerAs: maybe(fc.integer({ min: 65000, max: 65002 })),
        neighbors: few(fc.integer({ min: 1, max: 4 })),
      }),
      ({ name }) => name,
    ),
    routes: few(
      fc.record({
        net: fc.integer({ min: 0, max: 3 }),
        hops: fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { minLength: 1 }),
      }),
      ({ net }) => net,
    ),
  }),
});

const own = (yes: boolean) => (yes ? { own: "" } : {});
const some = (value: string | number | undefined, name: string) =>
  value === undefined ? [] : [element(name, String(value))];
const list = (name: string, children: readonly XmlElement[]) =>
  children.length === 0 ? [] : [element(name, children)];

/** Renders a part as a gateway does, which owns unit and instance, or as an interface on it, which owns addresses, groups and routes. */
function rendered({ unit, instance }: Part, as: "gateway" | "interface"): XmlElement {
  const whole = as === "gateway";
  const addresses = unit.addresses.map(({ host, vips, priority }) => {
    const group = [
      element("name", "20"),
      ...vips.map((vip) => element("virtual-address", `10.0.0.${vip}`)),
      ...some(priority, "priority"),
    ];
    return element("address", [element("name", `10.0.0.${host}/24`), element("vrrp-group", group)], own(!whole));
  });
  const filter =
    whole && unit.filter !== undefined
      ? [element("filter", [element("input", [element("filter-name", unit.filter)])])]
      : [];
  const family = list("family", list("inet", [...filter, ...addresses]));
  const unitLeaves = whole
    ? [
        ...unit.groups.map((name) => element("apply-groups", name)),
        ...some(unit.description, "description"),
        ...some(unit.vlan, "vlan-id"),
      ]
    : [];
  const units = element("unit", [element("name", String(unit.vlan)), ...unitLeaves, ...family], own(whole));
  const groups = instance.groups.map(({ name, peerAs, neighbors }) =>
    element(
      "group",
      [
        element("name", name),
        element("local-address", "10.0.0.1"),
        ...some(peerAs, "peer-as"),
        ...neighbors.map((host) => element("neighbor", [element("name", `10.0.0.${host}`)])),
      ],
      own(!whole),
    ),
  );
  const routes = instance.routes.map(({ net, hops }) =>
    element(
      "route",
      [element("name", `198.51.${net}.0/24`), ...hops.map((hop) => element("next-hop", `10.0.0.${hop}`))],
      own(!whole),
    ),
  );
  const content = [
    element("name", "vrf-7"),
    ...(whole ? [element("instance-type", "virtual-router")] : []),
    ...list("routing-options", list("static", routes)),
    ...list("protocols", list("bgp", groups)),
  ];
  return element("configuration", [
    element("interfaces", [element("interface", [element("name", "ae0"), units])]),
    element("routing-instances", [element("instance", content, own(whole))]),
  ]);
}

describe("on a router", () => {
  const base = loadBaseConfiguration("MX-2");
  /** What others have there: units, an instance, and beside an interface a group of its gateway's. */
  const foreign = (as: "gateway" | "interface") => {
    const others = xml(
      `<interfaces><interface><name>ae0</name><unit><name>2000</name><vlan-id>2000</vlan-id></unit></interface></interfaces>
       <routing-instances><instance><name>vrf-other</name><instance-type>virtual-router</instance-type></instance>${
         as === "gateway"
           ? ""
           : "<instance><name>vrf-7</name><instance-type>virtual-router</instance-type><protocols><bgp><group><name>CloudGW1</name><local-address>10.0.0.1</local-address></group></bgp></protocols></instance>"
       }</routing-instances>`,
    );
    return load(base, others);
  };

  for (const as of ["gateway", "interface"] as const) {
    it(`a change leads from any configuration of a${as === "interface" ? "n" : ""} ${as} to any other, and touches nobody else's`, () => {
      const start = foreign(as);
      let deletions = 0;
      fc.assert(
        fc.property(part, part, (a, b) => {
          const [former, current] = [rendered(a, as), rendered(b, as)];
          const before = load(start, mergeTree(former));
          const change = changeTree(former, current);
          expect(said(load(before, change))).toEqual(said(load(start, mergeTree(current))));
          // Doing it twice is as doing it once.
          expect(said(load(load(before, change), change))).toEqual(said(load(before, change)));
          if (text(change)?.includes('operation="delete"')) deletions += 1;
          if (change === undefined) expect(said(before)).toEqual(said(load(start, mergeTree(current))));
        }),
        { numRuns: 300 },
      );
      expect(deletions).toBeGreaterThan(100);
    });

    it(`a deletion takes away all that a${as === "interface" ? "n" : ""} ${as} has, and nothing else`, () => {
      const start = foreign(as);
      fc.assert(
        fc.property(part, (a) => {
          const tree = rendered(a, as);
          const before = load(start, mergeTree(tree));
          expect(said(load(before, deleteTree(tree)))).toEqual(said(start));
          expect(said(load(load(before, deleteTree(tree)), deleteTree(tree)))).toEqual(said(start));
          expect(changeTree(tree, tree)).toBeUndefined();
        }),
        { numRuns: 200 },
      );
    });
  }

  it("the product's own templates do so too", () => {
    const { catalogue, configurations } = loadTemplates();
    const handlers = [...catalogue.types.values()].flatMap((type) =>
      Object.values(type.handlers).filter((handler) => handler.routers !== undefined),
    );
    expect(handlers.length).toBeGreaterThanOrEqual(4);
    for (const handler of handlers) {
      for (const role of ["primary", "secondary"] as const) {
        const render = (values: Readonly<Record<string, unknown>>) => {
          const given = Object.fromEntries(
            handler.params.map(({ param }) => [param, values[param] ?? sample(param, "1")]),
          );
          return configurations.render(handler.routers?.file ?? "", { ...given, ...handler.routers?.constants }, role);
        };
        const former = render({});
        const current = render({
          gw_vip: "10.0.0.99",
          description: "new",
          qos: "new",
          md5: "other",
          jinja_common_service_numbers: [2, 3],
        });
        const built = load(base, mergeTree(former));
        expect([handler.name, said(built).length > said(base).length]).toEqual([handler.name, true]);
        const changed = load(built, changeTree(former, current));
        expect(said(changed)).toEqual(said(load(base, mergeTree(current))));
        expect([handler.name, said(load(changed, deleteTree(current)))]).toEqual([handler.name, said(base)]);
      }
    }
  });
});

/** What a gateway puts something into, beside others. */
const SHARED: Readonly<Record<string, string>> = {
  inet_in_filter: "EDGE-INET-IN",
  inet_out_filter: "EDGE-INET-OUT",
  uplink_import_policy: "INET-IN",
};

/** A value that a parameter of that name could have. */
function sample(param: string, number: string): unknown {
  if (Object.hasOwn(SHARED, param)) return SHARED[param];
  if (/numbers$/.test(param)) return [1, 2];
  if (/unit_service$/.test(param)) return "10100";
  if (/netmask/.test(param)) return "24";
  if (/uplink_ip$/.test(param)) return `192.0.2.${number}/30`;
  if (/^route$/.test(param)) return "198.51.100.0/24";
  if (/(_ip|_gw_ip|vip|next_hop|router_id)$/.test(param)) return `10.0.0.${number}`;
  if (/(vlan|_as|port|priority|vrrp_group$|unit_user$)/.test(param) && !/interface/.test(param)) return "100";
  return param.replaceAll("_", "-");
}
