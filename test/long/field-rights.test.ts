import { isDeepStrictEqual } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Authenticator, TokenGatekeeper } from "../../src/actors/access/gatekeeper.ts";
import type { JsonObject } from "../../src/actors/gateway-api.ts";
import type { Json } from "../../src/actors/ports.ts";
import { createHttpServer } from "../../src/adapters/http/create-http-server.ts";
import { listenHttp } from "../../src/adapters/http/listen-http.ts";
import { systemClock } from "../../src/adapters/system/system-clock.ts";
import type { FieldSchema } from "../../src/catalogue/field-schema.ts";
import { SignalboxError } from "../../src/errors.ts";
import { ask, GatewayHarness } from "../contract/nats-api/gateway-harness.ts";
import { silentLogger } from "../servers/silent-logger.ts";
import { FieldWorld, FOREIGN, type Made, MISSING, OWN } from "./support/field-world.ts";

/**
 * Every field of every type that refers to something or names an owner, set by every role to what is its own, another tenant's, nobody's,
 * elsewhere and nowhere, at creation and afterwards, over REST and over NATS. What must come of it is written by hand: it is the promise.
 */
const ROLES = {
  admin: { name: "root", role: "admin", tenant: undefined },
  operator: { name: "ops", role: "operator", tenant: undefined },
  member: { name: "alice", role: "member", tenant: OWN },
  stranger: { name: "mallory", role: "member", tenant: FOREIGN },
  reader: { name: "rita", role: "reader", tenant: OWN },
} as const;
type Role = keyof typeof ROLES;
type Operation = "create" | "update";
/** Whose the thing is that the field is set to; `elsewhere`: the operators', and not what the resource's service has. */
type Target = "own" | "foreign" | "nobodys" | "offered" | "elsewhere" | "missing";

interface Field {
  readonly type: string;
  readonly name: string;
  readonly schema: FieldSchema;
  /** What it refers to; undefined: it names an owner, or what is not declared. */
  readonly target: string | undefined;
}

/** Fields that only operators set, in types that tenants order. */
const OPERATORS_ONLY = new Set(["create ese_logical_port/ese_physical_port_id", "update physical_port/tenant_id"]);
/** They name a resource without being declared: what they name that is not there for the caller does nothing. */
const UNDECLARED = new Set(["port/device_id", "ese_physical_port/connected_port_id"]);
/** Infrastructure that tenants see, because they name it when they order. */
const OFFERED = new Set([
  ...["vpn", "aws", "azure", "gcp", "interdc", "internet"].map((service) => `${service}_service`),
  ...["qos_option", "ha_interface", "common_function_pool", "suspended_public_ip"],
]);

const authenticator: Authenticator = {
  authenticate: async (token) => {
    const found = Object.entries(ROLES).find(([role]) => role === token)?.[1];
    if (found === undefined) throw new SignalboxError("SB_UNAUTHENTICATED", "the token is not known");
    return found;
  },
};

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}
type Send = (role: Role, operation: Operation, type: string, id: string, fields: JsonObject) => Promise<Answer>;

let world: FieldWorld;
const transports: Record<string, Send> = {};
const closers: Array<() => Promise<unknown>> = [];

