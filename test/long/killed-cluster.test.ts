import { beforeAll, describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/adapters/system/seeded-random.ts";
import { brokenFigures, figuresOf } from "../fault/cluster/cluster-rules.ts";
import { plantedClusterDefects } from "../fault/cluster/planted-cluster-defects.ts";
import { type ClusterRun, runCluster } from "../fault/cluster/run-cluster.ts";

// `npm run test:fault:cluster` kills much more often; this is as much of it as fits into every test run.
const SEED = 20170511;
const RESOURCES = 34;

describe("a cluster whose processes and servers are killed with SIGKILL", () => {
  let run: ClusterRun;
  beforeAll(async () => {
    run = await runCluster({
      random: new SeededRandom(SEED),
      kills: 3,
      resources: RESOURCES,
      pairs: 2,
      timeoutMs: 200_000,
      between: [500, 1_500],
    });
  }, 280_000);

  it("was killed four times, and had work to do each time", () => {
    expect(run.kills).toHaveLength(3);
    expect(run.kills.map(({ answered }) => answered < run.outcome.requests.length)).toEqual([true, true, true]);
  });

  it("comes to what the requests ask for, and holds every rule", () => {
    const figures = figuresOf(run.outcome);
    expect(brokenFigures(figures)).toEqual([]);
    expect(run.outcome.acknowledged.length - run.outcome.deleted.size).toBe(RESOURCES);
    expect(run.outcome.refused.size).toBeGreaterThan(0);
  });

  it("has a planted defect for every figure that must be 0", () => {
    const figures = [...figuresOf(run.outcome).values()].flat();
    const must = figures.filter(({ wrong }) => wrong !== undefined).map(({ what }) => what);
    expect(Object.keys(plantedClusterDefects).sort()).toEqual([...must].sort());
  });

  it.each(Object.entries(plantedClusterDefects))("would not be let through: %s", (what, change) => {
    const spoilt = { ...run.outcome, ...change(run.outcome) };
    expect(brokenFigures(figuresOf(spoilt)).map((figure) => figure.what)).toContain(what);
  });
});
