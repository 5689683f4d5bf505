import type { NatsConnection } from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ACCESS_ROLES, type AccessRole } from "../../../src/actors/access/caller.ts";
import { type Authenticator, TokenGatekeeper } from "../../../src/actors/access/gatekeeper.ts";
import type { GatewayApi } from "../../../src/actors/gateway-api.ts";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { listenHttp } from "../../../src/adapters/http/listen-http.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { MemorySystem } from "../../unit/actors/memory-system.ts";
import { ask, GatewayHarness } from "../nats-api/gateway-harness.ts";

const OWN = "1".repeat(32);
const FOREIGN = "2".repeat(32);

const fieldsSetBy = (role: string) => `  id: { type: string }
  name: { type: string, default: "", writable: [create, update] }
  tenant_id: { type: string, writable: [create], set_by: ${role}, belongs_to: caller }
  shared: { type: boolean, default: false, writable: [create] }
`;
/** One type of each class: racks are the operators', plans are theirs and named by orders, orders are the tenants'. */
const types = {
  rack: `type: rack\ncollection: racks\ntitle: A rack\ninfrastructure: true\nfields:\n${fieldsSetBy("operator")}`,
  plan: `type: plan\ncollection: plans\ntitle: A plan\ninfrastructure: true\nfields:\n${fieldsSetBy("operator")}`,
  order: `type: order\ncollection: orders\ntitle: An order\nfields:\n${fieldsSetBy("member")}  plan_id: { type: string, relation: plan, writable: [create], set_by: member, belongs_to: operators }\n  after_id: { type: string, relation: order, writable: [create], set_by: member, belongs_to: tenant }\n  code: { type: string, unique: true, writable: [create] }\n`,
};

const verbs = ["get", "list", "create", "update", "retry", "delete"] as const;
type Verb = (typeof verbs)[number];
type Outcome = "yes" | "403" | "404" | "-";

/**
 * What each role may, in the order get, list, create, update, retry, delete. A list says yes when the resource is on it. Written by hand:
 * it is the promise, not what the program computes.
 */
const promised: Record<string, Record<AccessRole, string>> = {
  "order of the own tenant": {
    admin: "yes yes yes yes yes yes",
    operator: "yes yes yes yes yes yes",
    member: "yes yes yes yes yes yes",
    reader: "yes yes 403 403 403 403",
  },
  "order of another tenant": {
    admin: "yes yes yes yes yes yes",
    operator: "yes yes 403 403 yes 403",
    member: "404 404 403 404 404 404",
    reader: "404 404 403 404 404 404",
  },
  "order of another tenant that is shared": {
    admin: "yes yes - yes yes yes",
    operator: "yes yes - 403 yes 403",
    member: "yes yes - 403 403 403",
    reader: "yes yes - 403 403 403",
  },
  "plan of nobody": {
    admin: "yes yes yes yes yes yes",
    operator: "yes yes yes yes yes yes",
    member: "yes yes 403 403 403 403",
    reader: "yes yes 403 403 403 403",
  },
  "plan of another tenant": {
    admin: "yes yes yes yes yes yes",
    operator: "yes yes yes yes yes yes",
    member: "yes yes 403 403 403 403",
    reader: "yes yes 403 403 403 403",
  },
  "rack of nobody": {
    admin: "yes yes yes yes yes yes",
    operator: "yes yes yes yes yes yes",
    member: "404 404 403 404 404 404",
    reader: "404 404 403 404 404 404",
  },
  "rack of the own tenant": {
    admin: "yes yes yes yes yes yes",
    operator: "yes yes yes yes yes yes",
    member: "404 404 403 404 404 404",
    reader: "404 404 403 404 404 404",
  },
};

/** A token is the role's name; everybody is of one tenant. */
const authenticator: Authenticator = {
  authenticate: async (token) => {
    const role = ACCESS_ROLES.find((each) => each === token);
    if (role === undefined) throw new SignalboxError("SB_UNAUTHENTICATED", "the token is not known");
    return { name: `a ${role}`, role, tenant: OWN };
  },
};

/** What came of a request: its status and its body. */
type Send = (
  role: string | undefined,
  verb: Verb,
  type: string,
  id: string,
  given: object,
) => Promise<{ status: number; body: Record<string, unknown> }>;

