import { describe, expect, it } from "vitest";
import { absentResource, isFree, resourceTransition } from "../../../../src/machines/resource/resource-machine.ts";
import type { Lifecycle } from "../../../../src/machines/resource/resource-status.ts";
import type { ResourceEvent } from "../../../../src/machines/resource/resource-types.ts";
import {
  admit,
  admitAtOnce,
  bad,
  create,
  failed,
  finished,
  jobId,
  monitor,
  noJobs,
  plan,
  propose,
  remove,
  retry,
  start,
  started,
  stateAfter,
  update,
  wayTo,
} from "./things.ts";

/*
 * Every state times every event. Where the table says nothing, the event means nothing: the snapshot stays as it is, nothing is asked of
 * the host. What a client is told of it is the planner's and the gateway's matter (test/unit/actors/resource-planner.test.ts).
 */

const states = Object.keys(wayTo) as Lifecycle[];
const version: Partial<Record<Lifecycle, number>> = {
  pending_update: 2,
  update_failed: 2,
  pending_delete: 2,
  delete_failed: 2,
};
const chain: Partial<Record<Lifecycle, "create" | "update" | "delete">> = {
  pending_update: "update",
  pending_delete: "delete",
};

/** The job whose turn it is in a pending state. */
function current(state: Lifecycle): string {
  return plan(chain[state] ?? "create", version[state] ?? 1).jobs[0]?.id ?? "";
}

const events: Readonly<Record<string, (state: Lifecycle) => ResourceEvent>> = {
  PROPOSE: propose,
  "ADMIT with jobs": () => admit(),
  "ADMIT without jobs": () => admit(noJobs),
  "ADMIT without a proposal, with jobs": () => admitAtOnce(),
  "ADMIT without a proposal or jobs": () => admitAtOnce(noJobs),
  REJECT: () => ({ type: "REJECT" }),
  "CREATE with jobs": () => create(),
  "CREATE without jobs": () => create(noJobs),
  "UPDATE now, with jobs": (state) => update(plan("update", (version[state] ?? 1) + 1)),
  "UPDATE now, without jobs": () => update(noJobs),
  "UPDATE in its turn": () => update(null),
  PROPOSE_UPDATE: () => ({ type: "PROPOSE_UPDATE", by: "p", token: "k1", uniques: [], references: [] }),
  "WITHDRAW_UPDATE of nothing": () => ({ type: "WITHDRAW_UPDATE", token: "k1" }),
  PROPOSE_DELETE: () => ({ type: "PROPOSE_DELETE", by: "p" }),
  WITHDRAW_DELETE: () => ({ type: "WITHDRAW_DELETE" }),
  DELETE: remove,
  "START with jobs": () => start(plan("update", 9)),
  "START without jobs": () => start(noJobs),
  START_FAILED: () => ({ type: "START_FAILED", error: "SB_X: no plan" }),
  "RETRY with jobs": (state) => retry(plan(state === "delete_failed" ? "delete" : "create", version[state] ?? 1)),
  "RETRY without jobs": () => retry(noJobs),
  "DEPENDENCY_FINISHED of nothing": () => ({ type: "DEPENDENCY_FINISHED", dependency: "other" }),
  "DEPENDENCY_FAILED of nothing": () => ({ type: "DEPENDENCY_FAILED", dependency: "other", error: "SB_X" }),
  "JOB_STARTED, the first": (state) => started(current(state)),
  "JOB_STARTED, one that waits": () => started(jobId("create", "monitoring_worker", 1)),
  "JOB_STARTED, unknown": () => started("unknown"),
  "JOB_RETRIED, the first": (state) => ({ type: "JOB_RETRIED", jobId: current(state), error: "SB_X" }),
  "JOB_RETRIED, unknown": () => ({ type: "JOB_RETRIED", jobId: "unknown", error: "SB_X" }),
  "JOB_FINISHED, the first": (state) => finished(current(state)),
  "JOB_FINISHED, unknown": () => finished("create:monitoring_worker:thing:t1:1:zzzzz"),
  "JOB_FAILED, the first": (state) => failed(current(state)),
  "JOB_FAILED, unknown": () => failed("unknown"),
  "MONITOR of its version": () => monitor(1, bad),
  "MONITOR of another version": () => monitor(7, bad),
  RESEAL: () => ({ type: "RESEAL", tokens: {}, documents: [{ key: "/config/v2.0/things/t1", value: {} }] }),
};

