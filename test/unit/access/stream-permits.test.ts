import { beforeEach, describe, expect, it } from "vitest";
import type { AccessRole } from "../../../src/actors/access/caller.ts";
import type { Identity } from "../../../src/actors/access/gatekeeper.ts";
import {
  LOOK_AT_RIGHTS_MS,
  type StreamLimits,
  type StreamPermit,
  StreamPermits,
} from "../../../src/actors/access/stream-permits.ts";
import type { Clock } from "../../../src/actors/ports.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { asSignalboxError, SignalboxError } from "../../../src/errors.ts";

const tenant = "1".repeat(32);
const somebody = (name: string, role: AccessRole = "reader", of: string | undefined = tenant): Identity => ({
  name,
  role,
  tenant: of,
});

let clock: VirtualClock;
/** Who each token is now; one that is not there has been taken back. */
let known: Map<string, Identity | Error | Promise<Identity>>;
let asked: string[];
beforeEach(() => {
  clock = new VirtualClock(1_000_000);
  known = new Map();
  asked = [];
});

function permits(limits?: Partial<StreamLimits>) {
  const authenticate = async (token: string | undefined) => {
    asked.push(token ?? "");
    const found = await known.get(token ?? "");
    if (found instanceof Error) throw found;
    if (found === undefined) throw new SignalboxError("SB_UNAUTHENTICATED", "the token is not known");
    return found;
  };
  const made = new StreamPermits({ authenticator: { authenticate }, clock, limits });
  return (identity: Identity) => {
    if (!known.has(identity.name)) known.set(identity.name, identity);
    return made.open(identity, { token: identity.name });
  };
}

/** Moves time on and lets what is asked then be answered. */
async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await new Promise((resolve) => setImmediate(resolve));
}

const codeOf = (open: () => unknown): string => {
  try {
    open();
    return "open";
  } catch (thrown) {
    return asSignalboxError(thrown).code;
  }
};

describe("the right to a stream ends", () => {
  const unchanged = somebody("a");
  const rows: ReadonlyArray<readonly [string, Identity | Error | undefined, string | undefined]> = [
    ["when the token is taken back", undefined, "the token is not known"],
    ["when it is of another role", { ...unchanged, role: "operator" }, "another name, role or tenant"],
    ["when it is of a lower role", { ...unchanged, role: "member" }, "another name, role or tenant"],
    ["when it is of another tenant", { ...unchanged, tenant: "2".repeat(32) }, "another name, role or tenant"],
    ["when it is of no tenant", { ...unchanged, tenant: undefined }, "another name, role or tenant"],
    ["when it is somebody else's", { ...unchanged, name: "b" }, "another name, role or tenant"],
    ["not while nothing has changed", unchanged, undefined],
    ["not because it lasts longer now", { ...unchanged, until: 9e12 }, undefined],
    ["not because nobody can say", new SignalboxError("SB_NOT_READY", "no keys"), undefined],
    ["not because looking failed", new Error("a mistake"), undefined],
  ];

  it.each(rows)("%s", async (_what, now, says) => {
    const open = permits();
    const { signal, release } = open(unchanged);
    const other = open(somebody("other"));
    await pass(LOOK_AT_RIGHTS_MS);
    expect(signal.aborted).toBe(false);
    if (now === undefined) known.delete("a");
    else known.set("a", now);
    await pass(4_999);
    expect(signal.aborted).toBe(says !== undefined);
    if (says !== undefined)
      expect(signal.reason).toMatchObject({ code: "SB_UNAUTHENTICATED", message: expect.stringContaining(says) });
    expect(other.signal.aborted).toBe(false);
    release();
    other.release();
    expect(clock.pending()).toBe(0);
  });

  it("when it expires, though nobody can be asked", async () => {
    const open = permits();
    const { signal } = open({ ...unchanged, until: clock.now() + 10_000 });
    known.set("a", new Promise(() => {}));
    await pass(9_999);
    expect(signal.aborted).toBe(false);
    await pass(LOOK_AT_RIGHTS_MS);
    expect(signal.reason).toMatchObject({ code: "SB_UNAUTHENTICATED" });
  });

  it("when the clock is set on, and not later when it is set back", async () => {
    let day = 0;
    const shifted: Clock = {
      now: () => clock.now() + day,
      monotonic: () => clock.monotonic(),
      after: clock.after.bind(clock),
      sleep: clock.sleep.bind(clock),
    };
    const authenticate = async () => unchanged;
    const made = new StreamPermits({ authenticator: { authenticate }, clock: shifted });
    const until = clock.now() + 3_600_000;
    const one = made.open({ ...unchanged, until }, { token: "a" });
    day = -86_400_000;
    const revoked = made.open(somebody("b"), { token: "b" });
    await pass(LOOK_AT_RIGHTS_MS);
    expect([one.signal.aborted, revoked.signal.aborted]).toEqual([false, true]);
    day = 86_400_000;
    await pass(LOOK_AT_RIGHTS_MS);
    expect(one.signal.aborted).toBe(true);
  });

  it("one slow answer holds up nobody else's, and is not asked for again", async () => {
    const open = permits();
    open(somebody("slow"));
    const { signal } = open(somebody("b"));
    known.set("slow", new Promise(() => {}));
    await pass(LOOK_AT_RIGHTS_MS);
    known.delete("b");
    await pass(LOOK_AT_RIGHTS_MS);
    expect(signal.aborted).toBe(true);
    await pass(10 * LOOK_AT_RIGHTS_MS);
    expect(asked.filter((token) => token === "slow")).toHaveLength(1);
  });

  it("a token that many streams are open with is looked at once for all of them", async () => {
    const open = permits();
    const all = Array.from({ length: 20 }, () => open(somebody("a")));
    await pass(LOOK_AT_RIGHTS_MS);
    expect(asked).toEqual(["a"]);
    known.delete("a");
    await pass(LOOK_AT_RIGHTS_MS);
    expect(all.every(({ signal }) => signal.aborted)).toBe(true);
  });

  it("nothing is opened that has ended already", () => {
    const open = permits();
    expect(codeOf(() => open({ ...unchanged, until: clock.now() }))).toBe("SB_UNAUTHENTICATED");
    expect(clock.pending()).toBe(0);
  });
});

