import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { subjectOf, toJson } from "../../src/actors/resource-record.ts";
import { SeededRandom } from "../../src/adapters/system/seeded-random.ts";
import { startSystem } from "../../src/cli/start-system.ts";
import {
  absentResource,
  type ResourceSnapshot,
  resourceTransition,
} from "../../src/machines/resource/resource-machine.ts";
import { demoScenario } from "../fault/demo-scenario.ts";
import { violations } from "../fault/invariants.ts";
import { type KillMoment, slowPaced, successiveMoments } from "../fault/kill-moments.ts";
import { LabHere } from "../fault/lab-here.ts";
import { plantedDefects } from "../fault/planted-defects.ts";
import { readStore, withStore } from "../fault/read-store.ts";
import { type Run, runScenario } from "../fault/run-scenario.ts";
import { demoAtRest } from "../scenario/support/at-rest.ts";

// `npm run test:fault` kills at many more moments; this is as much of it as fits into every test run.
const SEED = 20170511;

const run = async (kills: readonly KillMoment[], countFrom: "request" | "start"): Promise<Run> =>
  runScenario({
    scenario: await demoScenario(),
    mode: slowPaced,
    kills,
    countFrom,
    timeoutMs: 110_000,
    atRest: demoAtRest,
    startLab: LabHere.start,
  });

describe("an orchestrator that is killed with SIGKILL", () => {
  let undisturbed: Run;
  let killed: Run;

  beforeAll(async () => {
    // One router has committed and the other is at it; then somewhere in the life that takes this up.
    const between: KillMoment = { after: 3, of: "commit", delayMs: 60 };
    const [later] = successiveMoments(1, slowPaced, { anything: 6, commit: 0 }, new SeededRandom(SEED));
    if (later === undefined) throw new Error("there is no second moment");
    [undisturbed, killed] = await Promise.all([run([], "request"), run([between, later], "request")]);
  });

  it("was killed twice in the middle of its work", () => {
    expect(killed.kills.map(({ life }) => life)).toEqual([1, 2]);
    expect(killed.kills.map(({ requests }) => requests < 20)).toEqual([true, true]);
  });

  it("leaves what one leaves that nobody disturbed: everything ACTIVE, the same documents and configuration, nothing doubled", () => {
    expect(violations(undisturbed.outcome, undisturbed.outcome)).toEqual([]);
    expect(violations(killed.outcome, undisturbed.outcome)).toEqual([]);
  });

  it.each(Object.entries(plantedDefects))("would not be let through: %s", (invariant, change) => {
    const spoilt = { ...undisturbed.outcome, ...change(undisturbed.outcome) };
    expect(violations(spoilt, undisturbed.outcome).map((violation) => violation.invariant)).toContain(invariant);
  });
});

describe("a request that was refused", () => {
  it("leaves nothing when the process is killed before the record of the refusal is taken away", async () => {
    const data = await mkdtemp(join(tmpdir(), "signalbox-killed-"));
    try {
      const naming = { resourceType: "network", collection: "networks", id: "n-1", hasStatus: true };
      const nothing = { owner: null, claims: [], uniques: [], references: [] };
      const proposed = resourceTransition(absentResource(), {
        type: "PROPOSE",
        by: "dead",
        ...naming,
        ...nothing,
      }).snapshot;
      const rejected = resourceTransition(proposed, { type: "REJECT" }).snapshot;
      await withStore(join(data, "store"), async ({ log }) => {
        const record = (event: string, snapshot: ResourceSnapshot) =>
          toJson({ v: 1, event, before: "", after: snapshot.value.lifecycle, snapshot, documents: [], outbox: [] });
        const subject = subjectOf({ type: "network", id: "n-1" });
        const { seq } = await log.append(subject, record("PROPOSE", proposed), { expectedSeq: 0, messageId: "1" });
        await log.append(subject, record("REJECT", rejected), { expectedSeq: seq, messageId: "2" });
      });
      const http = { host: "127.0.0.1", port: 0 };
      const system = await startSystem({
        data,
        http,
        lab: false,
        timing: "instant",
        plainSecrets: false,
        logLevel: "silent",
      });
      await system.stop();
      const { records } = await readStore(join(data, "store"));
      expect(records.filter(({ subject }) => subject.startsWith("resource."))).toEqual([]);
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  });
});
