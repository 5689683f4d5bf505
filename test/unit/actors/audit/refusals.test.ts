import { afterEach, beforeEach, expect, it } from "vitest";
import { type Authenticator, TokenGatekeeper } from "../../../../src/actors/access/gatekeeper.ts";
import { verifyAudit } from "../../../../src/actors/audit/verify-audit.ts";
import { systemClock } from "../../../../src/adapters/system/system-clock.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { MemorySystem } from "../memory-system.ts";
import { ACME, OTHER } from "./callers.ts";

const people = {
  ann: { name: "ann", role: "member", tenant: ACME },
  bob: { name: "bob", role: "member", tenant: OTHER },
  rita: { name: "rita", role: "reader", tenant: ACME },
  oscar: { name: "oscar", role: "operator", tenant: undefined },
} as const;
const authenticator: Authenticator = {
  authenticate: async (token) => {
    const found = Object.values(people).find(({ name }) => name === token);
    if (found === undefined) throw new SignalboxError("SB_UNAUTHENTICATED", "no such token");
    return found;
  },
};

let system: MemorySystem;
let gatekeeper: TokenGatekeeper;
beforeEach(async () => {
  system = await MemorySystem.start();
  const journal = system.journal();
  gatekeeper = new TokenGatekeeper({
    api: system.gateway(),
    authenticator,
    clock: systemClock,
    rate: undefined,
    journal,
  });
});
afterEach(() => system.stop());

const as = async (name: string) =>
  (await gatekeeper.admit(name, { from: "192.0.2.7", via: "http", requestId: `by ${name}` })).api;
const refusal = (code: string) => expect.objectContaining({ code });
/** Told once the projector has them; the journal gathers for a second. */
async function told(name: string, count: number) {
  for (;;) {
    const { entries } = await (await as(name)).audit({ outcome: "refused" });
    if (entries.length >= count)
      return entries.map((each) => `${each.by?.name} ${each.action} ${each.type} ${each.error}`);
    await systemClock.sleep(50);
  }
}

it("refusals are kept with caller and address; a tenant is told of its own callers' only", async () => {
  const { id } = await (await as("ann")).create("vault", { name: "a" });
  const other = String(id);
  await expect((await as("bob")).remove("vault", other)).rejects.toEqual(refusal("SB_NOT_FOUND"));
  await expect((await as("rita")).create("vault", { name: "r" })).rejects.toEqual(refusal("SB_FORBIDDEN"));
  await expect((await as("ann")).create("vault", { name: "a" })).rejects.toEqual(refusal("SB_UNIQUE_TAKEN"));
  await expect((await as("ann")).documents("/config/")).rejects.toEqual(refusal("SB_FORBIDDEN"));
  await expect((await as("ann")).sealed({ purge: true })).rejects.toEqual(refusal("SB_FORBIDDEN"));
  await expect((await as("ann")).auditExport()).rejects.toEqual(refusal("SB_FORBIDDEN"));
  await expect(as("eve")).rejects.toEqual(refusal("SB_UNAUTHENTICATED"));
  expect((await told("oscar", 7)).sort()).toEqual([
    "ann create vault SB_UNIQUE_TAKEN",
    "ann read_audit null SB_FORBIDDEN",
    "ann read_documents null SB_FORBIDDEN",
    "ann reseal null SB_FORBIDDEN",
    "bob delete vault SB_NOT_FOUND",
    "rita create vault SB_FORBIDDEN",
    "unknown authenticate null SB_UNAUTHENTICATED",
  ]);
  expect((await told("ann", 5)).sort()).toEqual([
    "ann create vault SB_UNIQUE_TAKEN",
    "ann read_audit null SB_FORBIDDEN",
    "ann read_documents null SB_FORBIDDEN",
    "ann reseal null SB_FORBIDDEN",
    "rita create vault SB_FORBIDDEN",
  ]);
  expect(await told("bob", 1)).toEqual(["bob delete vault SB_NOT_FOUND"]);
  // A history tells of what was done to the resource.
  const history = await (await as("ann")).audit({ resource: { type: "vault", id: other } });
  expect(history.entries.map(({ action, chain }) => [action, chain])).toEqual([["create", null]]);
});

it("what only operators may is kept: reads, and a change of keys before it is made", async () => {
  const api = await as("oscar");
  await api.documents("/config/");
  await api.sealed();
  await api.sealed({ purge: true });
  for (;;) {
    const { entries } = await api.audit({ who: "oscar" });
    if (entries.length === 3) {
      expect(entries.map(({ action, target, outcome }) => `${action} ${target} ${outcome}`).sort()).toEqual([
        "read_documents /config/ accepted",
        "read_seals null accepted",
        "reseal purge accepted",
      ]);
      return;
    }
    await systemClock.sleep(50);
  }
});

it("all of it is one chain, which also stays whole when creations fall into one millisecond and keys are changed", async () => {
  const api = await as("ann");
  await Promise.all(Array.from({ length: 60 }, (_, at) => api.create("vault", { name: `v${at}` })));
  await expect(as("eve")).rejects.toEqual(refusal("SB_UNAUTHENTICATED"));
  await told("oscar", 1);
  const operator = await as("oscar");
  await operator.sealed({ purge: true });
  expect((await operator.audit({ action: "create", limit: 1_000 })).entries).toHaveLength(60);
  const { begin, entries } = await operator.auditExport();
  const verdict = await verifyAudit(begin, entries);
  expect(verdict).toMatchObject({ faults: [], unlinked: 0, head: begin.head });
  expect(verdict.entries).toBe(begin.head.index);
  expect(verdict.entries).toBeGreaterThanOrEqual(62);
});
