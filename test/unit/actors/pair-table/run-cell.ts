import { type Cell, faultOf, leadOf } from "./cells.ts";
import { HOSTS, linesOf, type PairWorld } from "./pair-world.ts";

const FIRST = 11;
const CHANGED = 12;
const OTHER = 13;

/**
 * Runs one cell: while a resource is created, changed or deleted its routers are struck at the step, and at once another one is created, or it is
 * deleted, or the process is killed and started again. When all rests, the routers hold what the resources own that were completed; when all is
 * deleted, their base.
 * @returns what is wrong; empty when all is well
 */
export async function runCell(world: PairWorld, cell: Cell): Promise<string[]> {
  const { gateway } = world;
  const before = cell.job === "create" ? "" : await create(world);
  if (before !== "") await world.until("there is something to change", () => world.isAtRest());
  // The process keeps its sessions for a minute; each cell is to open its own.
  world.cutSessions();
  await world.until("no session is open", () => world.sessions() === 0);
  // A router that is to roll back in the middle does it before the client has given up waiting.
  world.labSecondMs = cell.step.lead === "rolled-back" ? 100 : 1000;
  for (const [host, fault] of leadOf(cell)) world.router(host).setFault(fault);
  const set = cell.hosts.map((host) => ({ host, id: world.router(host).setFault(faultOf(cell)) }));
  const isStruck = () =>
    set.every(({ host, id }) =>
      world
        .router(host)
        .faults()
        .every((fault) => fault.id !== id),
    );
  const id = before === "" ? await create(world) : before;
  if (cell.job === "update") await world.pass(gateway.update("strand", id, { number: CHANGED }));
  if (cell.job === "delete") await world.pass(gateway.remove("strand", id));
  const exercised = await world.until("the fault has struck", isStruck).then(
    () => true,
    () => false,
  );
  if (!exercised) return ["the fault was not met"];
  if (cell.next === "next job") await world.pass(gateway.create("strand", { number: OTHER }));
  else if (cell.next === "DELETE") await world.pass(gateway.remove("strand", id));
  else {
    world.kill();
    await world.live();
  }
  await world.until("all rests", () => world.isAtRest());
  const left = cell.next === "DELETE" && world.states().length > 0 ? ["its deletion failed"] : [];
  return [...left, ...unequal(world), ...(await deletedAll(world))];
}

async function create(world: PairWorld): Promise<string> {
  const made = await world.pass(world.gateway.create("strand", { number: FIRST }));
  return String(made["id"]);
}

/** What a resource has on the routers, by how it stands. */
function numberOf({ lifecycle, number }: ReturnType<PairWorld["states"]>[number]): number[] {
  switch (lifecycle) {
    case "create_completed":
    // The job that takes it away is one for both routers.
    case "delete_failed":
      return [number];
    case "update_failed":
      return [FIRST];
    default:
      return [];
  }
}

function unequal(world: PairWorld): string[] {
  const states = world.states();
  const wanted = linesOf(states.flatMap(numberOf)).sort();
  return HOSTS.flatMap((host) => {
    const set = world.router(host).setWithBase().split("\n");
    const lines = set.filter((line) => line !== "").sort();
    const same = JSON.stringify(lines) === JSON.stringify(wanted);
    const how = states.map(({ lifecycle }) => lifecycle).join();
    return same ? [] : [`${host} holds ${JSON.stringify(lines)} and not ${JSON.stringify(wanted)} (${how})`];
  });
}

async function deletedAll(world: PairWorld): Promise<string[]> {
  for (const { id } of world.states()) await world.pass(world.gateway.remove("strand", id));
  await world.until("all is deleted", () => world.isAtRest());
  const left = world.states().map(({ lifecycle }) => `a resource is ${lifecycle} after its deletion`);
  const remains = HOSTS.flatMap((host) => {
    const { violations, lockHolder } = world.router(host).statistics();
    return [
      ...violations,
      ...(lockHolder === undefined ? [] : [`${host} is locked by ${lockHolder.id}`]),
      ...(world.router(host).pendingDeadline() === undefined ? [] : [`${host} has a pending commit`]),
      ...(world.router(host).isAtBase() ? [] : [`${host} is not at its base: ${world.router(host).setWithBase()}`]),
    ];
  });
  return [...left, ...remains];
}
