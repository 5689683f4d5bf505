import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  absentResource,
  type ResourceSnapshot,
  resourceTransition,
} from "../../../../src/machines/resource/resource-machine.ts";
import { isResting } from "../../../../src/machines/resource/resource-status.ts";
import { latestVersion } from "../../../../src/machines/resource/resource-steps.ts";
import type { ResourceEvent } from "../../../../src/machines/resource/resource-types.ts";
import {
  bad,
  create,
  failed,
  finished,
  good,
  monitor,
  noJobs,
  plan,
  remove,
  retry,
  silent,
  start,
  started,
  update,
  written,
} from "./things.ts";

/*
 * Whatever happens to a resource, in whatever order: what must hold at every moment. Each number picks an event; its parameters come from
 * the state, so that most events mean something and some do not.
 */

const others = ["create:heat_worker:base:b1:1:bbbbb", "create:heat_worker:base:b2:1:bbbbb"];

function nextPlan(snapshot: ResourceSnapshot, number: number, version: number) {
  const { context } = snapshot;
  const deletes = context.markedForDeletion && (context.queue[0]?.action ?? "delete") === "delete";
  const action = deletes ? "delete" : context.effective === null ? "create" : "update";
  return number % 5 === 0 ? noJobs : plan(action, version, { waitsFor: others.slice(0, number % 3) });
}

function eventFor(snapshot: ResourceSnapshot, kind: number, number: number): ResourceEvent {
  const { context, value } = snapshot;
  const jobs = context.jobs.map(({ job }) => job.id);
  const job = jobs[number % Math.max(1, jobs.length)] ?? "create:heat_worker:thing:t1:1:zzzzz";
  const inHand = context.jobs.find(({ phase }) => phase === "ready" || phase === "working")?.job.id ?? job;
  const idle = isResting(value.lifecycle) && context.queue.length === 0;
  const events: Array<() => ResourceEvent> = [
    () => create(nextPlan(snapshot, number, 1)),
    () => update(idle ? nextPlan(snapshot, number, latestVersion(context) + 1) : null, { name: `n${number}` }),
    remove,
    () => start(nextPlan(snapshot, number, context.queue[0]?.version ?? 0)),
    () => ({ type: "START_FAILED", error: "SB_X: no plan" }),
    () => retry(nextPlan(snapshot, number, context.version)),
    () => started(inHand),
    () => finished(inHand),
    () => finished(inHand),
    () => finished(job),
    () => failed(job),
    () => ({ type: "JOB_RETRIED", jobId: inHand, error: "SB_X: busy" }),
    () => ({ type: "DEPENDENCY_FINISHED", dependency: others[number % 2] ?? "" }),
    () => ({ type: "DEPENDENCY_FAILED", dependency: others[number % 2] ?? "", error: "SB_X: theirs" }),
    () => monitor(context.monitoring?.version ?? 0, [good, bad, silent][number % 3] ?? good),
    () => ({ type: "PROPOSE_DELETE", by: "p" }),
    () => ({ type: "WITHDRAW_DELETE" }),
  ];
  return events[kind % events.length]?.() ?? remove();
}

const course = fc.array(fc.tuple(fc.nat(16), fc.nat(30)), { maxLength: 60, size: "max" });

/** Runs a course of events and looks at every state on the way. */
function walk(
  steps: ReadonlyArray<readonly [number, number]>,
  look: (step: {
    before: ResourceSnapshot;
    after: ResourceSnapshot;
    taken: boolean;
    documents: ReadonlyMap<string, unknown>;
  }) => void,
): ResourceSnapshot {
  let snapshot = absentResource();
  const documents = new Map<string, unknown>();
  for (const [kind, number] of steps) {
    const result = resourceTransition(snapshot, eventFor(snapshot, kind, number));
    for (const [key, value] of written(result.effects)) {
      if (value === null) documents.delete(key);
      else documents.set(key, value);
    }
    look({ before: snapshot, after: result.snapshot, taken: result.taken, documents });
    snapshot = result.snapshot;
  }
  return snapshot;
}

