import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import type { Scenario } from "../../src/cli/scenario-file.ts";
import { startSystem } from "../../src/cli/start-system.ts";
import { FleetWatch } from "../bench/fleet-watch.ts";
import { LabPages } from "./lab-pages.ts";
import { loneInvariants, withResources } from "./lone-invariants.ts";
import { type Move, RandomLife } from "./random-life.ts";
import { readStore } from "./read-store.ts";

/**
 * Lives a life on a fresh system with its lab. At rest the system is ended, what it has left on the disk is looked at, and it is started again
 * to delete everything: then everything must be as before it began. Answers what is wrong by the name of what must hold, nothing when all holds.
 */
export async function liveRandomly(
  scenario: Scenario,
  moves: readonly Move[],
): Promise<{ wrong: string[]; made: readonly string[] }> {
  const data = await mkdtemp(join(tmpdir(), "signalbox-random-"));
  const life = new RandomLife(scenario);
  const wrong: string[] = [];
  try {
    const base = await withSystem(data, life, async (client, lab) => {
      const before = await configurations(lab);
      for (const move of moves) await life.make(move);
      await life.rest();
      wrong.push(...(await unlike(client, life)));
      return before;
    });
    wrong.push(...(await brokenInvariants(data, life)));
    await withSystem(data, life, async (client, lab) => {
      await life.end();
      wrong.push(...(await unlike(client, life)), ...(await leftOnDevices(lab, base)));
    });
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(`${message}, after ${life.made.join("; ")}`, { cause: thrown });
  } finally {
    await rm(data, { recursive: true, force: true });
  }
  return { wrong, made: life.made };
}

async function withSystem<T>(
  data: string,
  life: RandomLife,
  work: (client: GatewayClient, lab: LabPages) => Promise<T>,
): Promise<T> {
  const http = { host: "127.0.0.1", port: 0 };
  const system = await startSystem({
    ...{ data, http, lab: true, timing: "instant", plainSecrets: false, logLevel: "silent" },
  });
  const client = new GatewayClient(system.url);
  const watch = new FleetWatch(client);
  try {
    life.goOn(client, watch.tracker);
    return await work(client, new LabPages(system.url));
  } finally {
    await watch.stop();
    await system.stop();
  }
}

/** What of the seven does not hold for what is on the disk. */
async function brokenInvariants(data: string, life: RandomLife): Promise<string[]> {
  const content = await readStore(join(data, "store"));
  const inLog = new Set(content.records.map(({ subject }) => subject.split(".")[2]));
  // Of what is deleted the log keeps nothing for long.
  const acknowledged = life.accepted.filter(({ id }) => !life.deleted.has(id) || inLog.has(id));
  const nothing = { routers: [], followed: [], shortfall: [] };
  const found = withResources({ ...content, ...nothing, acknowledged, deleted: life.deleted });
  return Object.entries(loneInvariants).flatMap(([name, broken]) =>
    broken(found).map((detail) => `${name}: ${detail}`),
  );
}

/** What the gateway shows beside what it has accepted, or does not show of it. */
async function unlike(client: GatewayClient, life: RandomLife): Promise<string[]> {
  const shown = new Map<string, string>();
  for (const type of await client.types()) {
    for (const { id, status, error } of await client.list(type)) {
      shown.set(String(id), type.type);
      if (status === "ERROR" || error !== undefined)
        life.made.push(`${type.type} ${String(id)} is ${String(status)}: ${String(error)}`);
    }
  }
  const wanted = new Set([...life.living.values()].map(({ id }) => id));
  const lost = [...life.living.values()].flatMap(({ id, type }) =>
    shown.has(id) ? [] : [`${type} ${id} was accepted and is not there`],
  );
  const undead = [...life.deleted].flatMap((id) =>
    shown.has(id) ? [`${shown.get(id)} ${id} was deleted and is there`] : [],
  );
  const orphans = wanted.size === 0 ? [...shown].map(([id, type]) => `${type} ${id} is left`) : [];
  return [...lost, ...undead, ...orphans];
}

async function configurations(lab: LabPages): Promise<Map<string, string>> {
  return new Map((await lab.routers()).map(({ name, configuration }) => [name, configuration]));
}

async function leftOnDevices(lab: LabPages, base: ReadonlyMap<string, string>): Promise<string[]> {
  const routers = [...(await configurations(lab))].flatMap(([name, text]) =>
    text === base.get(name)
      ? []
      : [
          `${name} is not as before: ${
            text
              .split("\n")
              .filter((line) => !base.get(name)?.includes(line))
              .join(" | ") || "lines are missing or in another order"
          }`,
        ],
  );
  const objects = (await lab.controllerObjects()).map(({ kind, uuid }) => `${kind} ${uuid} is left on the controller`);
  return [...routers, ...objects];
}
