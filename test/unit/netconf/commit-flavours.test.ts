import { describe, expect, it } from "vitest";
import type { CommitContext } from "../../../src/adapters/netconf/commit-flavour.ts";
import {
  noConfirmedCommit,
  PersistentConfirmedCommit,
  SessionConfirmedCommit,
} from "../../../src/adapters/netconf/confirmed-commit.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { parseXml, serializeXml, type XmlElement } from "../../../src/xml/element.ts";

/** A session that records what is sent and answers from a function. */
function fakeSession(answer: (operation: XmlElement) => string = () => "<rpc-reply><ok/></rpc-reply>") {
  const sent: string[] = [];
  const state = { now: 0, sent };
  const session: CommitContext = {
    device: "mx-1",
    rpc: async (operation) => {
      sent.push(serializeXml(operation));
      return parseXml(answer(operation));
    },
    locked: async (work) => {
      sent.push("lock");
      const result = await work();
      sent.push("unlock");
      return result;
    },
    discard: async () => void sent.push("discard"),
    close: async () => void sent.push("close"),
    now: () => state.now,
  };
  return { session, state, sent };
}

const rejected = expect.objectContaining({ code: "SB_COMMIT_REJECTED", device: "mx-1" });

describe("commit with persist id (confirmed-commit:1.1)", () => {
  it("knows a pending commit until its time is over", async () => {
    const { session, state, sent } = fakeSession();
    const commit = new PersistentConfirmedCommit(session);
    expect(await commit.outcome("job-1")).toBe("unknown");
    await commit.commitConfirmed({ timeoutS: 60, tag: "job-1" });
    expect(sent).toEqual([
      "<commit><confirmed/><confirm-timeout>60</confirm-timeout><persist>job-1</persist></commit>",
    ]);
    expect(await commit.outcome("job-1")).toBe("in-effect");
    state.now = 60_000;
    expect(await commit.outcome("job-1")).toBe("unknown");
  });

  it("cannot take back what is final, and says so", async () => {
    const { session, sent } = fakeSession();
    const commit = new PersistentConfirmedCommit(session);
    await commit.confirm("job-1");
    await commit.confirm("job-1");
    expect(sent).toEqual(["<commit><persist-id>job-1</persist-id></commit>"]);
    await expect(commit.revert("job-1")).rejects.toThrowError(expect.objectContaining({ code: "SB_RPC_FAILED" }));
  });

  it("passes on that nobody answered, rather than calling it rejected", async () => {
    const { session } = fakeSession(() => {
      throw new SignalboxError("SB_RPC_TIMEOUT", "late");
    });
    const timeout = expect.objectContaining({ code: "SB_RPC_TIMEOUT" });
    await expect(new PersistentConfirmedCommit(session).confirm("job-1")).rejects.toThrowError(timeout);
    await expect(new PersistentConfirmedCommit(session).revert("job-1")).rejects.toThrowError(timeout);
  });
});

describe("cancelling a commit of a persist id", () => {
  const answering = (message: string) =>
    new PersistentConfirmedCommit(
      fakeSession(() => {
        throw new SignalboxError("SB_RPC_FAILED", `mx-1 rejects cancel-commit: ${message}`);
      }).session,
    );

  it.each(["invalid-value", "persist-id does not match", "no confirmed commit pending", "operation failed"])(
    "is done when the device rejects the id: %s",
    async (message) => {
      const commit = answering(message);
      await commit.revert("job-1");
      expect(await commit.outcome("job-1")).toBe("absent");
    },
  );

  it.each(["No space left on device", "resource-denied", "access-denied", "another commit is in progress"])(
    "is not done after an error that names something else: %s",
    async (message) => {
      const commit = answering(message);
      await expect(commit.revert("job-1")).rejects.toThrowError(message);
      expect(await commit.outcome("job-1")).toBe("unknown");
    },
  );
});

it.each(["<rpc-reply/>", "<rpc-reply><data/></rpc-reply>"])("takes %s for no answer to a commit", async (answer) => {
  const options = { timeoutS: 60, tag: "job-1" };
  for (const Flavour of [PersistentConfirmedCommit, SessionConfirmedCommit]) {
    const commit = new Flavour(fakeSession(() => answer).session);
    const unsaid = expect.objectContaining({ code: "SB_DEVICE_PROTOCOL", device: "mx-1" });
    await expect(commit.commitConfirmed(options)).rejects.toThrowError(unsaid);
    expect(await commit.outcome("job-1")).toBe("unknown");
  }
});

describe("commit without persist id (confirmed-commit:1.0)", () => {
  it("confirms in the session that committed, in time", async () => {
    const { session, state, sent } = fakeSession();
    const commit = new SessionConfirmedCommit(session);
    await commit.commitConfirmed({ timeoutS: 60, tag: "job-1" });
    await commit.confirm("job-1");
    expect(sent).toEqual(["<commit><confirmed/><confirm-timeout>60</confirm-timeout></commit>", "<commit/>"]);
    expect(await commit.outcome("job-1")).toBe("in-effect");
    await commit.commitConfirmed({ timeoutS: 60, tag: "job-2" });
    state.now = 60_000;
    await expect(commit.confirm("job-2")).rejects.toThrowError(rejected);
    expect(await commit.outcome("job-2")).toBe("unknown");
  });

  it("takes a pending commit back by ending the session", async () => {
    const { session, sent } = fakeSession();
    const commit = new SessionConfirmedCommit(session);
    await commit.revert("job-0");
    await commit.commitConfirmed({ timeoutS: 60, tag: "job-1" });
    await commit.revert("job-1");
    expect(sent.slice(1)).toEqual(["discard", "close"]);
    expect(await commit.outcome("job-1")).toBe("unknown");
  });
});

it("ends the session of a commit without persist id that was answered with an error: it may be in effect", async () => {
  const { session, sent } = fakeSession(() => {
    throw new SignalboxError("SB_COMMIT_REJECTED", "No space left on device");
  });
  const commit = new SessionConfirmedCommit(session);
  await expect(commit.commitConfirmed({ timeoutS: 60, tag: "job-1" })).rejects.toThrowError("No space left");
  expect(await commit.outcome("job-1")).toBe("unknown");
  await commit.revert("job-1");
  expect(sent.slice(1)).toEqual(["discard", "close"]);
});

it("refuses to commit on a device without confirmed commits", async () => {
  const commit = noConfirmedCommit("mx-1");
  await expect(commit.commitConfirmed({ timeoutS: 60, tag: "t" })).rejects.toThrowError(/no confirmed commit/);
  expect(await commit.outcome("t")).toBe("unknown");
});
