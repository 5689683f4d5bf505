import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type LabRouter, startLabRouter } from "../../../../src/lab/junos/lab-router.ts";
import type { RouterFault } from "../../../../src/lab/junos/router-faults.ts";
import { openSession, type TestClient, verdict } from "./netconf-client.ts";

const cleanups: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(stateFile?: string): Promise<{ router: LabRouter; client: TestClient }> {
  const users = [{ user: "lab", password: "secret" }];
  const router = await startLabRouter({
    name: "r1",
    base: "set system host-name r1\n",
    users,
    ...(stateFile === undefined ? {} : { stateFile }),
  });
  cleanups.push(() => router.stop());
  const client = await openSession({ port: router.port });
  cleanups.push(() => client.close());
  return { router, client };
}

const rename =
  "<edit-config><target><candidate/></target><config><configuration><system><host-name>r2</host-name></system></configuration></config></edit-config>";

/** A fault at a commit, what the client is answered, and whether the commit is in effect. */
const answers: ReadonlyArray<readonly [fault: RouterFault, answer: string, inEffect: boolean]> = [
  [
    { kind: "error", on: "commit", when: "before", times: 1 },
    "operation-failed: the operation was not completed",
    false,
  ],
  [{ kind: "error", on: "commit", when: "after", times: 1 }, "operation-failed: the operation was not completed", true],
  [{ kind: "diskFull", times: 1 }, "operation-failed: /config: write failed, filesystem is full", false],
  [{ kind: "diskFullAfterCommit", times: 1 }, "operation-failed: /config: write failed, filesystem is full", true],
  [{ kind: "late", on: "commit", ms: 5, times: 1 }, "ok", true],
];

describe("a commit that is answered with something else than what it did", () => {
  it.each(answers)("%j: %s", async (fault, answer, inEffect) => {
    const { router, client } = await start();
    await client.rpc(rename);
    router.setFault(fault);
    expect(verdict(await client.rpc("<commit/>"))).toBe(answer);
    expect(router.isAtBase()).toBe(!inEffect);
    expect(router.faults()).toEqual([]);
    expect(verdict(await client.rpc("<commit/>"))).toBe("ok");
    expect(router.isAtBase()).toBe(false);
  });

  it.each([
    ["before", true],
    ["after", false],
  ] as const)("garbage %s it: at base %s", async (when, atBase) => {
    const { router, client } = await start();
    await client.rpc(rename);
    router.setFault({ kind: "garbage", on: "commit", when, times: 1 });
    await expect(client.rpc("<commit/>")).rejects.toThrow();
    expect(router.isAtBase()).toBe(atBase);
  });

  it("silence after it: it is in effect, and the session's lock goes with the session", async () => {
    const { router, client } = await start();
    await client.rpc("<lock><target><candidate/></target></lock>");
    await client.rpc(rename);
    router.setFault({ kind: "hang", on: "commit", when: "after", times: 1 });
    const committed = new Promise<void>((resolve) => {
      router.subscribe(({ kind }) => kind === "commit" && resolve());
    });
    client.rpc("<commit/>").catch(() => undefined);
    await committed;
    expect(router.isAtBase()).toBe(false);
    const closed = new Promise<void>((resolve) => {
      router.subscribe(({ kind }) => kind === "session-closed" && resolve());
    });
    await client.close();
    await closed;
    expect(router.statistics().lockHolder).toBeUndefined();
  });
});

it("makes no commit that it cannot keep: the disk of its state file is gone", async () => {
  const directory = await mkdtemp(join(tmpdir(), "lab-full-"));
  const { router, client } = await start(join(directory, "r1.json"));
  await client.rpc(rename);
  await client.rpc("<commit><confirmed/></commit>");
  const { history, deadline } = { history: router.history(), deadline: router.pendingDeadline() };
  await rm(directory, { recursive: true });
  await client.rpc(rename.replace("r2", "r3"));
  expect(verdict(await client.rpc("<commit/>"))).toMatch(/^operation-failed: the commit could not be saved/);
  expect(router.runningSet()).toBe("set system host-name r2\n");
  expect(router.history()).toEqual(history);
  expect(router.pendingDeadline()).toBe(deadline);
});
