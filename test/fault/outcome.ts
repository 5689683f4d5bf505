import type { TransitionView } from "../../src/actors/gateway-api.ts";
import type { ControllerSnapshot } from "../../src/lab/contrail/lab-controller.ts";
import type { Acknowledged, Pace } from "./careful-client.ts";
import type { RouterOutcome } from "./lab-pages.ts";
import type { Ending } from "./main-process.ts";
import type { StoreContent } from "./read-store.ts";

/** All that a run has left: at its client, on the disk and on the devices. */
export interface Outcome extends StoreContent {
  readonly pace: Pace;
  /** Why not everything is ACTIVE and UP, as the API says; empty when it is. */
  readonly shortfall: readonly string[];
  readonly acknowledged: readonly Acknowledged[];
  /** Transitions that a follower was told, in any life. */
  readonly followed: readonly TransitionView[];
  /** How the last life ended when it was asked to. */
  readonly stopped: Ending;
  /** After the end of the orchestrator. */
  readonly routers: readonly RouterOutcome[];
  readonly objects: readonly ControllerSnapshot[];
}
