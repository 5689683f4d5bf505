import { expect, it } from "vitest";
import { typeClasses } from "../../../../src/actors/access/rights.ts";
import { loadTemplates } from "../../../../src/adapters/templates/load-templates.ts";

it("of the product's types tenants see the infrastructure that they name: services, pools, options, and no device", () => {
  const classes = typeClasses([...loadTemplates(undefined).catalogue.types.values()]);
  const of = (...types: string[]) => types.map((type) => `${type}: ${classes.get(type)}`);
  expect(
    of("vpn_service", "common_function_pool", "qos_option", "edge_router", "ha_router", "ese_device", "port"),
  ).toEqual([
    "vpn_service: offered",
    "common_function_pool: offered",
    "qos_option: offered",
    "edge_router: infrastructure",
    "ha_router: infrastructure",
    "ese_device: infrastructure",
    "port: tenant",
  ]);
});