describe("the streams that are open at a time", () => {
  const limits = { total: 20, forOperators: 6, perTenant: 8, perCaller: 3 };
  const fill = (open: ReturnType<typeof permits>, identity: Identity) => {
    const opened: StreamPermit[] = [];
    for (let at = 0; at < 50 && codeOf(() => opened.push(open(identity))) === "open"; at += 1);
    return opened;
  };

  it("one caller has as many as it may have, and closing one makes room", () => {
    const open = permits(limits);
    const opened = fill(open, somebody("a"));
    expect(opened).toHaveLength(3);
    expect(() => open(somebody("a"))).toThrow(
      expect.objectContaining({
        code: "SB_TOO_MANY_STREAMS",
        message: expect.stringContaining("a has 3 streams open"),
      }),
    );
    opened[0]?.release();
    opened[0]?.release();
    expect(fill(open, somebody("a"))).toHaveLength(1);
    expect(fill(open, somebody("ops", "operator", undefined))).toHaveLength(3);
  });

  it("one tenant has as many as it may have, by however many callers and roles", () => {
    const open = permits(limits);
    const of = (at: number) => somebody(`caller-${at}`, at % 2 === 0 ? "reader" : "member");
    const opened = Array.from({ length: 9 }, (_, at) => fill(open, of(at)).length);
    expect(opened).toEqual([3, 3, 2, 0, 0, 0, 0, 0, 0]);
    expect(codeOf(() => open(of(8)))).toBe("SB_TOO_MANY_STREAMS");
    expect(fill(open, somebody("x", "reader", "2".repeat(32)))).toHaveLength(3);
  });

  it("tenants together never have those of the operators", () => {
    const open = permits(limits);
    const tenants = Array.from({ length: 9 }, (_, at) =>
      fill(open, somebody(`t${at}`, "member", String(at).repeat(32))),
    );
    expect(tenants.flat()).toHaveLength(14);
    expect(() => open(somebody("t9", "reader", "9".repeat(32)))).toThrow(
      expect.objectContaining({
        code: "SB_NOT_READY",
        transient: true,
        message: expect.stringContaining("for operators"),
      }),
    );
    expect(fill(open, somebody("ops", "operator", undefined))).toHaveLength(3);
    expect(fill(open, somebody("root", "admin", tenant))).toHaveLength(3);
    expect(codeOf(() => open(somebody("ops-2", "operator", undefined)))).toBe("SB_NOT_READY");
  });
});
