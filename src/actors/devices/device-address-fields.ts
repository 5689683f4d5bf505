import { invalidBody } from "../../catalogue/mistakes.ts";
import type { Body } from "../../catalogue/resource-view.ts";
import type { TypeDefinition } from "../../catalogue/type-definition.ts";

/** Why a device may not be contacted at an address, as in "is a loopback address"; undefined when it may. */
export type AddressRefusal = (address: string) => string | undefined;

/**
 * Refuses what a client gives as the address of a device where no device may be: the program would log in there.
 * @throws SB_INVALID_BODY naming the field
 */
export function requireDeviceAddresses(type: TypeDefinition, fields: Body, refusal: AddressRefusal): void {
  const problems = Object.entries(type.fields).flatMap(([name, { device_address: isAddress }]) => {
    const value = fields[name];
    const refused = isAddress === true && typeof value === "string" && value !== "" ? refusal(value) : undefined;
    return refused === undefined
      ? []
      : [{ pointer: `/${name}`, detail: `must be the address of a device: ${String(value)} ${refused}` }];
  });
  if (problems.length > 0) throw invalidBody(type.type, problems);
}
