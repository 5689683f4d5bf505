import { inDoubt, rejections } from "./device-errors.ts";
import type { DeviceAddress } from "./lane-job.ts";
import type { JournalRecord, LaneJournal } from "./lane-journal.ts";
import type { Confirmation, RouterLink } from "./router-link.ts";
import type { UnsettledLanes } from "./unsettled-lanes.ts";

/** What it takes to work on a lane. The devices' mutexes are held. */
export interface LaneAccess {
  readonly laneId: string;
  readonly journal: LaneJournal;
  readonly links: readonly RouterLink[];
  readonly addresses: ReadonlyMap<string, DeviceAddress>;
  readonly unsettled: UnsettledLanes;
}

/**
 * Gets the candidates of all routers of a lane and settles what an earlier transaction left in doubt. The journal is read
 * under the routers' locks: who writes it as a transaction goes on holds them, so what it says is no longer under way.
 * Locks that were taken are the caller's to give back, also when this throws.
 * @throws SB_LANE_IN_DOUBT when not all routers of an unsettled transaction can be asked; what `RouterLink.take` throws
 */
export async function takeLane(lane: LaneAccess): Promise<void> {
  const { laneId, journal, links, unsettled } = lane;
  const taken = await Promise.allSettled(links.map((link) => takeLink(link, lane)));
  const refused = rejections(taken);
  const left = await journal.load();
  if (left === undefined || left.phase === "settled") {
    unsettled.settle(laneId);
    if (refused[0] !== undefined) throw refused[0];
    return;
  }
  if (!unsettled.has(laneId)) unsettled.open(left);
  const reached = links.filter((_, index) => taken[index]?.status === "fulfilled");
  const settled = await Promise.allSettled(
    (await endings(left, reached, reached.length === links.length)).map(async ({ link, end }) => {
      await end();
      unsettled.settleHost(laneId, link.host);
    }),
  );
  const failed = [...refused, ...rejections(settled)][0];
  if (failed !== undefined) throw inDoubt(`the change ${left.tag} of ${laneId} is not settled`, failed);
  const { tag, devices, jobs } = left;
  await journal.append({ phase: "settled", tag, devices, jobs });
  unsettled.settle(laneId);
}

async function takeLink(link: RouterLink, { addresses, laneId }: LaneAccess): Promise<void> {
  const address = addresses.get(link.host);
  if (address === undefined) throw new Error(`no address of ${link.host} in lane ${laneId}`);
  await link.take(address);
}

interface Ending {
  readonly link: RouterLink;
  /** Brings the router to where nothing is pending. */
  readonly end: () => Promise<void>;
}

/**
 * Before the first confirmation every router can go back, so all do. After that what is pending is confirmed, unless a router has rolled it
 * back in the meantime: then the others take it back too, confirmed or not, and the jobs come again from their queue.
 * @param all no router is missing: with one that does not answer nobody knows yet whether it has rolled back
 */
async function endings(left: JournalRecord, links: readonly RouterLink[], all: boolean): Promise<Ending[]> {
  const { tag, phase } = left;
  if (phase === "committing") return links.map((link) => ({ link, end: () => link.revert(tag) }));
  const answers = await Promise.allSettled(links.map((link) => confirmWhatIsThere(link, tag)));
  const rolledBack = answers.some((answer) => answer.status === "fulfilled" && answer.value === "rolled-back");
  const known = all && answers.every(({ status }) => status === "fulfilled");
  return links.map((link, index) => {
    const answer = answers[index];
    const end = async () => {
      if (answer?.status === "rejected") throw answer.reason;
      if (rolledBack && known && answer?.value === "confirmed") await link.revert(tag);
    };
    return { link, end };
  });
}

async function confirmWhatIsThere(link: RouterLink, tag: string): Promise<Confirmation> {
  return (await link.outcome(tag)) === "absent" ? "rolled-back" : link.confirm(tag);
}
