import type { ControllerSnapshot } from "../../src/lab/contrail/lab-controller.ts";
import type { LedgerEntry } from "../../src/lab/junos/commit-ledger.ts";
import { labCommunities } from "../../src/lab/lab-devices.ts";
import type { labOverview } from "../../src/lab/lab-overview.ts";

type LabOverview = ReturnType<typeof labOverview>;

/** What a router of the lab has come to. */
export interface RouterOutcome {
  readonly name: string;
  readonly compare: string;
  /** What it has more than its base, and less, as lines of `set` and `delete`. */
  readonly set: string;
  /** All that it holds, as lines of `set`. */
  readonly configuration: string;
  /** Its commits since the lab was started, oldest first. */
  readonly ledger: readonly LedgerEntry[];
  readonly overview: LabOverview["routers"][number];
}

/** A lab by its HTTP pages, wherever it runs. */
export class LabPages {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Each commit that changes a router takes so much longer from now on, milliseconds. */
  async slowCommits(msByRouter: Readonly<Record<string, number>>): Promise<void> {
    for (const [name, ms] of Object.entries(msByRouter)) {
      const response = await fetch(`${this.#url}/lab/routers/${name}/faults`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ kind: "slowCommit", ms }),
      });
      if (response.status !== 201) throw new Error(`the lab does not slow ${name} down: ${await response.text()}`);
    }
  }

  /** The configuration of an orchestrator that reaches these devices by an address book, as it would real ones. */
  async configuration(): Promise<object> {
    const { routers, agents, controller } = await this.overview();
    return {
      monitoring: { interval_ms: 500 },
      address_book: {
        netconf: Object.fromEntries(routers.map(({ address, listens }) => [address, listens])),
        snmp: Object.fromEntries(agents.map(({ address, listens }) => [address, listens])),
      },
      snmp: {
        communities: Object.fromEntries(
          Object.entries(labCommunities).map(([name, community]) => [name, { version: "2c", community }]),
        ),
      },
      contrail: { api_url: controller.url, analytics_url: controller.url },
    };
  }

  async overview(): Promise<LabOverview> {
    return (await (await fetch(`${this.#url}/lab`)).json()) as LabOverview;
  }

  async routers(): Promise<RouterOutcome[]> {
    const { routers } = await this.overview();
    const text = async (name: string, page: string) => (await fetch(`${this.#url}/lab/routers/${name}/${page}`)).text();
    const ledger = async (name: string) =>
      (JSON.parse(await text(name, "commits")) as { commits: readonly LedgerEntry[] }).commits;
    return Promise.all(
      routers.map(async (overview) => ({
        name: overview.name,
        compare: await text(overview.name, "compare"),
        set: await text(overview.name, "set"),
        configuration: await text(overview.name, "configuration"),
        ledger: await ledger(overview.name),
        overview,
      })),
    );
  }

  async controllerObjects(): Promise<ControllerSnapshot[]> {
    const answer = await fetch(`${this.#url}/lab/controller/objects`);
    return ((await answer.json()) as { objects: ControllerSnapshot[] }).objects;
  }
}
