import { describe, expect, it } from "vitest";
import type { Clock, Random, RouterConnector, RouterSession } from "../../../src/actors/ports.ts";
import { connectWithBackoff } from "../../../src/adapters/netconf/connect-backoff.ts";
import { type ErrorCode, SignalboxError } from "../../../src/errors.ts";

const address = { host: "mx-1", port: 830, username: "lab" };
const session = { sessionId: "1" } as RouterSession;

/** Fails with these codes, one per attempt, then connects. */
function failing(...codes: ErrorCode[]): RouterConnector & { attempts: number } {
  const left = [...codes];
  return {
    attempts: 0,
    async connect() {
      this.attempts += 1;
      const code = left.shift();
      if (code !== undefined) throw new SignalboxError(code, "failed");
      return session;
    },
  };
}

function world(fraction: number) {
  const waits: number[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after: () => () => undefined,
    sleep: async (delayMs, signal) => {
      signal?.throwIfAborted();
      waits.push(delayMs);
    },
  };
  const random: Random = {
    uuid: () => "00000000-0000-4000-8000-000000000000",
    suffix: (length) => "a".repeat(length),
    fraction: () => fraction,
    bytes: (length) => new Uint8Array(length),
  };
  return { clock, random, waits };
}

describe("connecting with back-off", () => {
  it("waits longer after each transient failure, up to a bound", async () => {
    const { waits, ...options } = world(0.5);
    const connector = failing("SB_DEVICE_REFUSED", "SB_DEVICE_UNREACHABLE", "SB_DEVICE_PROTOCOL", "SB_DEVICE_REFUSED");
    expect(await connectWithBackoff(connector, address, { ...options, firstDelayMs: 100, maxDelayMs: 500 })).toBe(
      session,
    );
    expect(waits).toEqual([50, 100, 200, 250]);
  });

  it.each<ErrorCode>(["SB_DEVICE_AUTH", "SB_DEVICE_HOST_KEY"])("does not try again after %s", async (code) => {
    const { waits, ...options } = world(0.5);
    const connector = failing(code);
    await expect(connectWithBackoff(connector, address, options)).rejects.toThrowError(
      expect.objectContaining({ code }),
    );
    expect([connector.attempts, waits]).toEqual([1, []]);
  });

  it("throws the last failure after the last attempt", async () => {
    const connector = failing("SB_DEVICE_REFUSED", "SB_DEVICE_UNREACHABLE", "SB_DEVICE_REFUSED");
    const connecting = connectWithBackoff(connector, address, { ...world(0), maxAttempts: 2 });
    await expect(connecting).rejects.toThrowError(expect.objectContaining({ code: "SB_DEVICE_UNREACHABLE" }));
    expect(connector.attempts).toBe(2);
  });

  it("stops when it is aborted", async () => {
    const reason = new Error("stop");
    const connector = failing();
    const connecting = connectWithBackoff(connector, address, { ...world(0), signal: AbortSignal.abort(reason) });
    await expect(connecting).rejects.toBe(reason);
    expect(connector.attempts).toBe(0);
  });
});
