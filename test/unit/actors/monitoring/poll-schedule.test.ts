import { describe, expect, it } from "vitest";
import { PollSchedule } from "../../../../src/actors/monitoring/poll-schedule.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";

function start() {
  const clock = new VirtualClock(1_000_000);
  const due: Array<[number, string[]]> = [];
  const schedule = new PollSchedule<string>(clock, 500, (items) => due.push([clock.now() - 1_000_000, [...items]]));
  return { clock, due, schedule };
}

describe("the schedule of polls", () => {
  it("brings up together what falls into the same tick, with one timer for all", () => {
    const { clock, due, schedule } = start();
    schedule.set("late", 2100);
    schedule.set("a", 700);
    schedule.set("b", 1000);
    expect(clock.pending()).toBe(1);
    clock.advance(10_000);
    expect(due).toEqual([
      [1000, ["a", "b"]],
      [2500, ["late"]],
    ]);
    expect(clock.pending()).toBe(0);
  });

  it("forgets what is deleted, and what is set anew is due at its new time only", () => {
    const { clock, due, schedule } = start();
    schedule.set("gone", 500);
    schedule.set("moved", 500);
    schedule.delete("gone");
    schedule.set("moved", 1500);
    clock.advance(10_000);
    expect(due).toEqual([[1500, ["moved"]]]);
  });

  it("holds no timer when it is empty", () => {
    const { clock, schedule } = start();
    schedule.set("a", 500);
    schedule.set("b", 900);
    schedule.delete("a");
    schedule.clear();
    expect(clock.pending()).toBe(0);
  });
});
