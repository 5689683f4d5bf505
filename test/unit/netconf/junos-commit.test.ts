import { describe, expect, it } from "vitest";
import type { CommitContext } from "../../../src/adapters/netconf/commit-flavour.ts";
import { JunosCommit } from "../../../src/adapters/netconf/junos-commit.ts";
import { childText, parseXml, serializeXml, type XmlElement } from "../../../src/xml/element.ts";

/** A commit: its comment, and the interfaces that are described after it. */
type Entry = readonly [comment: string, ...interfaces: string[]];

/**
 * A Junos device with a commit history, newest first, whose configuration is a set of interfaces. `before` is what happens just before an
 * operation is executed.
 */
function junos(initial: readonly Entry[], before: (operation: XmlElement, history: Entry[]) => void = () => undefined) {
  const history = [...initial];
  const running = (): readonly string[] => history[0]?.slice(1) ?? [];
  /** Undefined while it is as running. */
  let changed: readonly string[] | undefined;
  const sent: string[] = [];
  const tree = (names: readonly string[]) =>
    `<rpc-reply><data><configuration>${names.map((name) => `<interface><name>${name}</name></interface>`).join("")}</configuration></data></rpc-reply>`;
  const rpc = async (operation: XmlElement): Promise<XmlElement> => {
    sent.push(serializeXml(operation));
    before(operation, history);
    return parseXml(answer(operation));
  };
  const answer = (operation: XmlElement): string => {
    switch (operation.name) {
      case "get-commit-information": {
        const entries = history.map(
          ([log], index) =>
            `<commit-history><sequence-number>${index}</sequence-number><user>lab</user><client>netconf</client>${log === "" ? "" : `<log>${log}</log>`}</commit-history>`,
        );
        return `<rpc-reply><commit-information>${entries.join("")}</commit-information></rpc-reply>`;
      }
      case "commit-configuration":
        history.unshift([childText(operation, "log") ?? "", ...(changed ?? running())]);
        changed = undefined;
        break;
      case "load-configuration":
        changed = history[Number(operation.attributes["rollback"])]?.slice(1) ?? [];
        break;
      case "get-config":
        return tree(serializeXml(operation).includes("<running/>") ? running() : (changed ?? running()));
      case "edit-config":
        for (const [, attributes, name] of serializeXml(operation).matchAll(
          /<interface([^>]*)><name>(.*?)<\/name><\/interface>/g,
        )) {
          changed = (changed ?? running()).filter((other) => other !== name);
          if (!attributes?.includes("delete")) changed = [...changed, name ?? ""];
        }
        break;
      default:
    }
    return "<rpc-reply><ok/></rpc-reply>";
  };
  const session: CommitContext = {
    device: "mx-1",
    rpc,
    locked: async (work) => {
      sent.push("lock");
      changed = undefined;
      const result = await work();
      sent.push("unlock");
      return result;
    },
    discard: async () => {
      sent.push("discard");
      changed = undefined;
    },
    close: async () => void sent.push("close"),
    now: () => 0,
  };
  return { sent, history, running, commit: new JunosCommit(session) };
}

const rejected = expect.objectContaining({ code: "SB_COMMIT_REJECTED", device: "mx-1" });
const base: Entry = ["", "lo0"];
const pending: Entry[] = [["job-1", "lo0", "ae1"], base];
const confirmed: Entry[] = [["job-1 confirm", "lo0", "ae1"], ...pending];
const rollback: Entry = ["", "lo0"];

describe("commit on Junos", () => {
  it("rounds the timeout up to minutes and puts the tag into the history", async () => {
    const { commit, sent } = junos([base]);
    await commit.commitConfirmed({ timeoutS: 61, tag: "job-1" });
    await commit.commitConfirmed({ timeoutS: 1, tag: "job-2" });
    expect(sent).toEqual([
      "<commit-configuration><confirmed/><confirm-timeout>2</confirm-timeout><log>job-1</log></commit-configuration>",
      "<commit-configuration><confirmed/><confirm-timeout>1</confirm-timeout><log>job-2</log></commit-configuration>",
    ]);
  });

  it("confirms after a look at the history, once", async () => {
    const { commit, history } = junos(pending);
    await commit.confirm("job-1");
    await commit.confirm("job-1");
    expect(history.map(([comment]) => comment)).toEqual(["job-1 confirm", "job-1", ""]);
  });
});