describe.each(["REST", "NATS"])("over %s", (transport) => {
  let system: MemorySystem;
  let send: Send;
  /** As a member has it. */
  let api: GatewayApi;
  /** All transitions from the first on, as a role is told them. */
  let replay: (role: string) => Promise<unknown>;
  const closers: Array<() => Promise<unknown>> = [];

  beforeAll(async () => {
    system = await MemorySystem.start(1, undefined, { types });
    closers.push(() => system.stop());
    const whole = system.gateway();
    const gatekeeper = new TokenGatekeeper({
      api: whole,
      authenticator,
      clock: systemClock,
      rate: undefined,
      journal: system.journal(),
    });
    ({ api } = await gatekeeper.admit("member", { from: "test", via: "http", requestId: "r" }));
    if (transport === "REST") {
      const app = createHttpServer({ api: whole, gatekeeper, logger: silentLogger });
      const { url } = await listenHttp(app, { host: "127.0.0.1", port: 0 });
      closers.push(() => app.close());
      send = (role, verb, type, id, given) => overHttp(url, role, verb, type, id, given);
      replay = async (role) =>
        (await fetch(`${url}/signalbox/v1/transitions`, { headers: { "x-auth-token": role } })).text();
      return;
    }
    const harness = await GatewayHarness.start();
    closers.push(() => harness.close());
    await harness.serve(whole, { gatekeeper, logger: silentLogger });
    const client = await harness.open();
    replay = async (role) => pages(client, role);
    send = async (role, verb, type, id, given) => {
      const body = { create: { [type]: given }, update: { id, [type]: given }, list: undefined }[verb as string] ?? {
        id,
      };
      return ask(
        client,
        `${type}s.${verb}`,
        verb === "list" ? undefined : body,
        role === undefined ? {} : { "X-Auth-Token": role },
      );
    };
  });
  afterAll(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** The fields that make a resource what the row of the table says. */
  const fieldsOf = (row: string) => ({
    ...(row.includes("own tenant") ? { tenant_id: OWN } : {}),
    ...(row.includes("another tenant") ? { tenant_id: FOREIGN } : {}),
    ...(row.includes("shared") ? { shared: true } : {}),
  });

  async function outcome(role: AccessRole, verb: Verb, row: string): Promise<Outcome> {
    const type = row.split(" ")[0] ?? "";
    const made = await system.gateway().create(type, fieldsOf(row));
    const id = String(made["id"]);
    const { status, body } = await send(role, verb, type, id, verb === "create" ? fieldsOf(row) : { name: "new" });
    if (verb === "list") {
      expect(status).toBe(200);
      return (body[`${type}s`] as Array<{ id: string }>).some((each) => each.id === id) ? "yes" : "404";
    }
    // Whoever may not is told as if there were none: the same answer as for an id that there is not.
    if (status === 404) expect(body).toMatchObject({ code: "SB_NOT_FOUND", detail: `there is no ${type} ${id}` });
    if (status === 403)
      expect(body).toMatchObject({
        code: "SB_FORBIDDEN",
        detail: expect.stringContaining(`a ${role} (${role}) may not`),
      });
    // A refusal changes nothing.
    if (status === 403 || status === 404) expect(await system.gateway().get(type, id)).toEqual(made);
    // What is allowed but has not failed is not to be tried again.
    const may = status < 300 || (verb === "retry" && body["code"] === "SB_NOT_RETRYABLE");
    return may ? "yes" : (String(status) as Outcome);
  }

  const cells = Object.keys(promised).flatMap((row) => ACCESS_ROLES.map((role) => ({ row, role })));
  it.each(cells)("$role: $row", async ({ row, role }) => {
    const wanted = (promised[row]?.[role] ?? "").split(" ");
    const seen: string[] = [];
    for (const [at, verb] of verbs.entries()) seen.push(wanted[at] === "-" ? "-" : await outcome(role, verb, row));
    expect(Object.fromEntries(verbs.map((verb, at) => [verb, seen[at]]))).toEqual(
      Object.fromEntries(verbs.map((verb, at) => [verb, wanted[at]])),
    );
  });

  it("nobody without a token that is known gets anything", async () => {
    const made = await system.gateway().create("order", { tenant_id: OWN });
    for (const token of [undefined, "somebody"]) {
      for (const verb of verbs) {
        const { status, body } = await send(token, verb, "order", String(made["id"]), {});
        expect([verb, status, body["code"]]).toEqual([verb, 401, "SB_UNAUTHENTICATED"]);
      }
    }
  });

  it("what a member creates is its tenant's when it does not say whose", async () => {
    const { status, body } = await send("member", "create", "order", "", {});
    expect([status < 300, (body["order"] as { tenant_id: string }).tenant_id]).toEqual([true, OWN]);
  });

  it("a member cannot build on what another tenant has, and is not told that it is there", async () => {
    const theirs = String((await system.gateway().create("order", { tenant_id: FOREIGN }))["id"]);
    const there = await send("member", "create", "order", "", { after_id: theirs });
    const nowhere = await send("member", "create", "order", "", { after_id: theirs.replace(/^./, "x") });
    expect(there.body["code"]).toBe("SB_RELATION_NOT_FOUND");
    expect(nowhere.body["code"]).toBe("SB_RELATION_NOT_FOUND");
    expect(String(there.body["detail"])).toBe(
      String(nowhere.body["detail"]).replace(theirs.replace(/^./, "x"), theirs),
    );
  });

  it("a value that another tenant has is taken, by nobody that is named", async () => {
    const taken = { code: `taken over ${transport}` };
    const theirs = await system.gateway().create("order", { ...taken, tenant_id: FOREIGN });
    const { body } = await send("member", "create", "order", "", taken);
    expect(body["code"]).toBe("SB_UNIQUE_TAKEN");
    expect(JSON.stringify(body)).not.toContain(String(theirs["id"]));
    const { body: shown } = await send("operator", "create", "order", "", taken);
    expect(JSON.stringify(shown)).toContain(String(theirs["id"]));
    const tried = api.dryRun("order", { action: "create", fields: taken });
    await expect(tried).rejects.toMatchObject({
      code: "SB_UNIQUE_TAKEN",
      message: expect.not.stringContaining(String(theirs["id"])),
    });
  });

  it("what another tenant uses cannot be deleted, and by whom it is used is not told", async () => {
    const own = String((await system.gateway().create("order", { tenant_id: OWN, shared: true }))["id"]);
    const theirs = await system.gateway().create("order", { tenant_id: FOREIGN, after_id: own });
    const { body } = await send("member", "delete", "order", own, {});
    expect(body).toMatchObject({ code: "SB_REFERENCED", detail: `order ${own} is used by another resource` });
    const { body: shown } = await send("admin", "delete", "order", own, {});
    expect(shown).toMatchObject({
      code: "SB_REFERENCED",
      detail: `order ${own} is used by order ${String(theirs["id"])}`,
    });
  });

  it("a tenant's transitions are those of what it sees", async () => {
    const make = async (type: string, given: object) =>
      String((await system.gateway().create(type, given as never))["id"]);
    const ids = {
      own: await make("order", { tenant_id: OWN }),
      foreign: await make("order", { tenant_id: FOREIGN }),
      offered: await make("plan", {}),
      hidden: await make("rack", { tenant_id: OWN }),
    };
    const seenBy = async (role: AccessRole) => {
      const told = JSON.stringify(await replay(role));
      return Object.entries(ids).flatMap(([name, id]) => (told.includes(id) ? [name] : []));
    };
    expect(await seenBy("reader")).toEqual(["own", "offered"]);
    expect(await seenBy("member")).toEqual(["own", "offered"]);
    expect(await seenBy("operator")).toEqual(["own", "foreign", "offered", "hidden"]);
  });
});

async function overHttp(url: string, role: string | undefined, verb: Verb, type: string, id: string, given: object) {
  const methods = { get: "GET", list: "GET", create: "POST", update: "PUT", retry: "POST", delete: "DELETE" } as const;
  const isOfOne = verb !== "list" && verb !== "create";
  const path = `/v2.0/${type}s${isOfOne ? `/${id}` : ""}${verb === "retry" ? "/retry" : ""}`;
  const hasBody = verb === "create" || verb === "update";
  const response = await fetch(`${url}${path}`, {
    method: methods[verb],
    headers: {
      ...(role === undefined ? {} : { "x-auth-token": role }),
      ...(hasBody ? { "content-type": "application/json" } : {}),
    },
    ...(hasBody ? { body: JSON.stringify({ [type]: given }) } : {}),
  });
  const text = await response.text();
  return { status: response.status, body: (text === "" ? {} : JSON.parse(text)) as Record<string, unknown> };
}

async function pages(client: NatsConnection, role: string): Promise<unknown[]> {
  const all: unknown[] = [];
  for (let from = 1; ; ) {
    const { body } = await ask(client, "events.replay", { from, limit: 1000 }, { "X-Auth-Token": role });
    all.push(body["transitions"]);
    if (body["more"] !== true) return all;
    from = Number(body["next"]);
  }
}