/** Where each event leads; one that is not here means nothing in that state. */
const table: Readonly<Record<Lifecycle, Readonly<Record<string, Lifecycle>>>> = {
  absent: {
    PROPOSE: "proposed",
    "ADMIT without a proposal, with jobs": "pending_create",
    "ADMIT without a proposal or jobs": "create_completed",
    "CREATE with jobs": "pending_create",
    "CREATE without jobs": "create_completed",
  },
  // The same proposal again changes nothing.
  proposed: {
    "ADMIT with jobs": "pending_create",
    "ADMIT without jobs": "create_completed",
    REJECT: "deleted",
  },
  pending_create: {
    RESEAL: "pending_create",
    "UPDATE in its turn": "pending_create",
    PROPOSE_UPDATE: "pending_create",
    PROPOSE_DELETE: "pending_create",
    DELETE: "pending_create",
    "JOB_STARTED, the first": "pending_create",
    "JOB_RETRIED, the first": "pending_create",
    "JOB_FINISHED, the first": "pending_create",
    "JOB_FAILED, the first": "create_failed",
  },
  create_completed: {
    RESEAL: "create_completed",
    "UPDATE now, with jobs": "pending_update",
    "UPDATE now, without jobs": "create_completed",
    "UPDATE in its turn": "create_completed",
    PROPOSE_UPDATE: "create_completed",
    PROPOSE_DELETE: "create_completed",
    DELETE: "create_completed",
    "MONITOR of its version": "create_completed",
  },
  create_failed: {
    RESEAL: "create_failed",
    "UPDATE now, with jobs": "pending_create",
    "UPDATE now, without jobs": "create_completed",
    "UPDATE in its turn": "create_failed",
    PROPOSE_UPDATE: "create_failed",
    PROPOSE_DELETE: "create_failed",
    DELETE: "create_failed",
    "RETRY with jobs": "pending_create",
    "RETRY without jobs": "create_completed",
  },
  pending_update: {
    RESEAL: "pending_update",
    "UPDATE in its turn": "pending_update",
    PROPOSE_UPDATE: "pending_update",
    PROPOSE_DELETE: "pending_update",
    DELETE: "pending_update",
    "JOB_STARTED, the first": "pending_update",
    "JOB_RETRIED, the first": "pending_update",
    "JOB_FINISHED, the first": "pending_update",
    // The job that ends the monitoring may fail.
    "JOB_FAILED, the first": "pending_update",
    "MONITOR of its version": "pending_update",
  },
  update_failed: {
    RESEAL: "update_failed",
    "UPDATE now, with jobs": "pending_update",
    "UPDATE now, without jobs": "create_completed",
    "UPDATE in its turn": "update_failed",
    PROPOSE_UPDATE: "update_failed",
    PROPOSE_DELETE: "update_failed",
    DELETE: "update_failed",
    "RETRY with jobs": "pending_update",
    "RETRY without jobs": "create_completed",
  },
  pending_delete: {
    RESEAL: "pending_delete",
    "JOB_STARTED, the first": "pending_delete",
    "JOB_RETRIED, the first": "pending_delete",
    "JOB_FINISHED, the first": "pending_delete",
    "JOB_FAILED, the first": "pending_delete",
    "MONITOR of its version": "pending_delete",
  },
  delete_failed: {
    RESEAL: "delete_failed",
    "RETRY with jobs": "pending_delete",
    "RETRY without jobs": "deleted",
  },
  deleted: { RESEAL: "deleted" },
};

describe("every state with every event", () => {
  for (const state of states) {
    for (const [name, event] of Object.entries(events)) {
      const to = table[state][name];
      it(`${state} + ${name} ${to === undefined ? "means nothing" : `-> ${to}`}`, () => {
        const before = stateAfter(wayTo[state]);
        expect(before.value.lifecycle).toBe(state);
        const frozen = structuredClone(before);
        const result = resourceTransition(before, event(state));
        // A transition is pure: what it starts from is not touched.
        expect(before).toEqual(frozen);
        expect([result.taken, result.snapshot.value.lifecycle]).toEqual([to !== undefined, to ?? state]);
        if (to === undefined) {
          expect(result.snapshot).toEqual(frozen);
          expect(result.effects).toEqual([]);
        }
        expect(result.snapshot.v).toBe(1);
      });
    }
  }

  it("has all states in the table, and only names of events that are tried", () => {
    expect(Object.keys(table).sort()).toEqual([...states].sort());
    for (const row of Object.values(table))
      expect(Object.keys(row).filter((name) => events[name] === undefined)).toEqual([]);
  });
});

describe("a creation that was refused", () => {
  const refused = stateAfter([propose(), { type: "REJECT" }]);

  it("may be proposed once more, and is then as new", () => {
    const again = resourceTransition(refused, propose());
    expect(again.snapshot).toEqual(stateAfter([propose()]));
    expect(resourceTransition(again.snapshot, admit()).snapshot).toEqual(stateAfter([propose(), admit()]));
  });

  it("is free, and so is what never was; nothing else is", () => {
    expect([refused, absentResource()].map(isFree)).toEqual([true, true]);
    for (const state of states.filter((each) => each !== "absent"))
      expect([state, isFree(stateAfter(wayTo[state]))]).toEqual([state, false]);
  });
});

