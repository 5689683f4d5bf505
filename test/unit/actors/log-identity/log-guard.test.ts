import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensureIdentity, readIdentity } from "../../../../src/actors/log-identity/identity-record.ts";
import { LogGuard } from "../../../../src/actors/log-identity/log-guard.ts";
import type { EventLog } from "../../../../src/actors/ports.ts";
import { systemRandom } from "../../../../src/adapters/system/system-random.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";
import { openLog, SwappedLog } from "./swapped-log.ts";

let clock: VirtualClock;
let own: EventLog;
let other: EventLog;
let swapped: SwappedLog;
let guard: LogGuard;
const closers: Array<() => Promise<void>> = [];

const append = (log: EventLog, subject: string, expectedSeq = 0) =>
  log.append(subject, 1, { expectedSeq, messageId: `${subject}-${expectedSeq}` });
/** A look takes some turns of the event loop. */
const elapse = async (ms: number) => {
  for (let elapsed = 0; elapsed < ms; elapsed += 1_000) {
    await clock.advance(1_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
};
const replaced = expect.objectContaining({ code: "SB_LOG_REPLACED" });

beforeEach(async () => {
  clock = new VirtualClock();
  const logs = [await openLog(), await openLog()] as const;
  closers.push(...logs.map(({ close }) => close));
  [own, other] = [logs[0].log, logs[1].log];
  swapped = new SwappedLog(own);
  guard = new LogGuard({ log: swapped, clock, logger: silentLogger, random: systemRandom });
  guard.watch(await ensureIdentity(own, systemRandom));
});
afterEach(async () => {
  await guard.stop();
  for (const close of closers.splice(0)) await close();
});

describe("a log under a running process", () => {
  it("is used while it is the same", async () => {
    const { seq } = await append(guard, "a");
    await elapse(10_000);
    expect(guard.trouble).toBeUndefined();
    expect((await append(guard, "a", seq)).seq).toBeGreaterThan(seq);
    expect(await append(guard, "a", seq), "a repeated append").toEqual({ seq: await own.position() });
    expect(guard.trouble).toBeUndefined();
  });

  it("takes no more writes when it was replaced by an empty one", async () => {
    await append(guard, "a");
    swapped.current = other;
    await elapse(1_000);
    await expect(append(guard, "b")).rejects.toEqual(replaced);
    expect(await other.position()).toBe(0);
  });

  it("takes no more writes when it was replaced by a longer one", async () => {
    await append(guard, "a");
    await ensureIdentity(other, systemRandom);
    for (const subject of ["x", "y", "z"]) await append(other, subject);
    swapped.current = other;
    await elapse(1_000);
    await expect(append(guard, "b")).rejects.toEqual(replaced);
    await expect(guard.purge("x")).rejects.toEqual(replaced);
    expect(await other.last("x")).toBeDefined();
  });

  it("tells who writes before anybody has looked that it went to another log", async () => {
    for (const subject of ["a", "b", "c"]) await append(guard, subject);
    swapped.current = other;
    await expect(append(guard, "d")).rejects.toEqual(replaced);
  });

  it("is not forgotten when only its end is gone, as after the restore of an older backup", async () => {
    const id = (await readIdentity(own)) ?? "";
    await append(guard, "a");
    await append(guard, "b");
    await other.append("log.identity", { v: 1, id }, { expectedSeq: 0, messageId: "m" });
    swapped.current = other;
    await elapse(2_000);
    expect(guard.trouble).toEqual(replaced);
    expect(guard.trouble?.message).toContain("record 3");
  });

  it("ends who follows it", async () => {
    const following = (async () => {
      for await (const _ of guard.read(1, { follow: true }));
    })();
    const ended = expect(following).rejects.toEqual(replaced);
    swapped.current = other;
    await elapse(2_000);
    await ended;
    await expect(guard.read(1)[Symbol.asyncIterator]().next()).rejects.toEqual(replaced);
  });

  it("is looked at once more before it is given up", async () => {
    swapped.current = other;
    await elapse(1_000);
    expect(guard.trouble).toEqual(replaced);
    swapped.current = own;
    await elapse(1_000);
    expect(guard.trouble).toBeUndefined();
    await append(guard, "a");
  });

  it("is not given up because it does not answer", async () => {
    swapped.last = () => Promise.reject(new SignalboxError("SB_STORE_UNREACHABLE", "away"));
    await elapse(60_000);
    expect(guard.trouble).toBeUndefined();
  });
});
