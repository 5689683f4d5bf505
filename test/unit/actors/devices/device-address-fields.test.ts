import { describe, expect, it } from "vitest";
import { requireDeviceAddresses } from "../../../../src/actors/devices/device-address-fields.ts";
import { loadTemplates } from "../../../../src/adapters/templates/load-templates.ts";
import { DeviceNetworks } from "../../../../src/catalogue/device-networks.ts";

const { catalogue } = loadTemplates();
const types = [...catalogue.types.values()];
const networks = new DeviceNetworks();
const marked = types.flatMap((type) =>
  Object.entries(type.fields).flatMap(([name, field]) =>
    field.device_address === true ? [`${type.type}.${name}`] : [],
  ),
);

/** The last field of each path that a parameter takes the address of a device from. */
function usedAsAddress(): Set<string> {
  const found = new Set<string>();
  const visit = (value: unknown, name: string): void => {
    if (typeof value === "string" && /(^|_)(device_ip|server_ip)$/.test(name) && !value.startsWith("$")) {
      found.add(/\.([a-z_]+)$/.exec(value)?.[1] ?? value);
    } else if (typeof value === "object" && value !== null) {
      for (const [inner, each] of Object.entries(value)) visit(each, inner);
    }
  };
  for (const type of types) visit(JSON.parse(JSON.stringify(type)), "");
  return found;
}

describe("fields that devices are contacted at", () => {
  it("are marked so that their values are checked", () => {
    expect(marked.sort()).toEqual(["edge_router.ip", "ese_device.management_ip_address"]);
    const names = new Set(marked.map((field) => field.split(".")[1]));
    for (const field of usedAsAddress()) expect([...names]).toContain(field);
  });

  const cases = marked.flatMap((field) =>
    ["127.0.0.1", "169.254.169.254", "0.0.0.0", "224.0.0.1", "255.255.255.255"].map((value) => [field, value] as const),
  );
  it.each(cases)("%s: %s is refused, naming the field", (field, value) => {
    const [typeName = "", name = ""] = field.split(".");
    const type = catalogue.types.get(typeName);
    if (type === undefined) expect.fail(typeName);
    const check = (given: unknown) =>
      requireDeviceAddresses(type, { [name]: given }, (address) => networks.refusal(address));
    expect(() => check(value)).toThrow(
      expect.objectContaining({ code: "SB_INVALID_BODY", fields: [expect.objectContaining({ pointer: `/${name}` })] }),
    );
    for (const fine of ["10.0.0.1", "", null, undefined]) expect(() => check(fine)).not.toThrow();
  });
});