const runs = { numRuns: 200 };

describe("in any course of events", () => {
  it("versions only grow, and those that wait are numbered without a gap", () => {
    fc.assert(
      fc.property(course, (steps) => {
        walk(steps, ({ before, after }) => {
          expect(after.context.version).toBeGreaterThanOrEqual(before.context.version);
          const waiting = after.context.queue.map(({ version }) => version);
          expect(waiting).toEqual(waiting.map((_, at) => (waiting[0] ?? 0) + at));
          if (waiting[0] !== undefined) expect(waiting[0]).toBeGreaterThan(after.context.version);
        });
      }),
      runs,
    );
  });

  it("at most one job of a resource is in hand, and it works exactly while a version is", () => {
    fc.assert(
      fc.property(course, (steps) => {
        walk(steps, ({ after: { context, value } }) => {
          const inHand = context.jobs.filter(({ phase }) => phase === "ready" || phase === "working");
          const pending = value.lifecycle.startsWith("pending_");
          if (pending) expect(inHand.length).toBeLessThanOrEqual(1);
          expect(context.action !== null).toBe(pending);
          if (value.lifecycle === "create_completed" || value.lifecycle === "deleted") expect(context.jobs).toEqual([]);
          if (pending && inHand.length === 0)
            expect(context.jobs.some(({ waitsFor }) => waitsFor.length > 0)).toBe(true);
        });
      }),
      runs,
    );
  });

  it("what is deleted leaves no document, and what rests none of its jobs", () => {
    fc.assert(
      fc.property(course, (steps) => {
        walk(steps, ({ after: { value }, documents }) => {
          if (value.lifecycle === "deleted") expect([...documents.keys()]).toEqual([]);
          if (value.lifecycle !== "absent" && !value.lifecycle.startsWith("pending_")) {
            const left = [...documents.keys()].filter((key) => /^\/(jobs|esi-worker\/job_state)\//.test(key));
            expect(left).toEqual([]);
          }
        });
      }),
      runs,
    );
  });

  it("the config document says the latest accepted version, and whether it is to go", () => {
    fc.assert(
      fc.property(course, (steps) => {
        walk(steps, ({ after: { context, value }, documents }) => {
          if (value.lifecycle === "absent" || value.lifecycle === "deleted") return;
          expect(documents.get("/config/v2.0/things/t1")).toMatchObject({
            version: latestVersion(context),
            marked_for_deletion: context.markedForDeletion,
          });
        });
      }),
      runs,
    );
  });

  it("an accepted deletion is never forgotten: nothing but its own failure keeps the resource", () => {
    fc.assert(
      fc.property(course, (steps) => {
        walk(steps, ({ before, after }) => {
          if (!before.context.markedForDeletion) return;
          expect(after.context.markedForDeletion).toBe(true);
          const waits = after.context.queue.at(-1)?.action === "delete";
          expect(waits || ["pending_delete", "delete_failed", "deleted"].includes(after.value.lifecycle)).toBe(true);
        });
      }),
      runs,
    );
  });

  it("a snapshot that was stored and read goes on as the one in memory", () => {
    fc.assert(
      fc.property(course, fc.nat(59), (steps, at) => {
        const kept = walk(steps.slice(0, at), () => {});
        const restored = JSON.parse(JSON.stringify(kept)) as ResourceSnapshot;
        expect(restored).toEqual(kept);
        let [memory, disk] = [kept, restored];
        for (const [kind, number] of steps.slice(at)) {
          const event = eventFor(memory, kind, number);
          const [one, other] = [resourceTransition(memory, event), resourceTransition(disk, event)];
          expect(other).toEqual(one);
          [memory, disk] = [one.snapshot, JSON.parse(JSON.stringify(other.snapshot)) as ResourceSnapshot];
        }
      }),
      runs,
    );
  });

  it("an event that means nothing changes nothing and asks for nothing", () => {
    fc.assert(
      fc.property(course, (steps) => {
        walk(steps, ({ before, after, taken }) => {
          if (!taken) expect(after).toBe(before);
        });
      }),
      runs,
    );
  });
});
