import { afterAll, beforeAll, expect, it } from "vitest";
import { MEMBERS_PREFIX } from "../../src/actors/cluster/membership.ts";
import type { JsonObject, TransitionView } from "../../src/actors/gateway-api.ts";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { replayScenario, settle } from "../../src/cli/replay-scenario.ts";
import { readScenario } from "../../src/cli/scenario-file.ts";
import { withClusterStores } from "../fault/cluster/read-cluster.ts";
import { TransitionFollower } from "../fault/transition-follower.ts";
import { ClusterProcesses, type Member } from "../scenario/support/cluster-processes.ts";
import { demoScenario } from "../scenario/support/running-system.ts";

const WAVE = 60;
const TIMEOUT_MS = 120_000;

let cluster: ClusterProcesses;
let follower: TransitionFollower;
/** By the id of a static_route: the process that has begun its job on the routers, and the one that has done it. */
const begunBy = new Map<string, string>();
const doneBy = new Map<string, string>();
/** Who has begun such a job last. */
let busy = "";
let failure: Error | undefined;
let look = () => {};

function note({ type, id, event, state, error, jobs }: TransitionView): void {
  if (type !== "static_route") return;
  if (state.endsWith("_failed")) failure ??= new Error(`static_route ${id} failed: ${error}`);
  for (const { phase, worker } of jobs) {
    if (phase !== "working" || worker === undefined) continue;
    begunBy.set(id, worker);
    busy = worker;
  }
  if (event === "JOB_FINISHED") doneBy.set(id, begunBy.get(id) ?? "");
  look();
}

/** Resolves when so many jobs are done. @throws when one has failed */
const done = (count: number): Promise<void> =>
  new Promise((resolve, reject) => {
    look = () => {
      if (failure !== undefined) reject(failure);
      else if (doneBy.size >= count) resolve();
    };
    look();
  });

function busyWorker(): Member {
  const found = cluster.members.find(({ role, process }) => role === "worker" && busy.includes(`-${process.pid}-`));
  if (found === undefined) throw new Error(`"${busy}" is no worker`);
  return found;
}

/** Lets the process sleep until the others take it for dead, and then go on as if nothing had been. */
function oversleep({ process }: Member): Promise<void> {
  return withClusterStores(cluster.configuration, async ({ documents }) => {
    const stopping = new AbortController();
    const fromRevision = await documents.revision();
    process.signal("SIGSTOP");
    for await (const { key, value } of documents.watch(MEMBERS_PREFIX, { fromRevision, signal: stopping.signal })) {
      if (value === null && key.includes(`-${process.pid}-`)) stopping.abort();
    }
    process.signal("SIGCONT");
  });
}

beforeAll(async () => {
  cluster = await ClusterProcesses.open();
  const roles = ["gateway", "actors", "worker", "worker", "monitor", "projector"] as const;
  await Promise.all(roles.map((role) => cluster.start(role)));
  follower = new TransitionFollower(async () => ({ url: cluster.url, number: 1 }), note);
  follower.start();
});
afterAll(async () => {
  await follower.stop();
  await cluster.close();
});

it("two workers never edit a router at once, whichever of them stops, dies or sleeps", {
  timeout: 240_000,
}, async () => {
  const client = new GatewayClient(cluster.url);
  const { requests } = await readScenario(demoScenario);
  const scenario = { requests: requests.filter(({ path }) => path !== "/v2.0/static_routes") };
  const { tracker } = follower;
  await replayScenario(client, scenario, { tracker, timeoutMs: TIMEOUT_MS, onRequest: () => {}, onDone: () => {} });
  const [gateway] = await client.list(await client.type("vpn_gateway"));
  const type = await client.type("static_route");
  const routes: Array<Promise<JsonObject>> = [];
  const wave = () => {
    for (let at = 0; at < WAVE; at += 1) {
      const n = routes.length;
      const fields = { destination: `198.${18 + (n >> 8)}.${n & 255}.0/24`, nexthop: "172.16.101.10" };
      const owned = { vpn_gw_id: String(gateway?.["id"]), tenant_id: String(gateway?.["tenant_id"]) };
      routes.push(client.create(type, { name: `route-${n}`, service_type: "vpn", ...owned, ...fields }));
    }
  };

  wave();
  await done(WAVE / 2);
  wave();
  const killed = busyWorker();
  killed.process.signal("SIGKILL");
  await killed.process.ended;
  await cluster.start("worker");

  await done(WAVE * 1.5);
  wave();
  await oversleep(busyWorker());

  await done(WAVE * 2.5);
  wave();
  const stopped = busyWorker();
  stopped.process.signal("SIGTERM");
  await cluster.start("worker");

  await Promise.all(routes);
  await done(WAVE * 4);
  expect(await settle(tracker, TIMEOUT_MS)).toEqual([]);

  const routers = await cluster.lab.routers();
  const editors = routers.map(({ overview: { statistics } }) => statistics);
  expect(editors.map(({ violations }) => violations)).toEqual([[], []]);
  expect(editors.map(({ maxConcurrentEditors }) => maxConcurrentEditors)).toEqual([1, 1]);
  const shares = new Map<string, number>();
  for (const worker of doneBy.values()) shares.set(worker, (shares.get(worker) ?? 0) + 1);
  console.info(
    `${doneBy.size} jobs by ${shares.size} workers (${[...shares.values()].join(", ")}), ` +
      `${editors.map(({ locks, locksDenied }) => `${locks} locks and ${locksDenied} denied`).join("; ")}`,
  );
  expect(doneBy.size).toBe(4 * WAVE);
  expect(shares.size).toBeGreaterThan(1);
  for (const { set } of routers) expect(set.match(/ static route 198\./g)).toHaveLength(4 * WAVE);
});
