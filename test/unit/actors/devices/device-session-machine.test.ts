import { describe, expect, it } from "vitest";
import {
  type DeviceSessionEvent,
  deviceSessionTransition,
  newDeviceSession,
} from "../../../../src/machines/device-session/device-session-machine.ts";

function sessionAfter(...events: Array<DeviceSessionEvent["type"]>) {
  return events
    .map((type) => (type === "LOST" ? { type, error: "cut" } : { type }))
    .reduce(deviceSessionTransition, newDeviceSession("mx1"));
}

const loaded = ["CONNECT", "CONNECTED", "LOCKED", "LOAD"] as const;

describe("the machine of a router session", () => {
  it("follows a transaction", () => {
    expect(sessionAfter().value).toBe("disconnected");
    expect(sessionAfter(...loaded).value).toBe("loading");
    expect(sessionAfter(...loaded, "VALIDATE", "COMMIT").value).toBe("committing");
    expect(sessionAfter(...loaded, "VALIDATE", "COMMIT", "COMMITTED", "CONFIRM").value).toBe("confirming");
    expect(sessionAfter(...loaded, "VALIDATE", "COMMIT", "COMMITTED", "CONFIRM", "CLEAN", "UNLOCKED").value).toBe(
      "idle",
    );
    expect(sessionAfter(...loaded, "VALIDATE", "COMMIT", "COMMITTED", "REVERT", "CLEAN").value).toBe("locked");
  });

  it("is disconnected when the session is lost where nothing is at stake", () => {
    const lost = sessionAfter(...loaded, "LOST");
    expect([lost.value, lost.context]).toEqual(["disconnected", { host: "mx1", error: "cut" }]);
    expect(sessionAfter(...loaded, "LOST", "CONNECT", "CONNECTED").context.error).toBe("");
  });

  it.each([
    ["COMMIT"],
    ["COMMIT", "COMMITTED"],
    ["COMMIT", "COMMITTED", "CONFIRM"],
    ["COMMIT", "COMMITTED", "REVERT"],
  ] as const)("is in doubt when the session is lost after %s %s %s", (...events) => {
    expect(sessionAfter(...loaded, ...events, "LOST").value).toBe("in_doubt");
    expect(sessionAfter(...loaded, ...events, "LOST", "CONNECT", "CONNECTED", "LOCKED").value).toBe("in_doubt");
    expect(sessionAfter(...loaded, ...events, "LOST", "CLEAN").value).toBe("locked");
    expect(sessionAfter(...loaded, ...events, "LOST", "COMMITTED").value).toBe("committed");
  });

  it("ignores what means nothing in a state", () => {
    expect(sessionAfter("UNLOCKED", "COMMIT").value).toBe("disconnected");
  });
});
