export const ACCESS_ROLES = ["admin", "operator", "member", "reader"] as const;
export type AccessRole = (typeof ACCESS_ROLES)[number];

/** Who asks, as the transport has found out. */
export interface Caller {
  /** As it stands in logs and in the history of what was changed: the token's name, or a JWT's subject. Never the token itself. */
  readonly name: string;
  readonly role: AccessRole;
  /** Its tenant's id without hyphens; undefined for who belongs to none, as operators may. */
  readonly tenant: string | undefined;
  /** Where the request came from: an address, or how the transport names it. */
  readonly from: string;
  readonly via: "http" | "nats";
  readonly requestId: string;
}

/** Who sees everything. */
export function isOperator({ role }: Pick<Caller, "role">): boolean {
  return role === "admin" || role === "operator";
}

/** A tenant's id in the one form in which ids are compared: Gohan writes them without hyphens, Keystone's clients with. */
export function tenantKey(id: unknown): string | undefined {
  return typeof id === "string" && id !== "" ? id.replaceAll("-", "").toLowerCase() : undefined;
}
