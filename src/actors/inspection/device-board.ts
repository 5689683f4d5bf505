import type { TypeSchema } from "../../catalogue/field-schema.ts";
import type { DeviceSessionState } from "../../machines/device-session/device-session-machine.ts";
import { DEVICES_PREFIX } from "../cluster/device-leases.ts";
import type { LaneView } from "../devices/device-lanes.ts";
import type { DocumentStore } from "../ports.ts";
import type { ResourceIndex } from "../resource-index.ts";
import { resourceOfJob } from "../resource-of-job.ts";
import type { CommitJournal } from "./commit-journal.ts";
import { nameOf } from "./fleet-row.ts";
import type { CommitView, DeviceReport, LaneJobView, LaneReport, ReadAccess } from "./inspection-api.ts";
import { LANES_PREFIX } from "./lane-reports.ts";
import type { SecretMask } from "./mask-secrets.ts";

export interface DeviceBoardOptions {
  readonly index: ResourceIndex;
  readonly documents: DocumentStore;
  readonly journal: CommitJournal;
  readonly mask: SecretMask;
  readonly types: Iterable<TypeSchema>;
  /** Name of this process and its own lanes: those are asked directly. */
  readonly name: string;
  readonly lanes: () => readonly LaneView[];
}

interface ProcessLane {
  readonly process: string;
  readonly lane: LaneView;
}

/** The devices as all processes together know them: lanes and sessions, who holds them, what was committed and what waits. */
export class DeviceBoard {
  readonly #options: DeviceBoardOptions;
  /** Types and fields that hold the address of a device. */
  readonly #addresses: ReadonlyArray<readonly [type: string, field: string]>;

  constructor(options: DeviceBoardOptions) {
    this.#options = options;
    this.#addresses = [...options.types].flatMap(({ type, fields }) =>
      Object.entries(fields)
        .filter(([, field]) => field.unique === true && field.format === "ipv4")
        .map(([name]) => [type, name] as const),
    );
  }

  async devices(access: ReadAccess): Promise<DeviceReport[]> {
    const lanes = await this.#lanes();
    const holders = await this.#holders();
    const jobs = this.#jobsByHost(access);
    const hosts = new Set([
      ...this.#options.journal.hosts(),
      ...lanes.flatMap(({ lane }) => lane.devices.map(({ host }) => host)),
      ...holders.keys(),
      ...jobs.keys(),
    ]);
    return [...hosts].sort().flatMap((host) => {
      const report = this.#report(access, host, { lanes, holders, jobs: jobs.get(host) ?? [] });
      return isShown(access, report) ? [report] : [];
    });
  }

  #report(
    access: ReadAccess,
    host: string,
    found: { lanes: readonly ProcessLane[]; holders: ReadonlyMap<string, string>; jobs: DeviceReport["jobs"] },
  ): DeviceReport {
    const own = found.lanes.filter(({ lane }) => lane.devices.some((device) => device.host === host));
    const holder = found.holders.get(host) ?? "";
    // Only who holds the device edits it; without a holder, who has used it last knows most.
    const telling =
      own.find(({ process }) => process === holder) ??
      own.find(({ lane }) => sessionOf(lane, host) !== "disconnected") ??
      own[0];
    const session = telling?.lane.devices.find((device) => device.host === host);
    return {
      host,
      known: this.#known(access, host),
      session: session?.state ?? "unknown",
      error: access.everything ? this.#options.mask.text(session?.error ?? "") : "",
      lockHolder: access.everything ? holder : holder === "" ? "" : "a worker",
      lanes: own.map((lane) => this.#lane(access, lane)),
      commits: this.#commits(access, host),
      jobs: found.jobs,
    };
  }

  #lane(access: ReadAccess, { process, lane }: ProcessLane): LaneReport {
    const { lastError } = lane;
    const { mask } = this.#options;
    return {
      id: lane.id,
      hosts: lane.devices.map(({ host }) => host),
      process: access.everything ? process : "",
      phase: lane.phase,
      inHand: this.#jobs(access, lane.inHand),
      waiting: this.#jobs(access, lane.waiting),
      lastError:
        lastError === undefined || !access.everything
          ? null
          : {
              ...lastError,
              message: mask.text(lastError.message),
              ...(lastError.statement === undefined ? {} : { statement: mask.text(lastError.statement) }),
            },
    };
  }

  #commits(access: ReadAccess, host: string): CommitView[] {
    return this.#options.journal.of(host).flatMap((commit) => {
      const jobs = this.#jobs(access, commit.jobs);
      return access.everything || jobs.length > 0 ? [{ ...commit, jobs }] : [];
    });
  }

  #jobs(access: ReadAccess, ids: readonly string[]): LaneJobView[] {
    return ids.flatMap((id) => {
      const ref = resourceOfJob(id);
      const entry = this.#options.index.entry(ref);
      // Of what is gone nobody knows whose it was.
      if (entry === undefined ? !access.everything : !access.mayRead(ref.type, entry.context.body)) return [];
      return [{ id, type: ref.type, resource: ref.id, name: entry === undefined ? "" : nameOf(entry.context.body) }];
    });
  }

  #jobsByHost(access: ReadAccess): Map<string, DeviceReport["jobs"]> {
    const byHost = new Map<string, Array<DeviceReport["jobs"][number]>>();
    for (const entry of this.#options.index.all()) {
      for (const job of entry.jobs) {
        if (job.phase !== "ready" && job.phase !== "working") continue;
        const [view] = this.#jobs(access, [job.id]);
        if (view === undefined) continue;
        for (const host of job.devices) {
          const jobs = byHost.get(host) ?? [];
          jobs.push({ ...view, phase: job.phase });
          byHost.set(host, jobs);
        }
      }
    }
    return byHost;
  }

  #known(access: ReadAccess, host: string): DeviceReport["known"] {
    const { index } = this.#options;
    return this.#addresses.flatMap(([type, field]) =>
      index.holders(type, field, host).flatMap(({ id, context }) => {
        const { body } = context;
        return access.mayRead(type, body) ? [{ type, id, name: nameOf(body) }] : [];
      }),
    );
  }

  async #lanes(): Promise<ProcessLane[]> {
    const { documents, name, lanes } = this.#options;
    const told = await documents.range(LANES_PREFIX);
    const others = told.flatMap(({ key, value }): ProcessLane[] => {
      const process = key.slice(LANES_PREFIX.length).split("/")[0] ?? "";
      return process === name ? [] : [{ process, lane: value as unknown as LaneView }];
    });
    return [...lanes().map((lane) => ({ process: name, lane })), ...others];
  }

  async #holders(): Promise<Map<string, string>> {
    const leases = await this.#options.documents.range(DEVICES_PREFIX);
    return new Map(
      leases.map(({ key, value }) => [
        key.slice(DEVICES_PREFIX.length),
        (value as { readonly owner?: string }).owner ?? "",
      ]),
    );
  }
}

function sessionOf(lane: LaneView, host: string): DeviceSessionState | undefined {
  return lane.devices.find((device) => device.host === host)?.state;
}

/** A device that nothing of the reader's is on is none of the reader's business. */
function isShown(access: ReadAccess, { known, jobs, commits }: DeviceReport): boolean {
  return access.everything || known.length > 0 || jobs.length > 0 || commits.length > 0;
}
