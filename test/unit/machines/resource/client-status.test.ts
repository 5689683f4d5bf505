import { describe, expect, it } from "vitest";
import { clientStatus, isResting } from "../../../../src/machines/resource/resource-status.ts";
import type { ResourceEvent } from "../../../../src/machines/resource/resource-types.ts";
import {
  bad,
  create,
  created,
  finished,
  good,
  jobId,
  monitor,
  noJobs,
  plan,
  silent,
  stateAfter,
  update,
  wayTo,
  worked,
} from "./things.ts";

/** What a client sees after these events: status, orchestration, operation. */
function shown(events: readonly ResourceEvent[]): Array<string | null> {
  const { value, context } = stateAfter(events);
  const { status, orchestrationState, operationalState } = clientStatus(value, context);
  return [status, orchestrationState, operationalState];
}

/** A creation whose monitoring has nothing to watch yet, as that of a port that is not attached. */
const unwatched: ResourceEvent[] = [
  create(),
  finished(jobId("create", "heat_worker", 1)),
  {
    type: "JOB_FINISHED",
    jobId: jobId("create", "monitoring_worker", 1),
    result: { kind: "monitoring", targets: [], statuses: {} },
  },
];

describe("what a client sees of a resource", () => {
  it.each<[string, readonly ResourceEvent[], Array<string | null>]>([
    ["proposed", wayTo.proposed, ["PENDING_CREATE", "NO_STATE", "NO_STATE"]],
    ["being created", wayTo.pending_create, ["PENDING_CREATE", "CREATE_IN_PROGRESS", "NO_STATE"]],
    ["created", created, ["ACTIVE", "CREATE_COMPLETE", "UP"]],
    ["created, nothing to do on devices", [create(noJobs)], ["ACTIVE", "CREATE_COMPLETE", "NO_STATE"]],
    ["not created", wayTo.create_failed, ["ERROR", "CREATE_FAILED", "NO_STATE"]],
    ["being updated", wayTo.pending_update, ["PENDING_UPDATE", "UPDATE_IN_PROGRESS", "UP"]],
    ["updated", [...wayTo.pending_update, ...worked(plan("update", 2))], ["ACTIVE", "UPDATE_COMPLETE", "UP"]],
    ["not updated", wayTo.update_failed, ["ERROR", "UPDATE_FAILED", "NO_STATE"]],
    ["being deleted", wayTo.pending_delete, ["PENDING_DELETE", "DELETE_IN_PROGRESS", "UP"]],
    ["not deleted", wayTo.delete_failed, ["ERROR", "DELETE_FAILED", "NO_STATE"]],
    ["deleted", wayTo.deleted, ["PENDING_DELETE", "DELETE_COMPLETE", "NO_STATE"]],
    ["seen to be up", [...created, monitor(1, bad), monitor(1, good)], ["ACTIVE", "CREATE_COMPLETE", "UP"]],
    // Seed 004, section 13.8: a port whose stack is updated but whose interface is not seen.
    [
      "updated, and seen to be down",
      [...wayTo.pending_update, ...worked(plan("update", 2)), monitor(2, bad)],
      ["MONITORING_UNAVAILABLE", "UPDATE_COMPLETE", "FAIL"],
    ],
    ["not to be asked", [...created, monitor(1, silent)], ["MONITORING_UNAVAILABLE", "CREATE_COMPLETE", "FAIL"]],
    // Reference, side effects: a port has nothing to monitor while it is not attached, so it is pending still.
    ["built with nothing to watch", unwatched, ["PENDING_CREATE", "CREATE_COMPLETE", "NO_STATE"]],
    [
      "built with nothing to watch, being updated",
      [...unwatched, update(plan("update", 2))],
      ["PENDING_CREATE", "UPDATE_IN_PROGRESS", "NO_STATE"],
    ],
    [
      "built with nothing to watch, then watched",
      [...unwatched, update(plan("update", 2)), ...worked(plan("update", 2))],
      ["ACTIVE", "UPDATE_COMPLETE", "UP"],
    ],
    [
      "a dependent that is there at once",
      [create(noJobs, { fixedStatus: "ACTIVE" })],
      ["ACTIVE", "CREATE_COMPLETE", "NO_STATE"],
    ],
    ["of a type without a status", [create(noJobs, { hasStatus: false })], [null, "CREATE_COMPLETE", "NO_STATE"]],
  ])("%s", (_what, events, status) => {
    expect(shown(events)).toEqual(status);
  });

  it("rests when it can take its next version", () => {
    const resting = Object.keys(wayTo).filter((state) => isResting(state as keyof typeof wayTo));
    expect(resting.sort()).toEqual(["create_completed", "create_failed", "delete_failed", "update_failed"]);
  });
});
