import { describe, expect, it } from "vitest";
import { OperationalSessions } from "../../../../src/actors/monitoring/operational-sessions.ts";
import type { RouterAddress } from "../../../../src/actors/ports.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { element, type XmlElement } from "../../../../src/xml/element.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";
import { FakeConnector, lost, settle } from "./fakes.ts";

const mx1: RouterAddress = { host: "mx-1", port: 830, username: "lab", password: "secret" };
const vrrp = element("get-vrrp-information");
const bgp = element("get-bgp-neighbor-information");

function start(idleMs = 60_000) {
  const clock = new VirtualClock();
  const connector = new FakeConnector();
  connector.answer = (operation) => element("answer", operation.name);
  return { clock, connector, sessions: new OperationalSessions({ connector, clock, logger: silentLogger, idleMs }) };
}

describe("operational sessions", () => {
  it("opens one session per device at its first question and keeps it", async () => {
    const { connector, sessions } = start();
    expect(connector.connects).toEqual([]);
    await Promise.all([sessions.ask(mx1, vrrp), sessions.ask(mx1, bgp), sessions.ask({ ...mx1, host: "mx-2" }, vrrp)]);
    expect((await sessions.ask(mx1, vrrp)).text).toBe("get-vrrp-information");
    expect(connector.connects.map(({ host }) => host)).toEqual(["mx-1", "mx-2"]);
  });

  it("shares one request among equal questions that are asked at the same time", async () => {
    const { connector, sessions } = start();
    const held: Array<(reply: XmlElement) => void> = [];
    connector.answer = () => new Promise((resolve) => held.push(resolve));
    const answers = Promise.all([1, 2, 3].map(() => sessions.ask(mx1, vrrp)));
    await settle();
    expect(held).toHaveLength(1);
    held[0]?.(element("reply"));
    expect((await answers).map(({ name }) => name)).toEqual(["reply", "reply", "reply"]);
    const later = sessions.ask(mx1, vrrp);
    await settle();
    expect(held).toHaveLength(2);
    held[1]?.(element("later"));
    expect((await later).name).toBe("later");
  });

  it("closes a session that nobody has used for the idle time, and opens another when asked again", async () => {
    const { clock, connector, sessions } = start(60_000);
    await sessions.ask(mx1, vrrp);
    clock.advance(40_000);
    await sessions.ask(mx1, vrrp);
    clock.advance(40_000);
    await settle();
    expect(connector.sessions[0]?.isOpen).toBe(true);
    clock.advance(20_000);
    await settle();
    expect(connector.sessions[0]?.isOpen).toBe(false);
    expect(clock.pending()).toBe(0);
    await sessions.ask(mx1, vrrp);
    expect(connector.connects).toHaveLength(2);
  });

  it("opens another session when the device has ended it", async () => {
    const { connector, sessions } = start();
    await sessions.ask(mx1, vrrp);
    connector.sessions[0]?.end(lost());
    await settle();
    await sessions.ask(mx1, vrrp);
    expect(connector.connects).toHaveLength(2);
  });

  it("asks again over a new session when the old one proves to be dead, once", async () => {
    const { connector, sessions } = start();
    await sessions.ask(mx1, vrrp);
    connector.answer = (_, session) => {
      if (session.sessionId !== "1") return element("fresh");
      throw lost();
    };
    const both = await Promise.all([sessions.ask(mx1, vrrp), sessions.ask(mx1, bgp)]);
    expect(both.map(({ name }) => name)).toEqual(["fresh", "fresh"]);
    expect(connector.connects).toHaveLength(2);
    connector.answer = () => {
      throw lost();
    };
    await expect(sessions.ask(mx1, vrrp)).rejects.toMatchObject({ code: "SB_DEVICE_CLOSED" });
    expect(connector.connects).toHaveLength(3);
  });

  it("leaves a device alone for a growing while after it could not connect", async () => {
    const { clock, connector, sessions } = start();
    connector.error = new SignalboxError("SB_DEVICE_AUTH", "mx-1 does not accept the login");
    const ask = () => sessions.ask(mx1, vrrp).catch((error: SignalboxError) => error.code);
    expect(await Promise.all([ask(), ask()])).toEqual(["SB_DEVICE_AUTH", "SB_DEVICE_AUTH"]);
    expect(await ask()).toBe("SB_DEVICE_AUTH");
    expect(connector.connects).toHaveLength(1);
    clock.advance(250);
    await ask();
    clock.advance(250);
    await ask();
    expect(connector.connects).toHaveLength(2);
    clock.advance(250);
    connector.error = undefined;
    expect(await ask()).toMatchObject({ name: "answer" });
  });

  it("leaves a device alone for a while after it did not answer in time", async () => {
    const { clock, connector, sessions } = start();
    connector.answer = (_, session) => {
      session.end();
      throw new SignalboxError("SB_RPC_TIMEOUT", "mx-1 did not answer within 30000 ms");
    };
    for (const question of [vrrp, bgp]) {
      await expect(sessions.ask(mx1, question)).rejects.toMatchObject({ code: "SB_RPC_TIMEOUT" });
    }
    expect(connector.sessions.flatMap(({ asked }) => asked)).toHaveLength(1);
    clock.advance(15_000);
    connector.answer = () => element("answer");
    expect((await sessions.ask(mx1, bgp)).name).toBe("answer");
    expect(connector.connects).toHaveLength(2);
  });

  it("tries a corrected password at once", async () => {
    const { connector, sessions } = start();
    connector.error = new SignalboxError("SB_DEVICE_AUTH", "mx-1 does not accept the login");
    await expect(sessions.ask(mx1, vrrp)).rejects.toThrow();
    connector.error = undefined;
    expect((await sessions.ask({ ...mx1, password: "right" }, vrrp)).name).toBe("answer");
  });

  it("closes what is open when it is closed, and takes no more questions", async () => {
    const { clock, connector, sessions } = start();
    await sessions.ask(mx1, vrrp);
    await sessions.close();
    expect(connector.sessions[0]?.isOpen).toBe(false);
    expect(clock.pending()).toBe(0);
    await expect(sessions.ask(mx1, vrrp)).rejects.toMatchObject({ code: "SB_NOT_READY" });
  });

  it("closes a session that was still being opened", async () => {
    const { connector, sessions } = start();
    const answer = sessions.ask(mx1, vrrp).catch(() => "failed");
    await sessions.close();
    expect(connector.sessions.map(({ isOpen }) => isOpen)).toEqual([false]);
    await answer;
  });
});
