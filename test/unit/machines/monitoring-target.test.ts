import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  newTarget,
  type TargetSnapshot,
  targetTransition,
} from "../../../src/machines/monitoring-target/target-machine.ts";
import type { TargetStatus } from "../../../src/machines/resource/resource-types.ts";

const up: TargetStatus = { word: "ACTIVE", published: "UP", verdict: "good" };
const down: TargetStatus = { word: "DOWN", published: "DOWN", verdict: "bad" };
const init: TargetStatus = { word: "init", published: "INIT", verdict: "bad" };
const silent: TargetStatus = {
  word: "MONITORING_UNAVAILABLE",
  published: "MONITORING_UNAVAILABLE",
  verdict: "unavailable",
};

/** The words reported for a series of answers, "" where there was nothing to report. */
function reports(answers: readonly TargetStatus[], from: TargetSnapshot): string[] {
  let snapshot = from;
  return answers.map((answer) => {
    const result = targetTransition(snapshot, answer);
    snapshot = result.snapshot;
    return result.reports ? (snapshot.context.status?.word ?? "?") : "";
  });
}

describe("the machine of a monitoring target", () => {
  it("starts pending and reports the first answer, whatever the confirmations", () => {
    expect(newTarget().value).toBe("pending");
    expect(reports([down], newTarget(3))).toEqual(["DOWN"]);
  });

  it("reports changes only", () => {
    expect(reports([up, up, down, down, silent, up], newTarget())).toEqual([
      "ACTIVE",
      "",
      "DOWN",
      "",
      "MONITORING_UNAVAILABLE",
      "ACTIVE",
    ]);
  });

  it("holds a change of verdict back until it is confirmed", () => {
    expect(reports([up, down, down, down], newTarget(3))).toEqual(["ACTIVE", "", "", "DOWN"]);
  });

  it("starts counting anew when the old verdict or another one comes in between", () => {
    expect(reports([up, down, up, down, down], newTarget(2))).toEqual(["ACTIVE", "", "", "", "DOWN"]);
    expect(reports([up, down, silent, down, down], newTarget(2))).toEqual(["ACTIVE", "", "", "", "DOWN"]);
  });

  it("holds a target down that flaps: each fall after the first doubles the good answers that it takes, up to 8", () => {
    let snapshot = newTarget(1, up);
    const answersUntilGood = () => {
      for (let answers = 1; ; answers += 1) {
        snapshot = targetTransition(snapshot, up).snapshot;
        if (snapshot.value === "good") return answers;
      }
    };
    const taken = [down, silent, down, down, init].map((fall) => {
      snapshot = targetTransition(snapshot, fall).snapshot;
      return answersUntilGood();
    });
    expect(taken).toEqual([1, 2, 4, 8, 8]);
  });

  it("starts the count of good answers anew with each bad one while it is held down", () => {
    const fallen = [down, up, down].reduce((at, answer) => targetTransition(at, answer).snapshot, newTarget(1, up));
    expect(reports([up, down, up, up], fallen)).toEqual(["", "", "", "ACTIVE"]);
  });

  it("forgets the falls after 20 good answers in a row", () => {
    let snapshot = newTarget(1, up);
    for (const answer of [down, up, down, up, up]) snapshot = targetTransition(snapshot, answer).snapshot;
    expect(snapshot.context.flaps).toBe(2);
    for (let answer = 0; answer < 20; answer += 1) snapshot = targetTransition(snapshot, up).snapshot;
    expect(reports([down, up], snapshot)).toEqual(["DOWN", "ACTIVE"]);
  });

  it("reports a new word of the same verdict at once", () => {
    expect(reports([down, init], newTarget(3))).toEqual(["DOWN", "init"]);
  });

  it("does not report another reason, but keeps it", () => {
    const { snapshot, reports: reported } = targetTransition(newTarget(1, down), { ...down, reason: "cut" });
    expect(reported).toBe(false);
    expect(snapshot.context.status?.reason).toBe("cut");
  });

  it("goes on from a status that was reported before", () => {
    expect(newTarget(1, up).value).toBe("good");
    expect(reports([up, down], newTarget(1, up))).toEqual(["", "DOWN"]);
  });

  it("goes on from a stored snapshot, in the middle of a doubt", () => {
    const { snapshot } = targetTransition(newTarget(2, up), down);
    const restored: TargetSnapshot = JSON.parse(JSON.stringify(snapshot));
    expect(restored).toEqual(snapshot);
    expect(reports([down], restored)).toEqual(["DOWN"]);
  });

  it("always has its status' verdict as its state, and reports exactly when word or verdict change", () => {
    const answers = fc
      .tuple(fc.array(fc.constantFrom(up, down, init, silent)), fc.array(fc.constant(up), { maxLength: 10 }))
      .map(([any, ups]) => [...any, ...ups]);
    fc.assert(
      fc.property(answers, fc.integer({ min: 1, max: 4 }), (series, confirmations) => {
        let snapshot = newTarget(confirmations);
        for (const answer of series) {
          const before = snapshot.context.status;
          const result = targetTransition(snapshot, answer);
          snapshot = result.snapshot;
          expect(snapshot.value).toBe(snapshot.context.status?.verdict);
          expect(result.reports).toBe(before?.word !== snapshot.context.status?.word);
        }
        // However often it has fallen, 8 good answers in a row bring it back.
        const last = series.at(-1)?.verdict;
        const enough = last === "good" ? Math.max(confirmations, 8) : confirmations;
        const settled = series.slice(-enough);
        if (settled.length === enough && settled.every(({ verdict }) => verdict === last)) {
          expect(snapshot.value).toBe(last);
        }
      }),
    );
  });
});
