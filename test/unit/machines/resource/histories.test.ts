import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  absentResource,
  type ResourceSnapshot,
  resourceTransition,
} from "../../../../src/machines/resource/resource-machine.ts";
import { clientStatus } from "../../../../src/machines/resource/resource-status.ts";
import type { ResourceEvent } from "../../../../src/machines/resource/resource-types.ts";
import { wayTo } from "./things.ts";

/*
 * Courses of events with the snapshot after each, as versions of the program before this one wrote them. Every one of these snapshots must be
 * restored by this version and go on as it did then. A file here is never changed; a new shape gets a folder of its own.
 */
const root = join(import.meta.dirname, "../../../histories");

interface Recorded {
  readonly name: string;
  readonly steps: ReadonlyArray<{ readonly event: ResourceEvent; readonly snapshot: ResourceSnapshot }>;
}

const histories = readdirSync(root).flatMap((version) =>
  readdirSync(join(root, version))
    .filter((file) => file.endsWith(".json") && !file.startsWith("log-"))
    .map((file): Recorded => {
      const { steps } = JSON.parse(readFileSync(join(root, version, file), "utf8")) as Recorded;
      return { name: `${version}/${file}`, steps };
    }),
);

/** What a resource is, whatever else a version of the program keeps of it. */
function essence({ value, context }: ResourceSnapshot) {
  const { version, body, effective, error, queue, jobs, outputs, applied, monitoring, statuses, claims, uniques } =
    context;
  return {
    value,
    client: clientStatus(value, context),
    ...{ version, body, effective, error, outputs, applied, statuses, claims, uniques },
    marked: [context.markedForDeletion, context.deletionProposed],
    queue: queue.map(({ action, version: number, body: wanted }) => [action, number, wanted]),
    jobs: jobs.map(({ job, phase, waitsFor, attempt }) => [job.id, phase, waitsFor, attempt]),
    targets: monitoring?.targets.map(({ name }) => name),
  };
}

describe("snapshots of earlier versions", () => {
  it("are there, with every state and every event in them", () => {
    const steps = histories.flatMap(({ steps: recorded }) => recorded);
    const states = new Set<string>(steps.map(({ snapshot }) => snapshot.value.lifecycle));
    expect(Object.keys(wayTo).filter((state) => state !== "absent" && !states.has(state))).toEqual([]);
    expect([...new Set(steps.map(({ event }) => event.type))].sort()).toEqual([
      ...["ADMIT", "CREATE", "DELETE", "DEPENDENCY_FAILED", "DEPENDENCY_FINISHED", "JOB_FAILED", "JOB_FINISHED"],
      ...["JOB_RETRIED", "JOB_STARTED", "MONITOR", "PROPOSE", "PROPOSE_DELETE", "PROPOSE_UPDATE", "REJECT"],
      ...["RETRY", "START", "START_FAILED", "UPDATE", "WITHDRAW_DELETE", "WITHDRAW_UPDATE"],
    ]);
  });

  for (const { name, steps } of histories) {
    it(`${name} is replayed from its beginning`, () => {
      let snapshot = absentResource();
      for (const step of steps) {
        snapshot = resourceTransition(snapshot, step.event).snapshot;
        expect(essence(snapshot)).toEqual(essence(step.snapshot));
      }
    });

    it(`${name} goes on from each of its snapshots to its end`, () => {
      const end = steps.at(-1)?.snapshot;
      if (end === undefined) throw new Error("an empty history");
      for (const [at, { snapshot: from }] of steps.entries()) {
        let snapshot = from;
        for (const { event } of steps.slice(at + 1)) {
          const result = resourceTransition(snapshot, event);
          expect(result.taken).toBe(true);
          snapshot = result.snapshot;
        }
        expect(essence(snapshot)).toEqual(essence(end));
      }
    });
  }

  it("that lack what was added since have it as a new resource has it", () => {
    const [old] = histories.flatMap(({ steps }) =>
      steps.filter(({ snapshot }) => snapshot.value.lifecycle === "pending_create"),
    );
    if (old === undefined) throw new Error("no such snapshot");
    const { wasActive: _wasActive, seen: _seen, deletionProposed: _proposed, ...context } = old.snapshot.context;
    const bare = { ...old.snapshot, context } as ResourceSnapshot;
    const { snapshot } = resourceTransition(bare, { type: "PROPOSE_DELETE", by: "p" });
    expect(snapshot.context).toMatchObject({ wasActive: false, seen: [], deletionProposed: true });
  });
});
