import { beforeEach, describe, expect, it } from "vitest";
import { SignalboxError } from "../../../src/errors.ts";
import { RepeatedFailures } from "../../../src/outages/repeated-failures.ts";
import { RecordingLogger } from "../http/recording-logger.ts";

describe("something that is tried again", () => {
  let logger: RecordingLogger;
  let failures: RepeatedFailures;
  beforeEach(() => {
    logger = new RecordingLogger();
    failures = new RepeatedFailures({ logger, failed: "failed", over: "over" });
  });
  const told = () =>
    logger.lines.filter(({ level }) => level !== "debug").map(({ level, message }) => `${level} ${message}`);

  it("is told of once, however often it fails, and once when it succeeds", () => {
    for (let n = 0; n < 500; n += 1) failures.failed(new Error("no"));
    failures.succeeded();
    failures.succeeded();
    expect(told()).toEqual(["warn failed", "info over"]);
  });

  it("is told of again when it fails for another reason", () => {
    failures.failed(new SignalboxError("SB_TIMEOUT", "late"));
    failures.failed(new SignalboxError("SB_LEASE_LOST", "lost"));
    failures.failed(new SignalboxError("SB_LEASE_LOST", "lost"));
    expect(told()).toEqual(["warn failed", "warn failed"]);
  });

  it("is told apart from others", () => {
    for (const what of ["a", "b", "a", "b"]) failures.failed(new Error("no"), what);
    failures.succeeded("a");
    expect(told()).toEqual(["warn failed", "warn failed", "info over"]);
  });

  it.each([
    "SB_STORE_FULL",
    "SB_STORE_UNREACHABLE",
    "SB_STORE_IN_DOUBT",
    "SB_STORE_FAILED",
    "SB_LOG_REPLACED",
  ] as const)("says nothing of %s, which the store has told", (code) => {
    for (let n = 0; n < 100; n += 1) failures.failed(new SignalboxError(code, "away"), `resource ${n}`);
    failures.succeeded("resource 1");
    expect(told()).toEqual([]);
    expect(logger.lines).toHaveLength(100);
  });
});
