import type { AccessRole, Caller } from "../../../../src/actors/access/caller.ts";

export const ACME = "0ac3e000000000000000000000000001";
export const OTHER = "07e40000000000000000000000000002";

export function caller(name: string, role: AccessRole, tenant?: string): Caller {
  return { name, role, tenant, from: `of ${name}`, via: "http", requestId: `request of ${name}` };
}
