import { describe, expect, it } from "vitest";
import type { CommitContext } from "../../../src/adapters/netconf/commit-flavour.ts";
import {
  noConfirmedCommit,
  PersistentConfirmedCommit,
  SessionConfirmedCommit,
} from "../../../src/adapters/netconf/confirmed-commit.ts";
import { JunosCommit } from "../../../src/adapters/netconf/junos-commit.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { parseXml, serializeXml, type XmlElement } from "../../../src/xml/element.ts";

/** A session that records what is sent and answers from a function. */
function fakeSession(answer: (operation: XmlElement) => string = () => "<rpc-reply/>") {
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

/** A Junos device with a commit history; `beforeCommit` is what happens just before a commit is executed. */
function junos(initial: readonly string[], beforeCommit: (history: string[]) => void = () => undefined) {
  const history = [...initial];
  const fake = fakeSession((operation) => {
    if (operation.name === "get-commit-information") {
      const entries = history.map(
        (log, index) =>
          `<commit-history><sequence-number>${index}</sequence-number><user>lab</user><client>netconf</client>${log === "" ? "" : `<log>${log}</log>`}</commit-history>`,
      );
      return `<rpc-reply><commit-information>${entries.join("")}</commit-information></rpc-reply>`;
    }
    if (operation.name === "commit-configuration") {
      beforeCommit(history);
      history.unshift(operation.children.find(({ name }) => name === "log")?.text ?? "");
    }
    return "<rpc-reply><ok/></rpc-reply>";
  });
  return { ...fake, history, commit: new JunosCommit(fake.session) };
}

const rejected = expect.objectContaining({ code: "SB_COMMIT_REJECTED", device: "mx-1" });

describe("commit on Junos", () => {
  it("rounds the timeout up to minutes and puts the tag into the history", async () => {
    const { commit, sent } = junos([""]);
    await commit.commitConfirmed({ timeoutS: 61, tag: "job-1" });
    await commit.commitConfirmed({ timeoutS: 1, tag: "job-2" });
    expect(sent).toEqual([
      "<commit-configuration><confirmed/><confirm-timeout>2</confirm-timeout><log>job-1</log></commit-configuration>",
      "<commit-configuration><confirmed/><confirm-timeout>1</confirm-timeout><log>job-2</log></commit-configuration>",
    ]);
  });

  it("confirms after a look at the history, once", async () => {
    const { commit, history } = junos(["job-1", ""]);
    await commit.confirm("job-1");
    await commit.confirm("job-1");
    expect(history).toEqual(["job-1 confirm", "job-1", ""]);
  });

  it.each([[["automatic rollback", "job-1", ""]], [["job-2", "job-1"]], [["job-1 revert", "job-1"]], [[]]])(
    "does not confirm when the history is %j",
    async (initial) => {
      const { commit, history } = junos(initial);
      await expect(commit.confirm("job-1")).rejects.toThrowError(rejected);
      expect(history).toEqual(initial);
      expect(await commit.outcome("job-1")).toBe("absent");
    },
  );

  it("notices a rollback between the look and the confirmation", async () => {
    const { commit } = junos(["job-1", ""], (history) => history.unshift("automatic rollback"));
    await expect(commit.confirm("job-1")).rejects.toThrowError(rejected);
  });

  it.each([
    ["pending", ["job-1", ""], "1"],
    ["confirmed", ["job-1 confirm", "job-1", ""], "2"],
  ])("takes a %s commit back under the lock", async (_, initial, rollback) => {
    const { commit, history, sent } = junos(initial);
    expect(await commit.outcome("job-1")).toBe("in-effect");
    await commit.revert("job-1");
    expect(history).toEqual(["job-1 revert", ...initial]);
    expect(sent.slice(-5)).toEqual([
      "lock",
      "<get-commit-information/>",
      `<load-configuration rollback="${rollback}"/>`,
      "<commit-configuration><log>job-1 revert</log></commit-configuration>",
      "unlock",
    ]);
    expect(await commit.outcome("job-1")).toBe("absent");
  });

  it("takes nothing back when another commit came after", async () => {
    const { commit, history } = junos(["job-2", "job-1 confirm", "job-1"]);
    await commit.revert("job-1");
    expect(history).toEqual(["job-2", "job-1 confirm", "job-1"]);
  });
});

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

it("refuses to commit on a device without confirmed commits", async () => {
  const commit = noConfirmedCommit("mx-1");
  await expect(commit.commitConfirmed({ timeoutS: 60, tag: "t" })).rejects.toThrowError(/no confirmed commit/);
  expect(await commit.outcome("t")).toBe("unknown");
});
