import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import type { Clock } from "../../../src/actors/ports.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { type RunningEtcd, startEtcd } from "../../servers/etcd.ts";
import { startTcpGate } from "../../servers/tcp-gate.ts";
import { Collected, Opened } from "./open-store.ts";

let server: RunningEtcd;
let opened: Opened;
beforeAll(async () => {
  server = await startEtcd();
});
afterAll(() => server.stop());
beforeEach(() => {
  opened = new Opened();
});
afterEach(() => opened.close());

const gone = { code: "SB_TIMEOUT" };

/** The machine's clock: `move` lets time pass, `jump` sets the wall clock. */
function movableClock(): Clock & { move(ms: number): void; jump(ms: number): void } {
  let passed = 0;
  let set = 0;
  return {
    ...systemClock,
    now: () => systemClock.now() + passed + set,
    monotonic: () => systemClock.monotonic() + passed,
    move: (ms) => {
      passed += ms;
    },
    jump: (ms) => {
      set += ms;
    },
  };
}

it("rounds the time to live up to whole seconds", async () => {
  const { documents } = await opened.store(server.endpoint);
  const admin = opened.admin(server.endpoint);
  const granted: string[] = [];
  for (const ttlMs of [1, 1000, 1001, 5000]) {
    const { id } = await documents.lease(ttlMs);
    granted.push((await admin.leaseClient.leaseTimeToLive({ ID: id })).grantedTTL);
  }
  expect(granted).toEqual(["1", "1", "2", "5"]);
});

it("tells a client that slept that the server has ended its lease", async () => {
  const { documents } = await opened.store(server.endpoint);
  const { documents: other } = await opened.store(server.endpoint);
  const lease = await documents.lease(1000);
  const { revision } = await documents.transaction({ writes: [{ key: "/lane/1", value: "me", lease: lease.id }] });
  const watched = new Collected(other, "/lane/", revision + 1);
  await watched.told("/lane/1", null);
  await expect(lease.keepAlive()).rejects.toMatchObject(gone);
  const late = documents.transaction({ writes: [{ key: "/lane/1", value: "me", lease: lease.id }] });
  await expect(late).rejects.toMatchObject(gone);
  // Also one that knows of the lease by its id only, which has to ask the server.
  const others = other.transaction({ writes: [{ key: "/lane/1", value: "me", lease: lease.id }] });
  await expect(others).rejects.toMatchObject(gone);
  expect(await other.get("/lane/1")).toBeUndefined();
  await watched.stop();
});

it("ends a lease by its own clock, without asking, although the server still has it", async () => {
  const clock = movableClock();
  const { documents } = await opened.store(server.endpoint, { clock });
  const admin = opened.admin(server.endpoint);
  const lease = await documents.lease(60_000);
  clock.move(59_000);
  await lease.keepAlive();
  clock.move(60_000);
  await expect(lease.keepAlive()).rejects.toMatchObject(gone);
  const late = documents.transaction({ writes: [{ key: "/lane/1", value: "me", lease: lease.id }] });
  await expect(late).rejects.toMatchObject(gone);
  expect(Number((await admin.leaseClient.leaseTimeToLive({ ID: lease.id })).TTL)).toBeGreaterThan(0);
});

it.each([86_400_000, -86_400_000])("does not care for the wall clock being set (%i ms)", async (ms) => {
  const clock = movableClock();
  const { documents } = await opened.store(server.endpoint, { clock });
  const lease = await documents.lease(60_000);
  clock.jump(ms);
  await documents.transaction({ writes: [{ key: "/lane/jump", value: "me", lease: lease.id }] });
  clock.move(59_000);
  await lease.keepAlive();
  expect((await documents.get("/lane/jump"))?.value).toBe("me");
  clock.move(60_000);
  await expect(lease.keepAlive()).rejects.toMatchObject(gone);
});

it("cannot keep a lease alive while the server is away, but can when it is back before the time is over", async () => {
  const gate = await startTcpGate(server.endpoint);
  opened.later(() => gate.stop());
  const { documents } = await opened.store(gate.endpoint, { timeouts: { requestMs: 200 } });
  const lease = await documents.lease(30_000);
  gate.cut();
  await expect(lease.keepAlive()).rejects.toMatchObject({ code: "SB_STORE_UNREACHABLE" });
  gate.open();
  await lease.keepAlive();
});

it("stops trying to keep a lease alive when its time is over", async () => {
  const gate = await startTcpGate(server.endpoint);
  opened.later(() => gate.stop());
  const { documents } = await opened.store(gate.endpoint, { timeouts: { requestMs: 30_000 } });
  const lease = await documents.lease(1000);
  gate.cut();
  await expect(lease.keepAlive()).rejects.toMatchObject(gone);
});

it("keeps leases over a restart of the server", async () => {
  const own = await startEtcd();
  opened.later(() => own.stop());
  const { documents } = await opened.store(own.endpoint);
  const lease = await documents.lease(30_000);
  await documents.transaction({ writes: [{ key: "/lane/1", value: "me", lease: lease.id }] });
  await own.kill();
  await own.start();
  await lease.keepAlive();
  expect((await documents.get("/lane/1"))?.value).toBe("me");
  await lease.revoke();
  expect(await documents.get("/lane/1")).toBeUndefined();
});

it("takes a lease of another process by its id", async () => {
  const { documents } = await opened.store(server.endpoint);
  const { documents: other } = await opened.store(server.endpoint);
  const lease = await documents.lease(30_000);
  await other.transaction({ writes: [{ key: "/lane/2", value: "other", lease: lease.id }] });
  await lease.revoke();
  expect(await other.get("/lane/2")).toBeUndefined();
  await lease.revoke();
});

it("ends its leases when it is closed", async () => {
  const { documents: other } = await opened.store(server.endpoint);
  const { documents, close } = await opened.store(server.endpoint);
  const lease = await documents.lease(600_000);
  const { revision } = await documents.transaction({ writes: [{ key: "/lane/3", value: "me", lease: lease.id }] });
  await close();
  expect(await other.get("/lane/3")).toBeUndefined();
  expect(await other.revision()).toBe(revision + 1);
  await expect(documents.get("/lane/3")).rejects.toMatchObject({ code: "SB_NOT_READY" });
});
