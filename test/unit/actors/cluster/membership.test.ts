import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Membership } from "../../../../src/actors/cluster/membership.ts";
import { ownerOf, type Role, SHARES } from "../../../../src/actors/cluster/shares.ts";
import { openCluster, quiet, TTL_MS } from "./cluster-fixture.ts";

let cluster: Awaited<ReturnType<typeof openCluster>>;
beforeEach(async () => {
  cluster = await openCluster();
});
afterEach(() => cluster.close());

function sharesOf(membership: Membership, role: Role): number[] {
  return Array.from({ length: SHARES }, (_, share) => share).filter((share) => membership.owns(role, share));
}

function expectDivided(role: Role, ...members: Membership[]): void {
  const all = members.flatMap((member) => sharesOf(member, role));
  expect(all.sort((a, b) => a - b)).toEqual(Array.from({ length: SHARES }, (_, share) => share));
}

describe("shares", () => {
  it("are all one process's when it is alone", async () => {
    const { membership } = await cluster.join("a");
    expectDivided("actors", membership);
    expect(sharesOf(membership, "monitor")).toEqual([]);
  });

  it("are divided among those who have the role, with nothing left out and nothing twice", async () => {
    const a = await cluster.join("a");
    const b = await cluster.join("b");
    const c = await cluster.join("c", ["gateway", "worker"]);
    expectDivided("actors", a.membership, b.membership);
    expectDivided("worker", a.membership, b.membership, c.membership);
    expect(sharesOf(c.membership, "actors")).toEqual([]);
  });

  it("move at once when a process leaves", async () => {
    const a = await cluster.join("a");
    const b = await cluster.join("b");
    let told = 0;
    b.membership.onChange(() => {
      told += 1;
    });
    await a.membership.leave();
    await quiet();
    expectDivided("actors", b.membership);
    expect(sharesOf(a.membership, "actors")).toEqual([]);
    expect(told).toBeGreaterThan(0);
  });

  it("stay whose they are when others come or go (rendezvous hashing)", () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(names, fc.nat(SHARES - 1), ([gone = "", ...rest], share) => {
        const before = ownerOf(share, [gone, ...rest]);
        const after = ownerOf(share, rest);
        return before === gone ? rest.includes(after ?? "") : before === after;
      }),
    );
  });
});

describe("a process that cannot reach the store", () => {
  it("stops owning anything before others take over, and joins again", async () => {
    const a = await cluster.join("a");
    const b = await cluster.join("b");
    a.sever();
    for (let waited = 0; waited < TTL_MS * 2; waited += 100) {
      await cluster.elapse(100);
      const both = sharesOf(a.membership, "actors").filter((share) => b.membership.owns("actors", share));
      expect(both).toEqual([]);
    }
    expectDivided("actors", b.membership);
    expect(b.membership.isAlive("a")).toBe(false);
    a.mend();
    await cluster.elapse(1_000);
    expectDivided("actors", a.membership, b.membership);
  });

  it("is taken for dead within its time to live", async () => {
    const a = await cluster.join("a");
    const b = await cluster.join("b");
    a.sever();
    await cluster.elapse(TTL_MS);
    expect(b.membership.isAlive("a")).toBe(false);
  });
});
