import { describe, expect, it } from "vitest";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import type { FieldSchema } from "../../../src/catalogue/field-schema.ts";
import { validateBody } from "../../../src/catalogue/validate-body.ts";
import { refusalOf, typeOf } from "./catalogue-text.ts";

/** What no device would take, or take to no use, is refused with the request. */
const { catalogue } = loadTemplates();

interface AddressField {
  readonly type: string;
  /** From the body to the field; `0` for the items of a list. */
  readonly path: readonly string[];
  readonly schema: FieldSchema;
}

const IPV4 = new Set(["ipv4", "cidr", "cidr-or-ipv4", "ipv4-interface"]);
/** Devices' own addresses: which of them may be used is a setting of the installation, not of the type. */
const DEVICES = new Set(["edge_router/ip", "ese_device/management_ip_address", "ese_device/public_ip_address"]);

function addressFields(schema: FieldSchema, path: readonly string[]): Array<Omit<AddressField, "type">> {
  const own =
    schema.format !== undefined && (IPV4.has(schema.format) || schema.format === "ipv6") ? [{ path, schema }] : [];
  const items = schema.items === undefined ? [] : addressFields(schema.items, [...path, "0"]);
  const members = Object.entries(schema.properties ?? {}).flatMap(([name, each]) =>
    addressFields(each, [...path, name]),
  );
  return [...own, ...items, ...members];
}

const fields: AddressField[] = [...catalogue.types.values()].flatMap(({ type, fields: schemas }) =>
  Object.entries(schemas).flatMap(([name, schema]) =>
    schema.writable.length === 0
      ? []
      : addressFields(schema, [name]).flatMap((found) => (DEVICES.has(`${type}/${name}`) ? [] : [{ type, ...found }])),
  ),
);

/** A body with a value at the end of a path, whatever else the objects on the way need. */
function bodyOf({ path }: AddressField, value: string): Record<string, unknown> {
  const [name = "", ...rest] = path;
  const inner = rest.reduceRight<unknown>((each, step) => (step === "0" ? [each] : { [step]: each }), value);
  return { [name]: inner };
}

function detailOf(field: AddressField, value: string): string | undefined {
  const pointer = `/${field.path.join("/")}`;
  const operation = typeOf(catalogue, field.type).fields[field.path[0] ?? ""]?.writable.includes("create")
    ? "create"
    : "update";
  const error = refusalOf(() => validateBody(typeOf(catalogue, field.type), bodyOf(field, value), operation));
  return error.fields.find((each) => each.pointer === pointer)?.detail;
}

/** Addresses of special ranges, as the field's format has them. */
function shaped(address: string, { schema, path }: AddressField): string {
  if (schema.format === "cidr") return `${address}/32`;
  return schema.format === "ipv4-interface" || (path.at(-1) === "ip_address" && schema.format !== "ipv4")
    ? `${address}/30`
    : address;
}

describe("an address that no host and no network can have", () => {
  const special = [
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "unspecified"],
    ["127.0.0.1", "loopback"],
    ["224.0.0.1", "multicast"],
    ["239.255.255.255", "multicast"],
    ["240.0.0.1", "reserved or broadcast"],
    ["255.255.255.255", "reserved or broadcast"],
  ] as const;
  const ipv4 = fields.filter(({ schema }) => schema.format !== "ipv6");

  it("is looked for in every address field of every type", () => {
    expect(ipv4.length).toBeGreaterThan(30);
    expect(ipv4.filter(({ schema }) => schema.address === undefined).map(({ type, path }) => [type, ...path])).toEqual(
      [],
    );
  });

  it.each(ipv4)("is refused as $type $path", (field) => {
    for (const [address, says] of special) expect(detailOf(field, shaped(address, field))).toContain(says);
    const linkLocal = field.schema.address?.endsWith("or-link-local") === true;
    const detail = detailOf(field, shaped("169.254.1.1", field));
    if (linkLocal) expect(detail).toBeUndefined();
    else expect(detail).toContain("link-local");
  });
});

describe("a block with such addresses among others", () => {
  it("is no network, and a route may lead to it", () => {
    const of = (type: string, name: string) => fields.find((each) => each.type === type && each.path[0] === name);
    const [cidr, destination] = [of("subnet", "cidr"), of("static_route", "destination")];
    if (cidr === undefined || destination === undefined) throw new Error("there is no such field");
    for (const block of ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "160.0.0.0/3"]) {
      expect(detailOf(cidr, block)).toContain("must be no such address");
      expect(detailOf(destination, block)).toBeUndefined();
    }
  });
});

describe("what a type does not configure yet", () => {
  const ipv6 = fields.filter(({ schema }) => schema.format === "ipv6");

  it("are its IPv6 addresses", () => {
    expect(ipv6.map(({ type, path }) => `${type} ${path.join("/")}`).sort()).toEqual(
      ["gw_interface", "interdc_interface"].flatMap((type) =>
        ["gw_vipv6", "primary_ipv6", "secondary_ipv6"].map((name) => `${type} ${name}`),
      ),
    );
  });

  it.each(ipv6)("is refused as $type $path", ({ type, path }) => {
    const [name = ""] = path;
    const error = refusalOf(() =>
      validateBody({ ...typeOf(catalogue, type), fields: onlyOf(type, name) }, { [name]: "2001:db8::1" }, "create"),
    );
    expect([error.code, error.status, error.fields]).toEqual([
      "SB_UNSUPPORTED",
      422,
      [{ pointer: `/${name}`, detail: "IPv6 is not configured by this type yet" }],
    ]);
  });
});

/** The one field, so that nothing else is missing. */
function onlyOf(type: string, name: string): Record<string, FieldSchema> {
  const schema = typeOf(catalogue, type).fields[name];
  return schema === undefined ? {} : { [name]: schema };
}