describe("a resource whose deletion is accepted", () => {
  const marked = (state: Lifecycle) => stateAfter([...wayTo[state], remove()]);
  const resting = ["create_completed", "create_failed", "update_failed"] as const;

  it.each(["pending_create", "pending_update", ...resting] as const)(
    "gets no new version in %s, nor a second deletion",
    (state) => {
      const snapshot = marked(state);
      for (const event of [
        update(null),
        update(plan("update", 5)),
        update(noJobs),
        remove(),
        { type: "PROPOSE_DELETE", by: "p" } as const,
      ]) {
        expect([event.type, resourceTransition(snapshot, event)]).toEqual([
          event.type,
          { snapshot, effects: [], taken: false },
        ]);
      }
    },
  );

  it.each(resting)("is not tried again in %s, as the deletion comes first", (state) => {
    const snapshot = marked(state);
    for (const planned of [plan("delete", 2), noJobs])
      expect(resourceTransition(snapshot, retry(planned))).toEqual({ snapshot, effects: [], taken: false });
  });

  it.each(resting)("is deleted from %s in its turn, at once when nothing is on a device", (state) => {
    const snapshot = marked(state);
    expect(resourceTransition(snapshot, start(plan("delete", 3))).snapshot.value.lifecycle).toBe("pending_delete");
    expect(resourceTransition(snapshot, start(noJobs)).snapshot.value.lifecycle).toBe("deleted");
    expect(
      resourceTransition(snapshot, { type: "START_FAILED", error: "SB_X: no plan" }).snapshot.value.lifecycle,
    ).toBe("delete_failed");
  });
});

describe("a version that waits", () => {
  it.each([
    ["create_completed", "pending_update", "update_failed"],
    ["create_failed", "pending_create", "create_failed"],
    ["update_failed", "pending_update", "update_failed"],
  ] as const)("starts from %s in its turn", (state, pending, failure) => {
    const snapshot = stateAfter([...wayTo[state], update(null)]);
    const lifecycle = (event: ResourceEvent) => resourceTransition(snapshot, event).snapshot.value.lifecycle;
    expect(lifecycle(start(plan("update", 3)))).toBe(pending);
    expect(lifecycle(start(noJobs))).toBe("create_completed");
    expect(lifecycle({ type: "START_FAILED", error: "SB_X" })).toBe(failure);
  });
});

describe("a change that is announced", () => {
  const proposal = (token: string): ResourceEvent => ({
    type: "PROPOSE_UPDATE",
    by: "p",
    token,
    uniques: [{ field: "name", value: "two" }],
    references: [{ type: "base", id: "b2" }],
  });
  const announced = stateAfter([...wayTo.create_completed, proposal("k1")]);

  it("holds what it takes beside what the resource has", () => {
    expect(announced.context.proposed).toMatchObject({ token: "k1", uniques: [{ value: "two" }] });
    expect(announced.context.uniques).toEqual([{ field: "name", value: "one" }]);
    expect(announced.context.version).toBe(1);
  });

  it("can be withdrawn by who announced it", () => {
    expect(resourceTransition(announced, { type: "WITHDRAW_UPDATE", token: "k2" }).taken).toBe(false);
    expect(resourceTransition(announced, { type: "WITHDRAW_UPDATE", token: "k1" }).snapshot).toEqual(
      stateAfter(wayTo.create_completed),
    );
  });

  it("is made good by its own update, and outlives another's", () => {
    const made = resourceTransition(announced, { ...update(noJobs), token: "k1" } as ResourceEvent).snapshot.context;
    expect([made.proposed, made.uniques]).toEqual([null, [{ field: "name", value: "two" }]]);
    expect(resourceTransition(announced, update(noJobs, {})).snapshot.context.proposed?.token).toBe("k1");
  });
});

describe("a deletion that is announced", () => {
  it("can be withdrawn, once", () => {
    const announced = stateAfter([...wayTo.create_completed, { type: "PROPOSE_DELETE", by: "p" }]);
    expect(announced.context.deletionProposed).toBe(true);
    const withdrawn = resourceTransition(announced, { type: "WITHDRAW_DELETE" });
    expect(withdrawn.snapshot).toEqual(stateAfter(wayTo.create_completed));
    expect(resourceTransition(withdrawn.snapshot, { type: "WITHDRAW_DELETE" }).taken).toBe(false);
  });
});
