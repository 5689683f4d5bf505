import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HOSTS, linesOf, PairWorld } from "../pair-table/pair-world.ts";

let world: PairWorld;
beforeEach(async () => {
  world = await PairWorld.start();
});
afterEach(async () => {
  await world.stop();
});

const held = () => HOSTS.map((host) => world.router(host).setWithBase().trim().split("\n").filter(Boolean).sort());
const both = (...numbers: number[]) => HOSTS.map(() => linesOf(numbers).sort());
const states = () => world.states().map(({ lifecycle }) => lifecycle);

async function create(number: number): Promise<string> {
  return String((await world.pass(world.gateway.create("strand", { number })))["id"]);
}

async function atRest(): Promise<void> {
  await world.until("all rests", () => world.isAtRest());
}

async function remove(id: string): Promise<void> {
  await world.pass(world.gateway.remove("strand", id));
  await world.until("it is gone", () => states().length === 0 && world.isAtRest());
}

/**
 * The confirmation of a commit on the second router is lost and the router is away, so that the try has no outcome; the recovery confirms it
 * when the router is back, and the next try fails for good.
 */
async function confirmedByRecoveryThenRejected(change: () => Promise<unknown>): Promise<void> {
  const [first, second] = HOSTS.map((host) => world.router(host));
  second?.setFault({ kind: "drop", on: "confirm", when: "before", times: 1 });
  await world.until("no session is open", () => world.sessions() === 0);
  const away = second?.subscribe((event) => {
    if (event.kind !== "session-closed") return;
    away?.();
    second.setFault({ kind: "drop", on: "hello", when: "before" });
  });
  await change();
  const inDoubt = () => world.lanePhases().includes("in_doubt");
  await world.until("the lane is in doubt", inDoubt);
  first?.setFault({ kind: "error", on: "load", when: "before" });
  second?.clearFault();
  await atRest();
  first?.clearFault();
}

describe("a try that the recovery confirmed, and one after it that was rejected", () => {
  it("of a creation: the resource has failed, and deleting it takes away what is there", async () => {
    let id = "";
    await confirmedByRecoveryThenRejected(async () => {
      id = await create(11);
    });
    expect(states()).toEqual(["create_failed"]);
    expect(held()).toEqual(both(11));
    await remove(id);
    expect(held()).toEqual([[], []]);
  });

  it.each([
    ["deleted", [], async (id: string) => remove(id)],
    ["tried again", [12], async (id: string) => world.pass(world.gateway.retry("strand", id)).then(atRest)],
    [
      "changed",
      [13],
      async (id: string) => world.pass(world.gateway.update("strand", id, { number: 13 })).then(atRest),
    ],
    [
      "changed back",
      [11],
      async (id: string) => world.pass(world.gateway.update("strand", id, { number: 11 })).then(atRest),
    ],
  ] as const)("of an update: nothing else is there once it is %s", async (_, numbers, act) => {
    const id = await create(11);
    await atRest();
    world.cutSessions();
    await confirmedByRecoveryThenRejected(() => world.pass(world.gateway.update("strand", id, { number: 12 })));
    expect(states()).toEqual(["update_failed"]);
    expect(held()).toEqual(both(12));
    await act(id);
    expect(held()).toEqual(both(...numbers));
    if (states().length > 0) await remove(id);
    expect(held()).toEqual([[], []]);
  });
});

describe("a process that dies between the end of a commit and that of its job", () => {
  it.each(["settled", "confirming"])("after it wrote %s: what is there is the failed resource's", async (phase) => {
    await world.dieAfterWriting(`"phase":"${phase}"`, () => world.gateway.create("strand", { number: 11 }));
    if (phase === "settled") expect(held()).toEqual(both(11));
    const [host] = HOSTS;
    world.router(host).setFault({ kind: "error", on: "load", when: "before" });
    await world.live();
    await atRest();
    expect(states()).toEqual(["create_failed"]);
    expect(held()).toEqual(both(11));
    world.router(host).clearFault();
    for (const { id } of world.states()) await remove(id);
    expect(held()).toEqual([[], []]);
  });
});

describe("a deletion of what is there", () => {
  it.each([
    ["on one router only", ["mx2"]],
    ["on none", ["mx1", "mx2"]],
  ] as const)("%s leaves nothing, and is no error", async (_, gone) => {
    const id = await create(11);
    await atRest();
    for (const host of gone) {
      world.router(host).changeByHand(
        linesOf([11])
          .map((line) => line.replace(/^set/, "delete").replace(/ description .*/, ""))
          .join("\n"),
      );
    }
    await remove(id);
    expect(HOSTS.map((host) => world.router(host).isAtBase())).toEqual([true, true]);
  });
});