beforeAll(async () => {
  world = await FieldWorld.start();
  closers.push(() => world.stop());
  const api = world.system.gateway();
  const gatekeeper = new TokenGatekeeper({
    api,
    authenticator,
    clock: systemClock,
    rate: undefined,
    journal: world.system.journal(),
  });
  const app = createHttpServer({ api, gatekeeper, logger: silentLogger });
  const { url } = await listenHttp(app, { host: "127.0.0.1", port: 0 });
  closers.push(() => app.close());
  transports["REST"] = async (role, operation, type, id, fields) => {
    const response = await fetch(`${url}/v2.0/${type}s${operation === "create" ? "" : `/${id}`}`, {
      method: operation === "create" ? "POST" : "PUT",
      headers: { "x-auth-token": role, "content-type": "application/json" },
      body: JSON.stringify({ [type]: fields }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const harness = await GatewayHarness.start();
  closers.push(() => harness.close());
  await harness.serve(api, { gatekeeper, logger: silentLogger });
  const client = await harness.open();
  transports["NATS"] = async (role, operation, type, id, fields) => {
    const body = { ...(operation === "create" ? {} : { id }), [type]: fields };
    const answer = await ask(client, `${type}s.${operation}`, body, { "X-Auth-Token": role });
    return { status: answer.status, body: answer.body as Record<string, unknown> };
  };
}, 120_000);
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function targetOf({ relation, refers_to, items, properties }: Omit<FieldSchema, "writable">): string | undefined {
  const inner = [...(items ? [items] : []), ...Object.values(properties ?? {})];
  return relation ?? refers_to ?? inner.map(targetOf).find((each) => each !== undefined);
}

function fieldsOf(operation: Operation): Field[] {
  return [...world.catalogue.types.values()].flatMap(({ type, fields }) =>
    Object.entries(fields).flatMap(([name, schema]) => {
      const target = targetOf(schema);
      const isOne = target !== undefined || name.endsWith("tenant_id") || UNDECLARED.has(`${type}/${name}`);
      return isOne && schema.writable.includes(operation) ? [{ type, name, schema, target }] : [];
    }),
  );
}

const isInfrastructure = (type: string) => world.catalogue.types.get(type)?.infrastructure === true;
const first = (made: readonly Made[], type: string) => made.find((each) => each.type === type);

/** A valid body of the type that has the field, where there is one. */
function baseOf({ type, name }: Field): Made | undefined {
  const of = world.own.filter((each) => each.type === type);
  return of.find(({ fields }) => fields[name] !== undefined) ?? of[0];
}

/** The value of the field for each kind of target that there is. */
function valuesOf(field: Field, base: Made, shown: JsonObject): Partial<Record<Target, Json>> {
  const { name, target, type } = field;
  const missing = shaped(field, MISSING);
  if (name.endsWith("tenant_id")) return { own: OWN, foreign: FOREIGN };
  const of = target ?? (type === "port" ? "physical_port" : "physical_port");
  if (!isInfrastructure(of)) {
    const ids = { own: first(world.own, of), foreign: first(world.foreign, of), nobodys: first(world.nobodys, of) };
    const given = Object.entries(ids).flatMap(([kind, made]) =>
      made === undefined ? [] : [[kind, shaped(field, made.id)]],
    );
    const own = base.fields[name] ?? (Array.isArray(shown[name]) && shown[name].length === 0 ? undefined : shown[name]);
    return { ...Object.fromEntries(given), ...(own ? { own } : {}), missing };
  }
  const right = base.fields[name] ?? (shown[name] || undefined) ?? first(world.own, of)?.id;
  const isRight = (id: string) => JSON.stringify(right).includes(id);
  const conditions = world.catalogue.types.get(type)?.belonging.get(name)?.conditions ?? [];
  // Another interface, on the other router of the pair.
  const otherSide = name.startsWith("primary") ? "secondary_interface_id" : "primary_interface_id";
  const another = world.own.find((each) => each.type === "ha_interface" && each.id !== base.id);
  if (type === "ha_interface" && conditions.length > 0 && another !== undefined)
    return { offered: right as Json, elsewhere: another.fields[otherSide] as Json, missing };
  const elsewhere =
    conditions.length === 0 ? undefined : world.own.find((each) => each.type === of && !isRight(each.id));
  return {
    ...(right === undefined ? {} : { offered: right as Json }),
    ...(elsewhere === undefined ? {} : { elsewhere: shaped(field, elsewhere.id) }),
    missing,
  };
}

function shaped({ schema, name }: Field, id: string): Json {
  if (name === "fixed_ips") return [{ subnet_id: id, ip_address: "172.16.101.77" }];
  return schema.type === "array" ? [id] : id;
}

/** What must come of it. */
function promised(role: Role, operation: Operation, { type, name, target: refers }: Field, target: Target): string {
  const field = `${type}/${name}`;
  const isOwner = name.endsWith("tenant_id");
  const isOperators = OPERATORS_ONLY.has(`${operation} ${field}`);
  const isAdmin = role === "admin";
  if (role === "reader" || role === "member" || role === "stranger") {
    if (isInfrastructure(type)) return operation === "create" || OFFERED.has(type) ? "403" : "404";
    if (role === "stranger" && operation === "update") return "404";
    // Without a switch port, which operators name, there is none.
    if (role === "reader" || (type === "ese_logical_port" && operation === "create")) return "403";
    const mine = role === "member" ? "own" : "foreign";
    if (isOwner && target !== mine) return "403";
    if (isOperators && !isOwner) return "403";
    if (isOwner) return "yes";
    if (UNDECLARED.has(field)) return "yes";
    // Held back for the tenant that had it: no other sees it.
    if (refers === "suspended_public_ip" && role === "stranger") return "no such";
    if (refers !== undefined && !isInfrastructure(refers)) return target === mine ? "yes" : "no such";
  } else if (!isInfrastructure(type)) {
    // Operators change nothing that a tenant has ordered, but for what is theirs to set.
    if (!isAdmin && !(isOperators && operation === "update")) return "403";
    // For another tenant it is not built on what this one has.
    if (isOwner && operation === "create" && target === "foreign" && buildsOnTenants(type)) return "no such";
    // Nothing that is theirs to set is changed.
    if (isOwner && !isAdmin && target === "own") return "403";
    if (UNDECLARED.has(field) && operation === "create" && target === "foreign") return "no such";
    if (isOwner || UNDECLARED.has(field)) return "yes";
    if (name === "fixed_ips" && target === "nobodys") return "must be";
    if (refers !== undefined && !isInfrastructure(refers))
      return target === "own" || target === "nobodys" ? "yes" : "no such";
  } else if (isOwner || UNDECLARED.has(field)) return "yes";
  return { missing: "no such", elsewhere: "must be" }[target as string] ?? "yes";
}

function buildsOnTenants(type: string): boolean {
  const required = Object.values(world.catalogue.types.get(type)?.fields ?? {});
  const named = required.flatMap((schema) => (schema.writable.includes("create") ? (targetOf(schema) ?? []) : []));
  return named.some((target) => !isInfrastructure(target));
}

/** What came of it. That something else has the value, or the place, comes after all rights. */
function seen({ status, body }: Answer, name: string): string {
  const code = String(body["code"]);
  if (status < 300 || (status === 409 && code !== "SB_REFERENCED")) return "yes";
  if (status === 403 || status === 404) return String(status);
  if (String(body["detail"]).includes("overlaps public_ip_pool")) return "yes";
  if (code === "SB_RELATION_NOT_FOUND") return "no such";
  const errors = (body["errors"] ?? body["fields"] ?? []) as Array<{ pointer: string; detail: string }>;
  const own = errors.find(({ pointer }) => pointer.split("/").includes(name));
  return own?.detail.startsWith("must be ") ? "must be" : `${status} ${code} ${String(body["detail"])}`;
}

it("every role sets what it may, and is told the same of what is another's as of what is not there", async () => {
  const unexpected: string[] = [];
  let cells = 0;
  for (const operation of ["create", "update"] as const) {
    for (const field of fieldsOf(operation)) {
      const base = await subject(operation, field);
      const shown = (await world.system.gateway().get(field.type, base.id)) as JsonObject;
      for (const [transport, send] of Object.entries(transports)) {
        for (const role of Object.keys(ROLES) as Role[]) {
          const refusals: unknown[] = [];
          for (const [target, value] of Object.entries(valuesOf(field, base, shown)) as Array<[Target, Json]>) {
            const given = bodyFor(role, operation, field, base, value);
            const answer = await send(role, operation, field.type, base.id, given);
            const [wanted, got] = [promised(role, operation, field, target), seen(answer, field.name)];
            cells += 1;
            const cell = `${transport} ${role} ${operation} ${field.type}.${field.name} ${target}`;
            if (wanted !== got) unexpected.push(`${cell}: ${wanted} promised, ${got}`);
            if (got === "no such") refusals.push(withoutIds(answer, value));
            if (got === "yes" && field.name === "tenant_id" && operation === "update")
              await world.system.gateway().update(field.type, base.id, { tenant_id: OWN });
          }
          if (!refusals.every((each) => isDeepStrictEqual(each, refusals[0])))
            unexpected.push(
              `${transport} ${role} ${operation} ${field.type}.${field.name}: told apart ${JSON.stringify(refusals)}`,
            );
        }
      }
    }
  }
  process.stdout.write(`field rights: ${cells} cells, ${unexpected.length} unexpected\n`);
  expect(unexpected).toEqual([]);
  expect(cells).toBeGreaterThan(2000);
}, 600_000);

/** What is changed, or made another time. */
async function subject(operation: Operation, field: Field): Promise<Made> {
  const base = baseOf(field);
  if (base !== undefined && !(operation === "update" && /^(physical_)?port$/.test(field.type))) return base;
  const gateway = world.system.gateway();
  if (field.type === "physical_port") {
    const fields = { name: "free", service_owner: "server", service_id: "s", tenant_id: OWN };
    return { type: field.type, id: String((await gateway.create(field.type, fields))["id"]), fields };
  }
  if (field.type === "port") {
    const fields = { tenant_id: OWN, network_id: String(first(world.own, "network")?.id) };
    return { type: field.type, id: String((await gateway.create(field.type, fields))["id"]), fields };
  }
  if (field.type !== "ese_logical_port") throw new Error(`the demos have no ${field.type}`);
  // The demos' are made by the system.
  const { resources } = await gateway.list("ese_logical_port", {
    filters: { connected_resource: ["gw_interface"], tenant_id: [OWN] },
  });
  const [made] = resources;
  const fields: JsonObject = {
    tenant_id: OWN,
    network_id: made?.["network_id"],
    ese_physical_port_id: made?.["ese_physical_port_id"],
    connected_resource: "port",
    type: "L2",
    vlan_id: 77,
    ...(field.name === "port_ids" ? { port_ids: made?.["port_ids"] } : {}),
  };
  return { type: field.type, id: String(made?.["id"]), fields };
}

/** A stranger orders for its own tenant, with what it has there. */
function bodyFor(role: Role, operation: Operation, field: Field, base: Made, value: Json): JsonObject {
  if (operation === "update") return { [field.name]: value };
  if (role !== "stranger" || isInfrastructure(field.type)) return { ...base.fields, [field.name]: value };
  const at = world.own.filter((each) => each.type === field.type).indexOf(base);
  const theirs = world.foreign.filter((each) => each.type === field.type)[at]?.fields ?? {
    ...base.fields,
    tenant_id: FOREIGN,
  };
  return { ...theirs, [field.name]: value };
}

/** Refusals of what is there and of what is not, to be compared. */
function withoutIds({ status, body }: Answer, value: Json): unknown {
  const ids = JSON.stringify(value).match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ?? [];
  const { request_id: _, instance: __, ...rest } = body;
  return JSON.parse(ids.reduce((text, id) => text.replaceAll(id, "ID"), JSON.stringify({ status, rest })));
}
