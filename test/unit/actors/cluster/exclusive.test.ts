import { afterEach, beforeEach, expect, it } from "vitest";
import { DeviceLeases } from "../../../../src/actors/cluster/device-leases.ts";
import { exclusiveBy } from "../../../../src/actors/cluster/exclusive.ts";
import { openCluster } from "./cluster-fixture.ts";

let cluster: Awaited<ReturnType<typeof openCluster>>;
beforeEach(async () => {
  cluster = await openCluster();
});
afterEach(() => cluster.close());

const never = new AbortController().signal;

async function processNamed(name: string) {
  const process = await cluster.join(name);
  return exclusiveBy(new DeviceLeases({ ...process, clock: cluster.clock }), never);
}

it("runs tasks of a key one after the other over all processes, also after one that failed", async () => {
  const processes = [await processNamed("a"), await processNamed("b")];
  let list: number[] = [];
  const add = (number: number) => async (check: () => void) => {
    const before = list;
    await Promise.resolve();
    check();
    list = [...before, number];
    if (number === 3) throw new Error("after the write");
  };
  const tasks = Array.from({ length: 8 }, (_, at) => processes[at % 2]?.("virtual-network/n1", add(at)));
  const outcomes = await Promise.allSettled(tasks);
  expect(list.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(outcomes.map(({ status }) => status).filter((status) => status === "rejected")).toHaveLength(1);
});
