import type { JsonObject } from "../../../src/actors/gateway-api.ts";
import type { ControllerSnapshot } from "../../../src/lab/contrail/lab-controller.ts";
import type { Left } from "../lone-invariants.ts";
import type { Ending } from "../main-process.ts";
import type { FleetRequest } from "./fleet-requests.ts";
import type { Victim } from "./killable-cluster.ts";

/** All that a run of a cluster has left: at its client, in NATS and etcd, on the devices and in what was written. */
export interface ClusterOutcome extends Left {
  readonly pairs: number;
  readonly requests: readonly FleetRequest[];
  readonly deleted: ReadonlySet<string>;
  /** The fields that the client has last set, by id. */
  readonly changed: ReadonlyMap<string, JsonObject>;
  /** By name of the request: the status with which it was refused. */
  readonly refused: ReadonlyMap<string, number>;
  readonly objects: readonly ControllerSnapshot[];
  /** Texts that must be found nowhere in the clear. */
  readonly secrets: readonly string[];
  /** Lines that the processes have written. */
  readonly lines: readonly string[];
  /** Opens what is sealed in a text. */
  readonly open: (text: string) => string;
  readonly endings: ReadonlyArray<{ readonly name: Victim; readonly ending: Ending }>;
  /** Why, of processes that were up and ended although nobody has killed them. */
  readonly endedBySelf: readonly string[];
}
