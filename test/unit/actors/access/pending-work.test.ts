import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../../../src/actors/access/caller.ts";
import { TokenGatekeeper } from "../../../../src/actors/access/gatekeeper.ts";
import type { GatewayApi } from "../../../../src/actors/gateway-api.ts";
import { systemClock } from "../../../../src/adapters/system/system-clock.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { ListedJournal } from "../audit/listed-journal.ts";
import { MemorySystem, outcomes } from "../memory-system.ts";

const types = {
  order: `type: order
collection: orders
title: Something with an object on the controller
fields:
  id: { type: string }
  name: { type: string, unique: true, writable: [create, update] }
  tenant_id: { type: string, writable: [create], set_by: member, belongs_to: caller }
  status: { type: string, default: NO_STATE }
stack: =order
handlers:
  order:
    handler: heat_worker
    params: { id: .id, name: .name }
    objects:
      - { as: object, action: ensure, kind: order, uuid: $id, fq_name: [$id], data: { name: $name } }
`,
};
const T1 = "1".repeat(32);
const T2 = "2".repeat(32);
const MOST = 6;

let system: MemorySystem;
beforeEach(async () => {
  system = await MemorySystem.start(1, undefined, { types, quotas: { pending: MOST } });
});
afterEach(() => system.stop());

/** The gateway as a caller has it. */
async function as(identity: Pick<Caller, "name" | "role" | "tenant">): Promise<GatewayApi> {
  const authenticator = { authenticate: async () => identity };
  const gatekeeper = new TokenGatekeeper({
    api: system.gateway(),
    authenticator,
    clock: systemClock,
    rate: undefined,
    journal: new ListedJournal(),
  });
  return (await gatekeeper.admit("token", { from: "test", via: "http", requestId: "r" })).api;
}
const member = (tenant: string) => as({ name: `member of ${tenant.charAt(0)}`, role: "member", tenant });

describe("what a tenant has ordered that is not done", () => {
  it("is bounded, however many orders come at once; others are not held up, and operators have no bound", async () => {
    const letGo = system.controller.hold();
    const [one, two] = [await member(T1), await member(T2)];
    const { taken, refused } = await outcomes(
      Array.from({ length: 20 }, (_, at) => one.create("order", { name: `one-${at}` })),
    );
    expect([taken, new Set(refused)]).toEqual([MOST, new Set(["SB_TOO_MUCH_PENDING"])]);
    await expect(two.create("order", { name: "two" })).resolves.toMatchObject({ tenant_id: T2 });
    const operator = await as({ name: "ops", role: "admin", tenant: undefined });
    await operator.create("order", { name: "for-one", tenant_id: T1 });
    letGo();
  });

  it("is free again when it is done: the refusal says how much there is, and when to try again", async () => {
    const letGo = system.controller.hold();
    const one = await member(T1);
    const made = await Promise.all(Array.from({ length: MOST }, (_, at) => one.create("order", { name: `one-${at}` })));
    const [first = { id: "" }] = made;
    const error = await one.update("order", String(first.id), { name: "other" }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SignalboxError);
    expect(error).toMatchObject({
      status: 429,
      transient: true,
      retryAfterS: 5,
      message: `tenant ${T1} has ${MOST} orders that are not done, and may have ${MOST}`,
    });
    // Who may order nothing more may still take away.
    await one.remove("order", String(first.id));
    letGo();
    for (const { id } of made.slice(1)) await system.until(String(id), ({ status }) => status === "ACTIVE");
    await system.until(String(first.id), ({ deleted }) => deleted);
    await expect(one.create("order", { name: "again" })).resolves.toMatchObject({ name: "again" });
  });

  it("of one tenant, however much it is, does not keep another's from the controller", async () => {
    const letGo = system.controller.hold();
    const operator = await as({ name: "ops", role: "admin", tenant: undefined });
    await Promise.all(
      Array.from({ length: 60 }, (_, at) => operator.create("order", { name: `one-${at}`, tenant_id: T1 })),
    );
    const two = await member(T2);
    // All calls are held: what begins now has a place of its own.
    const { id } = await two.create("order", { name: "two" });
    await system.until(String(id), ({ jobs }) => jobs.some(({ phase }) => phase === "working"));
    letGo();
    await system.until(String(id), ({ status }) => status === "ACTIVE");
  });
});
