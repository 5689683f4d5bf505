import { headers } from "nats";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Json } from "../../../src/actors/ports.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";
import { BACK, LOST, LogBook, Opened } from "./opened.ts";
import { Signal } from "./signal.ts";

describe("the bus on NATS", () => {
  const opened = new Opened();
  let server: RunningNatsServer;
  let namespaces = 0;
  beforeAll(async () => {
    server = await startNatsServer();
  });
  afterAll(() => server.stop());
  afterEach(() => opened.close());

  const open = (options: object = {}) => {
    namespaces += 1;
    return opened.stores(server.address, { namespace: `bus-${namespaces}`, ...options });
  };
  const openTwice = async () => {
    const one = await open();
    const two = await opened.stores(server.address, { namespace: `bus-${namespaces}` });
    return [one, two] as const;
  };

  it("carries requests and messages between processes", async () => {
    const [one, two] = await openTwice();
    const got: Json[] = [];
    const arrived = new Signal();
    one.bus.subscribe("news.*", (body, subject) => {
      got.push({ body, subject });
      arrived.send();
    });
    one.bus.respond("svc.echo", async (body, subject) => ({ body, subject }));
    await one.healthy();
    expect(await two.bus.request("svc.echo", [1], { timeoutMs: 5000 })).toEqual({ body: [1], subject: "svc.echo" });
    await two.bus.publish("news.today", "sunny");
    await arrived.until(() => got.length === 1);
    expect(got).toEqual([{ body: "sunny", subject: "news.today" }]);
  });

  it("keeps subscribers and responders apart", async () => {
    const { bus, healthy } = await open();
    const heard: Json[] = [];
    bus.subscribe(">", (body) => heard.push(body));
    await healthy();
    await expect(bus.request("svc", 1, { timeoutMs: 60_000 })).rejects.toMatchObject({ code: "SB_NO_RESPONDER" });
    bus.respond("svc", async () => "answer");
    await healthy();
    expect(await bus.request("svc", 1, { timeoutMs: 5000 })).toBe("answer");
    await healthy();
    expect(heard).toEqual([]);
  });

  it("answers errors as NATS services do, so that any client can read them", async () => {
    const { bus, healthy } = await open();
    bus.respond("svc", async () => {
      throw new SignalboxError("SB_NOT_FOUND", "no vlan\r\n7");
    });
    await healthy();
    const admin = await opened.admin(server.address);
    const answer = await admin.request(`bus-${namespaces}.rpc.svc`, "{}");
    expect(answer.headers?.get("Nats-Service-Error")).toBe("SB_NOT_FOUND: no vlan 7");
    expect(answer.headers?.get("Nats-Service-Error-Code")).toBe("404");
    expect(answer.json()).toMatchObject({ code: "SB_NOT_FOUND", message: "no vlan\r\n7", transient: false });
    const unreadable = await admin.request(`bus-${namespaces}.rpc.svc`, "{");
    expect(unreadable.headers?.get("Nats-Service-Error-Code")).toBe("400");
    expect(unreadable.json()).toMatchObject({ code: "SB_INVALID_JSON" });
  });

  it("reads the errors of foreign responders", async () => {
    const { bus } = await open();
    const admin = await opened.admin(server.address);
    const error = headers();
    error.set("Nats-Service-Error", "out of order");
    error.set("Nats-Service-Error-Code", "500");
    admin.subscribe(`bus-${namespaces}.rpc.svc`, {
      callback: (_, message) => void message.respond("", { headers: error }),
    });
    await admin.flush();
    await expect(bus.request("svc", null, { timeoutMs: 5000 })).rejects.toMatchObject({
      code: "SB_INTERNAL",
      message: "svc answered: out of order",
    });
  });

  it("says which message a subscriber fails on, and goes on", async () => {
    const book = new LogBook();
    const { bus, healthy } = await open({ logger: book.logger });
    bus.subscribe("a", (body) => {
      if (body === "bad") throw new Error("cannot");
    });
    const admin = await opened.admin(server.address);
    await healthy();
    await bus.publish("a", "bad");
    admin.publish(`bus-${namespaces}.event.a`, "not json");
    await admin.flush();
    await healthy();
    expect(book.told).toEqual(["a subscriber failed", "a subscriber failed"]);
  });

  it("waits for the connection to come back, within the request's time", async () => {
    const own = await startNatsServer();
    opened.later(() => own.stop());
    const book = new LogBook();
    const responder = await opened.stores(own.address);
    responder.bus.respond("svc", async () => "answer");
    const { bus } = await opened.stores(own.address, { logger: book.logger });
    await responder.healthy();
    await own.kill();
    await book.wrote(LOST);
    const asking = bus.request("svc", null, { timeoutMs: 30_000 }).catch((error: unknown) => error);
    await own.start();
    await book.wrote(BACK);
    // The responder may be back a moment later.
    const first = await asking;
    if (first !== "answer") expect(first).toMatchObject({ code: "SB_NO_RESPONDER" });
    for (;;) {
      const answer = await bus.request("svc", null, { timeoutMs: 30_000 }).catch(() => undefined);
      if (answer === "answer") break;
    }
  });

  it("drains: answers what has come, takes nothing more", async () => {
    const [one, two] = await openTwice();
    const asked = new Signal();
    let pending = 0;
    let finish: () => void = () => undefined;
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    one.bus.respond("svc", async () => {
      pending += 1;
      asked.send();
      await finished;
      return "done";
    });
    await one.healthy();
    const answer = two.bus.request("svc", null, { timeoutMs: 30_000 });
    await asked.until(() => pending === 1);
    const draining = one.drain();
    await one.healthy();
    await expect(two.bus.request("svc", null, { timeoutMs: 30_000 })).rejects.toMatchObject({
      code: "SB_NO_RESPONDER",
    });
    finish();
    await draining;
    expect(await answer).toBe("done");
    expect(() => one.bus.respond("svc", async () => null)).toThrow("closed");
    // What comes after the drain, acks and records, still has its connection.
    await one.log.append("a", 1, { expectedSeq: 0, messageId: "m1" });
  });
});
