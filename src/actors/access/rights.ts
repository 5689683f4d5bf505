import { namesOwner, targetsOf } from "../../catalogue/check-rights.ts";
import type { FieldSchema, SettingRole, TypeSchema } from "../../catalogue/field-schema.ts";
import { type AccessRole, type Caller, isOperator, tenantKey } from "./caller.ts";

/**
 * What types are to tenants: `infrastructure` is the operators' and not to be seen, `offered` is infrastructure that a tenant's own resources
 * name (services, pools, options) and so is to be seen, `tenant` belongs to a tenant.
 */
export type TypeClass = "infrastructure" | "offered" | "tenant";

/** What a resource is to a caller. `none`: it belongs to no tenant. */
export type Belonging = "own" | "shared" | "foreign" | "none";

export type Right = "allowed" | "forbidden" | "hidden";

/** The class of each type: offered is what a field that a tenant's callers may set refers to. */
export function typeClasses(types: readonly TypeSchema[]): ReadonlyMap<string, TypeClass> {
  const named = new Set(
    types
      .filter(({ infrastructure }) => !infrastructure)
      .flatMap(({ fields }) => Object.values(fields))
      .flatMap((field) => (isTenants(field) ? targetsOf(field) : [])),
  );
  return new Map(
    types.map(({ type, infrastructure }) => [
      type,
      infrastructure ? (named.has(type) ? "offered" : "infrastructure") : "tenant",
    ]),
  );
}

/** A tenant's callers may set it, at one time or another. */
function isTenants({ writable, setBy }: FieldSchema): boolean {
  return writable.some((operation) => (setBy?.[operation] ?? "member") === "member");
}

export function belongingOf({ tenant }: Caller, body: Readonly<Record<string, unknown>>): Belonging {
  const owner = tenantKey(body["tenant_id"]);
  if (owner !== undefined && owner === tenant) return "own";
  if (body["shared"] === true) return "shared";
  return owner === undefined ? "none" : "foreign";
}

/** Whether a caller sees a resource. What it does not see does not exist for it. */
export function mayRead(caller: Caller, type: TypeClass, belonging: Belonging): boolean {
  if (isOperator(caller)) return true;
  if (type === "infrastructure") return false;
  return type === "offered" || belonging === "own" || belonging === "shared";
}

/**
 * Whether a caller may create, change or delete a resource. Operators run the infrastructure and what is their own; what tenants have ordered
 * only the tenant and the admin change. Nobody who cannot see a resource is told that it is there.
 */
export function mayWrite(caller: Caller, type: TypeClass, belonging: Belonging): Right {
  if (!mayRead(caller, type, belonging)) return "hidden";
  switch (caller.role) {
    case "admin":
      return "allowed";
    case "operator":
      return type !== "tenant" || belonging === "own" || belonging === "none" ? "allowed" : "forbidden";
    case "member":
      return type === "tenant" && belonging === "own" ? "allowed" : "forbidden";
    case "reader":
      return "forbidden";
    default:
      return caller.role satisfies never;
  }
}

/** Whether a caller may try again what has failed: who may change it, and operators, who repair what was in the way. */
export function mayRetry(caller: Caller, type: TypeClass, belonging: Belonging): Right {
  return caller.role === "operator" ? "allowed" : mayWrite(caller, type, belonging);
}

/** Whether there can be a resource of a type that a caller may do that to. */
export function mayEver(caller: Caller, type: TypeClass, rule: typeof mayWrite): boolean {
  const belongings: readonly Belonging[] = ["own", "shared", "foreign", "none"];
  return belongings.some((belonging) => rule(caller, type, belonging) === "allowed");
}

/** The least role, beside that of a caller, that has a right. */
const RANKS: Readonly<Record<AccessRole | SettingRole, number>> = { reader: 0, member: 1, operator: 2, admin: 3 };

/** Whether a caller may set a field, of a resource that it may write. */
export function maySet(
  { role }: Pick<Caller, "role">,
  { setBy }: FieldSchema,
  operation: "create" | "update",
): boolean {
  return RANKS[role] >= RANKS[setBy?.[operation] ?? "member"];
}

/** A field that operators set in what tenants have ordered: the one thing of it that they change. */
export function isOperators({ setBy }: FieldSchema): boolean {
  return setBy?.update === "operator";
}

/** The fields of a type, beside `tenant_id`, that name whose a resource was: another tenant does not see it then. */
export function ownerFields({ fields }: TypeSchema): string[] {
  return Object.entries(fields).flatMap(([name, field]) =>
    name !== "tenant_id" && namesOwner(name, field) ? [name] : [],
  );
}
