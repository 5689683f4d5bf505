import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { RouterAddress, RouterConnector, RouterSession } from "../../../src/actors/ports.ts";
import { element } from "../../../src/xml/element.ts";
import type { RouterSample } from "./samples.ts";

/** A router under test. */
export interface RouterTarget {
  readonly connector: RouterConnector;
  readonly address: RouterAddress;
  /** The same router with a login that it does not accept. */
  readonly wrongLogin: RouterAddress;
  /** An address where nothing listens. */
  readonly nobody: RouterAddress;
  readonly sample: RouterSample;
  stop(): Promise<void>;
}

/** What differs between devices and drivers, so that the suite states it instead of leaving it out. */
export interface RouterTraits {
  /** How the device remembers commits: for any session, for the session that made them, or tied to that session's life. */
  readonly memory: "history" | "session" | "session-bound";
  /** yuma123 2.13 takes a candidate that was validated for unchanged and drops it at the commit. */
  readonly commitAfterValidate: "works" | "drops-candidate";
}

const failsWith = (code: string) => expect.objectContaining({ code });

/** The promises of RouterConnector and RouterSession, on a router whose running configuration is without the sample. */
export function routerSessionContract(
  name: string,
  makeTarget: () => Promise<RouterTarget>,
  traits: RouterTraits,
): void {
  describe(`RouterSession: ${name}`, () => {
    let target: RouterTarget;
    let sessions: RouterSession[] = [];
    let tags = 0;
    const open = async (): Promise<RouterSession> => {
      const session = await target.connector.connect(target.address);
      sessions.push(session);
      return session;
    };
    const nextTag = () => `sb-${name.replace(/\W+/g, "-")}-${++tags}`;
    const holds = async (session: RouterSession, source: "running" | "candidate") =>
      target.sample.isIn(await session.getConfig(source, target.sample.filter));
    const holdsOther = async (session: RouterSession, source: "running" | "candidate") =>
      target.sample.otherIsIn(await session.getConfig(source, target.sample.filter));

    beforeAll(async () => {
      target = await makeTarget();
    });
    afterAll(async () => {
      await target?.stop();
    });
    afterEach(async () => {
      for (const session of sessions) await session.close();
      sessions = [];
      // Whatever a test left is taken away, so that every test starts from the same running configuration.
      const session = await target.connector.connect(target.address);
      if ((await holds(session, "running")) || (await holdsOther(session, "running"))) {
        const tag = nextTag();
        await session.lock();
        await session.discard();
        await session.edit(target.sample.deletionOfBoth);
        await session.commitConfirmed({ timeoutS: 60, tag });
        await session.confirm(tag);
        await session.unlock();
      }
      await session.close();
    });

    it("opens a session that has an id and the device's capabilities", async () => {
      const [one, other] = [await open(), await open()];
      expect(one.sessionId).toMatch(/^\d+$/);
      expect(other.sessionId).not.toBe(one.sessionId);
      expect([...one.capabilities].some((uri) => /netconf:base:1\.[01]$/.test(uri))).toBe(true);
      expect([...one.capabilities].some((uri) => uri.includes(":candidate:1.0"))).toBe(true);
    });

    it("says that a login is not accepted", async () => {
      await expect(target.connector.connect(target.wrongLogin)).rejects.toThrowError(failsWith("SB_DEVICE_AUTH"));
    });

    it("says that nobody listens, and at which device", async () => {
      const refused = expect.objectContaining({ code: "SB_DEVICE_REFUSED", device: target.nobody.host });
      await expect(target.connector.connect(target.nobody)).rejects.toThrowError(refused);
    });

    it("gives up a connection attempt when the signal is aborted", async () => {
      const reason = new Error("shutting down");
      const connecting = target.connector.connect(target.address, { signal: AbortSignal.abort(reason) });
      await expect(connecting).rejects.toBe(reason);
    });

    it("loads into the candidate and not into running, and discards", async () => {
      const session = await open();
      await session.lock();
      await session.edit(target.sample.addition);
      expect(await holds(session, "candidate")).toBe(true);
      expect(await holds(session, "running")).toBe(false);
      await session.discard();
      expect(await holds(session, "candidate")).toBe(false);
      await session.unlock();
    });

    it("brings text through unchanged", async () => {
      const session = await open();
      await session.lock();
      for (const text of ["1.10", "007", 'Grüße 😀 <&">', "a  b", "]]>"]) {
        await session.edit(target.sample.withText(text));
        expect(target.sample.textOf(await session.getConfig("candidate", target.sample.filter))).toBe(text);
      }
      await session.discard();
    });

    it("answers many requests in flight, each with its own reply", async () => {
      const session = await open();
      await session.lock();
      await session.edit(target.sample.addition);
      const sources = Array.from({ length: 40 }, (_, i): "candidate" | "running" =>
        i % 2 === 0 ? "candidate" : "running",
      );
      const held = await Promise.all(sources.map((source) => holds(session, source)));
      expect(held).toEqual(sources.map((source) => source === "candidate"));
      await session.discard();
    });

    it("denies the lock and names the session that holds it", async () => {
      const [holder, other] = [await open(), await open()];
      await holder.lock();
      const denied = expect.objectContaining({
        code: "SB_LOCK_DENIED",
        device: target.address.host,
        message: expect.stringMatching(new RegExp(`\\b${holder.sessionId}\\b`)),
      });
      await expect(other.lock()).rejects.toThrowError(denied);
      await holder.unlock();
      await other.lock();
      await other.unlock();
    });

    it("frees lock and candidate when a session ends", async () => {
      const holder = await open();
      await holder.lock();
      await holder.edit(target.sample.addition);
      await holder.close();
      await expect(holder.closed).resolves.toBeUndefined();
      const next = await open();
      await expect
        .poll(() =>
          next.lock().then(
            () => "locked",
            (error: Error) => error.message,
          ),
        )
        .toBe("locked");
      await next.discard();
      expect(await holds(next, "candidate")).toBe(false);
      await next.unlock();
    });

    it("rejects a load and names the element that is wrong", async () => {
      const session = await open();
      await session.lock();
      const rejected = expect.objectContaining({
        code: "SB_LOAD_REJECTED",
        device: target.address.host,
        statement: expect.stringContaining(target.sample.brokenWord),
      });
      await expect(session.edit(target.sample.broken)).rejects.toThrowError(rejected);
      await session.discard();
      await session.unlock();
    });

    it("deletes what is there, and what is not there is no error", async () => {
      const session = await open();
      await session.lock();
      await session.edit(target.sample.deletion);
      await session.edit(target.sample.addition);
      await session.edit(target.sample.deletion);
      expect(await holds(session, "candidate")).toBe(false);
      await session.edit(target.sample.deletion);
      expect(await holds(session, "candidate")).toBe(false);
      await session.discard();
      await session.unlock();
    });

    it("deletes all that exists of several, wherever the missing one stands", async () => {
      const session = await open();
      await session.lock();
      for (const present of [target.sample.addition, target.sample.otherAddition]) {
        await session.edit(present);
        await session.edit(target.sample.deletionOfBoth);
        expect(await holds(session, "candidate")).toBe(false);
        expect(await holdsOther(session, "candidate")).toBe(false);
      }
      await session.discard();
      await session.unlock();
    });

    it("deletes and adds in one edit although the deleted part is gone already", async () => {
      const session = await open();
      await session.lock();
      await session.edit(target.sample.exchange);
      expect(await holds(session, "candidate")).toBe(false);
      expect(await holdsOther(session, "candidate")).toBe(true);
      await session.discard();
      await session.unlock();
    });

    it("checks the candidate and leaves it as it is", async () => {
      const session = await open();
      await session.lock();
      await session.edit(target.sample.addition);
      await session.validate();
      expect(await holds(session, "candidate")).toBe(true);
      await session.discard();
      await session.unlock();
    });

    it("names the statement that keeps a candidate from being committed", async () => {
      const { uncommittable } = target.sample;
      const session = await open();
      await session.lock();
      if (uncommittable === undefined) {
        // Nothing loads here that a commit would reject; an empty candidate passes the check.
        await session.validate();
      } else {
        const rejected = expect.objectContaining({
          code: "SB_COMMIT_REJECTED",
          device: target.address.host,
          report: expect.stringContaining(uncommittable.word),
          statement: expect.stringMatching(/./),
        });
        await session.edit(uncommittable.tree);
        await expect(session.validate()).rejects.toThrowError(rejected);
        await expect(session.commitConfirmed({ timeoutS: 60, tag: nextTag() })).rejects.toThrowError(rejected);
      }
      await session.discard();
      await session.unlock();
    });

    it("commits with confirmation pending and confirms", async () => {
      const session = await open();
      const tag = nextTag();
      await session.lock();
      await session.edit(target.sample.addition);
      if (traits.commitAfterValidate === "works") await session.validate();
      await session.commitConfirmed({ timeoutS: 60, tag });
      expect(await holds(session, "running")).toBe(true);
      expect(await session.outcome(tag)).toBe("in-effect");
      await session.confirm(tag);
      await session.confirm(tag);
      expect(await session.outcome(tag)).toBe("in-effect");
      await session.unlock();
      await session.close();
      const later = await open();
      expect(await holds(later, "running")).toBe(true);
      expect(await later.outcome(tag)).toBe(traits.memory === "history" ? "in-effect" : "unknown");
    });

    it("takes a pending commit back", async () => {
      const session = await open();
      const tag = nextTag();
      await session.lock();
      await session.edit(target.sample.addition);
      await session.commitConfirmed({ timeoutS: 60, tag });
      await session.revert(tag);
      if (traits.memory !== "session-bound") {
        expect(await session.outcome(tag)).toBe("absent");
        await expect(session.confirm(tag)).rejects.toThrowError(failsWith("SB_COMMIT_REJECTED"));
        await session.revert(tag);
      } else {
        await expect(session.closed).resolves.toBeUndefined();
      }
      const witness = await open();
      await expect.poll(() => holds(witness, "running")).toBe(false);
    });

    if (traits.memory === "history") {
      it("takes a confirmed commit back, also where another one has come since, which stays", async () => {
        const session = await open();
        const [first, second] = [nextTag(), nextTag()];
        await session.lock();
        await session.edit(target.sample.addition);
        await session.commitConfirmed({ timeoutS: 60, tag: first });
        await session.confirm(first);
        await session.revert(first);
        expect(await holds(session, "running")).toBe(false);
        expect(await session.outcome(first)).toBe("absent");

        await session.edit(target.sample.addition);
        await session.commitConfirmed({ timeoutS: 60, tag: first });
        await session.edit(target.sample.otherAddition);
        await session.commitConfirmed({ timeoutS: 60, tag: second });
        // Any commit confirms the one before it.
        expect(await session.outcome(first)).toBe("in-effect");
        await session.confirm(first);
        await session.confirm(second);
        await session.revert(first);
        expect([await holds(session, "running"), await holdsOther(session, "running")]).toEqual([false, true]);
        expect(await session.outcome(first)).toBe("absent");
        await session.unlock();
      });
    }

    if (traits.memory !== "session-bound") {
      it("lets another session confirm a commit whose session was lost", async () => {
        const lost = await open();
        const tag = nextTag();
        await lost.lock();
        await lost.edit(target.sample.addition);
        await lost.commitConfirmed({ timeoutS: 60, tag });
        await lost.close();
        const next = await open();
        await next.confirm(tag);
        expect(await holds(next, "running")).toBe(true);
      });
    }

    it("does not confirm a commit that the device does not have", async () => {
      const session = await open();
      await expect(session.confirm("sb-never-made")).rejects.toThrowError(failsWith("SB_COMMIT_REJECTED"));
      expect(await session.outcome("sb-never-made")).toBe(traits.memory === "history" ? "absent" : "unknown");
      await session.revert("sb-never-made");
    });

    it("ends the session of a killed peer and fails what it is asked then", async () => {
      const [victim, killer] = [await open(), await open()];
      await killer.rpc(element("kill-session", [element("session-id", victim.sessionId)]));
      expect(await victim.closed).toMatchObject({ code: "SB_DEVICE_CLOSED", device: target.address.host });
      await expect(victim.getConfig("running")).rejects.toThrowError(failsWith("SB_DEVICE_CLOSED"));
    });

    it("reports an operation that the device does not know as a failed request", async () => {
      const session = await open();
      const failed = expect.objectContaining({ code: "SB_RPC_FAILED", device: target.address.host });
      await expect(session.rpc(element("no-such-operation"))).rejects.toThrowError(failed);
      expect(await holds(session, "running")).toBe(false);
    });

    it("closes twice without complaint", async () => {
      const session = await open();
      await Promise.all([session.close(), session.close()]);
      await session.close();
      await expect(session.getConfig("running")).rejects.toThrowError(failsWith("SB_DEVICE_CLOSED"));
    });
  });
}
