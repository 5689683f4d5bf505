import { describe, expect, it } from "vitest";
import { createLogger, type LoggerOptions } from "../../../src/adapters/logging/create-logger.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { SignalboxError } from "../../../src/errors.ts";

function logging(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const logger = createLogger({ level: "info", destination, clock: new VirtualClock(1_700_000_000_000), ...options });
  return { logger, lines, records: () => lines.map((line): Record<string, unknown> => JSON.parse(line)) };
}

describe("createLogger", () => {
  it("writes one JSON object per line", () => {
    const { logger, lines, records } = logging();
    logger.info({ resource: "vlan/1", ms: 12 }, "committed");
    expect(lines[0]?.endsWith("\n")).toBe(true);
    expect(records()).toEqual([
      { level: "info", time: "2023-11-14T22:13:20.000Z", resource: "vlan/1", ms: 12, msg: "committed" },
    ]);
  });

  it("leaves out what is below its level and copies nothing for it", () => {
    const { logger, lines } = logging({ level: "warn" });
    const trap = Object.defineProperty({}, "field", {
      enumerable: true,
      get: () => {
        throw new Error("was read");
      },
    });
    logger.info(trap, "no");
    logger.debug(trap, "no");
    logger.warn({}, "yes");
    logger.error({}, "yes");
    expect(lines).toHaveLength(2);
  });

  it.each([
    "password",
    "secret",
    "token",
    "authentication-key",
    "authentication_key",
    "bgp_md5",
    "BGP_MD5",
    "snmpPassword",
    "privateKey",
    "Authorization",
  ])("redacts %s at every depth", (name) => {
    const { logger, lines } = logging();
    const secret = { [name]: "hunter2" };
    logger.child({ ...secret, bound: { deep: secret } }).info(
      {
        ...secret,
        a: { b: { c: { d: [{ e: secret }] } } },
        map: new Map([["k", secret]]),
        all: { [name]: ["hunter2"] },
      },
      "line",
    );
    logger.error({ err: Object.assign(new Error("failed", { cause: secret }), { request: secret }) }, "failed");
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toContain("hunter2");
    expect(lines.join()).toContain("[redacted]");
  });

  it("redacts the credentials in URLs", () => {
    const { logger, lines } = logging();
    logger.info({ url: "nats://user:hunter2@host:4222" }, "connected to http://user:hunter2@host/x");
    expect(lines.join()).not.toContain("hunter2");
    expect(lines.join()).toContain("@host:4222");
  });

  it("keeps what is no secret", () => {
    const { logger, records } = logging();
    logger.info({ key: "vlan/1", passwords: 0, tokens: 3, password: undefined, list: [1, null, true] }, "line");
    expect(records()[0]).toMatchObject({ key: "vlan/1", passwords: 0, tokens: 3, list: [1, null, true] });
  });

  it("writes errors with code, stack and cause, and survives cycles", () => {
    const { logger, records } = logging();
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    logger.error(
      { err: new SignalboxError("SB_LOCK_DENIED", "locked", { cause: new Error("below") }), cycle },
      "failed",
    );
    expect(records()[0]).toMatchObject({
      err: {
        type: "SignalboxError",
        code: "SB_LOCK_DENIED",
        message: "locked",
        stack: expect.stringContaining("logger.test.ts"),
        cause: { message: "below" },
      },
    });
  });

  it("binds a child's fields", () => {
    const { logger, records } = logging();
    logger.child({ role: "worker" }).child({ lane: 1 }).info({}, "line");
    expect(records()[0]).toMatchObject({ role: "worker", lane: 1 });
  });

  it("writes lines for people", () => {
    const { logger, lines } = logging({ pretty: true });
    logger.info({ resource: "vlan/1", text: "two words", password: "hunter2" }, "committed");
    expect(lines).toEqual(['22:13:20.000 INFO  committed resource=vlan/1 text="two words" password=[redacted]\n']);
    logger.error({ err: new Error("broken") }, "failed");
    expect(lines[1]).toMatch(
      /^22:13:20\.000 ERROR failed err=\{"type":"Error","message":"broken"\}\nError: broken\n {4}at /,
    );
  });
});
