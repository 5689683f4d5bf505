import { describe, expect, it } from "vitest";
import { describeMachine } from "../../../src/machines/describe-machine.ts";
import { deviceSessionMachine } from "../../../src/machines/device-session/device-session-machine.ts";
import { resourceMachine } from "../../../src/machines/resource/resource-machine.ts";
import { chartGraph } from "../../../src/ui/chart/chart-graph.ts";
import { place } from "../../../src/ui/chart/elk-layout.ts";
import { filtersOf, fleetPath } from "../../../src/ui/fleet/fleet-query.ts";
import { age, duration } from "../../../src/ui/format.ts";
import { flapsOf, piecesOf } from "../../../src/ui/monitoring/target-history.ts";
import { parseEvent } from "../../../src/ui/parse-event.ts";
import { readReport } from "../../../src/ui/resource/read-report.ts";
import { stepView } from "../../../src/ui/resource/step-view.ts";

describe("the chart of a machine", () => {
  it("has every state and every transition that leads elsewhere", () => {
    const graph = chartGraph(describeMachine(resourceMachine));
    expect(graph.boxes.map(({ id }) => id)).toEqual(["lifecycle", "operational"]);
    expect(graph.boxes[0]?.children.map(({ name }) => name)).toContain("delete_failed");
    const admitted = graph.edges.find(({ id }) => id === "lifecycle.proposed>lifecycle.pending_create");
    expect(admitted?.lines).toEqual(["ADMIT / admit"]);
    const done = graph.edges.find(({ id }) => id === "lifecycle.pending_create>lifecycle.create_completed");
    expect(done?.lines).toEqual([
      "JOB_FINISHED [completes] / jobFinished",
      "JOB_FAILED [completesIgnored] / jobFailed",
    ]);
  });

  it.each([resourceMachine, deviceSessionMachine])(
    "finds a place for all of $id, none over another",
    async (machine) => {
      const graph = chartGraph(describeMachine(machine));
      const layout = await place(graph, "DOWN");
      const states = layout.boxes.filter(({ isRegion }) => !isRegion);
      expect(states).toHaveLength(
        graph.boxes.flatMap((box) => (box.children.length > 0 ? box.children : [box])).length,
      );
      expect(layout.edges.map(({ id }) => id).sort()).toEqual(graph.edges.map(({ id }) => id).sort());
      for (const [at, a] of states.entries()) {
        for (const b of states.slice(at + 1)) {
          const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
          expect([a.id, b.id, apart]).toEqual([a.id, b.id, true]);
        }
      }
    },
  );
});

describe("an error's report", () => {
  it("is taken apart: code, message, device and statement, without the advice", () => {
    const report = "SB_LOAD_REJECTED: rejected [device 10.0.0.1] [statement: interfaces ae0 unit 3]. Correct it.";
    expect(readReport(report, [], "Correct it.")).toEqual({
      code: "SB_LOAD_REJECTED",
      message: "rejected.",
      device: "10.0.0.1",
      statement: "interfaces ae0 unit 3",
    });
  });

  it("names the device that the message names itself, not one whose address only begins like it", () => {
    expect(readReport("SB_X_Y: 10.0.0.12 says no", ["10.0.0.1", "10.0.0.12"], "").device).toBe("10.0.0.12");
  });
});

describe("what is shown of a time", () => {
  it("is as short as it can be", () => {
    expect([340, 4_210, 200_000, 7_500_000].map(duration)).toEqual(["340 ms", "4.2 s", "3 min 20 s", "2 h 5 min"]);
    expect([900, 61_000, 7_200_000, 200_000_000].map(age)).toEqual(["0 s", "1 min", "2 h", "2 d"]);
  });
});

describe("the history of a target", () => {
  const changes = [
    { time: 100, verdict: "good", word: "UP" },
    { time: 200, verdict: "bad", word: "DOWN" },
    { time: 250, verdict: "good", word: "UP" },
  ];
  it("is cut to the time that is shown", () => {
    expect(piecesOf(changes, 150, 300).map(({ verdict, from, to }) => [verdict, from, to])).toEqual([
      ["good", 150, 200],
      ["bad", 200, 250],
      ["good", 250, 300],
    ]);
  });
  it("counts the flaps in it", () => {
    expect([flapsOf(changes, 0), flapsOf(changes, 220)]).toEqual([2, 1]);
  });
});

describe("an event of a stream", () => {
  it("has its name, its id and its data; a heartbeat is none", () => {
    expect(parseEvent('id: 7\nevent: transition\ndata: {"seq":7}')).toEqual({
      name: "transition",
      id: "7",
      data: { seq: 7 },
    });
    expect(parseEvent(":")).toBeUndefined();
    expect(parseEvent("retry: 1000")).toBeUndefined();
  });
});

describe("filters", () => {
  it("are read from the URL, and asked for as they are", () => {
    const filters = filtersOf(new URLSearchParams("q=a%26b&state=up&state=down&type=port&sort=-state"));
    expect(filters).toEqual({ text: "a&b", states: ["up", "down"], types: ["port"], tenants: [], sort: "-state" });
    expect(fleetPath(filters, 100, 50)).toBe(
      "/signalbox/v1/fleet?sort=-state&offset=100&limit=50&q=a%26b&type=port&state=up&state=down",
    );
  });
});

describe("a step of time travel", () => {
  const rest = { version: 1, action: null, status: null, error: "", jobs: [], queued: 0 };
  it("lights where the resource was and marks the way there", () => {
    const view = stepView([
      { ...rest, seq: 1, time: 1, event: "CREATE", before: "absent", after: "pending_create", operational: "unknown" },
      {
        ...rest,
        seq: 2,
        time: 2,
        event: "JOB_STARTED",
        before: "pending_create",
        after: "pending_create",
        operational: "unknown",
      },
      {
        ...rest,
        seq: 3,
        time: 3,
        event: "JOB_FINISHED",
        before: "pending_create",
        after: "create_completed",
        operational: "up",
      },
    ]);
    expect(view.current).toEqual(["lifecycle.create_completed", "operational.up"]);
    expect(view.last).toBe("lifecycle.pending_create>lifecycle.create_completed");
    expect([...view.taken]).toContainEqual(["lifecycle.absent>lifecycle.pending_create", ["CREATE"]]);
  });
});