/** What came after the commit, newest first, and what is to be said of it then. */
const histories: ReadonlyArray<{ name: string; history: Entry[]; outcome: "in-effect" | "absent"; taken: string[] }> = [
  { name: "nothing at all", history: [], outcome: "absent", taken: [] },
  { name: "it was never made", history: [["other", "lo0"], base], outcome: "absent", taken: ["lo0"] },
  { name: "it is pending", history: pending, outcome: "in-effect", taken: ["lo0"] },
  { name: "it is confirmed", history: confirmed, outcome: "in-effect", taken: ["lo0"] },
  { name: "the router rolled it back", history: [rollback, ...pending], outcome: "absent", taken: ["lo0"] },
  {
    name: "the router rolled it back, and the confirmation came too late",
    history: [["job-1 confirm", "lo0"], rollback, ...pending],
    outcome: "absent",
    taken: ["lo0"],
  },
  {
    name: "the router rolled it back and somebody committed",
    history: [["by hand", "lo0", "ae9"], rollback, ...pending],
    outcome: "absent",
    taken: ["lo0", "ae9"],
  },
  {
    name: "it was taken back",
    history: [["job-1 revert", "lo0"], ...pending],
    outcome: "absent",
    taken: ["lo0"],
  },
  {
    name: "it was taken back and somebody committed",
    history: [["by hand", "lo0", "ae9"], ["job-1 revert", "lo0"], ...confirmed],
    outcome: "absent",
    taken: ["lo0", "ae9"],
  },
  {
    name: "somebody committed on top of it while it was pending",
    history: [["by hand", "lo0", "ae1", "ae9"], ...pending],
    outcome: "in-effect",
    taken: ["lo0", "ae9"],
  },
  {
    name: "several committed on top of it",
    history: [["b", "ae1", "ae9"], ["a", "lo0", "ae1", "ae9"], ...pending],
    outcome: "in-effect",
    taken: ["ae9"],
  },
  {
    name: "somebody took it away by hand while it was pending",
    history: [["by hand", "lo0", "ae9"], ...pending],
    outcome: "absent",
    taken: ["lo0", "ae9"],
  },
  {
    name: "somebody committed on top of it after it was confirmed",
    history: [["by hand", "lo0", "ae1", "ae9"], ...confirmed],
    outcome: "in-effect",
    taken: ["lo0", "ae9"],
  },
  {
    name: "it was made once more after the router had rolled it back",
    history: [["job-1", "lo0", "ae1"], rollback, ...pending],
    outcome: "in-effect",
    taken: ["lo0"],
  },
];

describe.each(histories)("a commit on Junos when $name", ({ history, outcome, taken }) => {
  it(`is ${outcome}`, async () => {
    const device = junos(history);
    expect(await device.commit.outcome("job-1")).toBe(outcome);
    expect(device.history).toEqual(history);
  });

  it("is gone once it is taken back, and nothing else is", async () => {
    const device = junos(history);
    await device.commit.revert("job-1");
    expect(device.running()).toEqual(taken);
    expect(await device.commit.outcome("job-1")).toBe("absent");
  });

  it(outcome === "in-effect" ? "is final once it is confirmed" : "is not confirmed", async () => {
    const device = junos(history);
    const before = device.running();
    if (outcome === "in-effect") await device.commit.confirm("job-1");
    else await expect(device.commit.confirm("job-1")).rejects.toThrowError(rejected);
    expect(device.running()).toEqual(before);
    expect(await device.commit.outcome("job-1")).toBe(outcome);
  });
});

describe("a rollback of the router's own in the middle of it", () => {
  it("before the confirmation: the confirmation is none", async () => {
    const device = junos(pending, ({ name }, history) => {
      if (name === "commit-configuration") history.unshift(rollback);
    });
    await expect(device.commit.confirm("job-1")).rejects.toThrowError(rejected);
  });

  it("while it is taken back: the numbers of earlier configurations have moved, so nothing is committed", async () => {
    let done = false;
    const device = junos(pending, ({ name }, history) => {
      if (name !== "load-configuration" || done) return;
      done = true;
      history.unshift(rollback);
    });
    await expect(device.commit.revert("job-1")).rejects.toMatchObject({ transient: true });
    expect(device.running()).toEqual(["lo0"]);
  });
});

it.each(["<rpc-reply/>", "<rpc-reply><ok/></rpc-reply>", "<rpc-reply><commit-informatio/></rpc-reply>"])(
  "takes %s for no history",
  async (answer) => {
    const session = { device: "mx-1", rpc: async () => parseXml(answer) } as unknown as CommitContext;
    const unsaid = expect.objectContaining({ code: "SB_DEVICE_PROTOCOL", device: "mx-1" });
    await expect(new JunosCommit(session).outcome("job-1")).rejects.toThrowError(unsaid);
  },
);
