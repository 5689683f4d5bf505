import type { JsonObject, ResourceView } from "../gateway-api.ts";

/** A change that somebody only wants to know the consequences of. */
export type DryRunRequest =
  | { readonly action: "create"; readonly fields: JsonObject }
  | { readonly action: "update"; readonly id: string; readonly fields: JsonObject }
  | { readonly action: "delete" | "retry"; readonly id: string };

/**
 * What a change would do, as things are now. Nothing of it is stored or held: whoever makes the change after somebody else's may get other
 * numbers. What comes about only when it is carried out is a text in parentheses that says what it will be; secrets are "***".
 */
export interface DryRun {
  /** The resource as it would be; as it is, when it is deleted. */
  readonly resource: ResourceView;
  /** What belongs to it and is made, changed or deleted along with it. */
  readonly dependents: readonly DryRunDependent[];
  readonly allocations: readonly DryRunAllocation[];
  /** In the order in which they are planned. */
  readonly jobs: readonly DryRunJob[];
  /** What each router would be sent. */
  readonly devices: readonly DryRunDevice[];
}

export interface DryRunDependent {
  readonly type: string;
  readonly resource: ResourceView;
}

/** A number or an address of a pool. */
export interface DryRunAllocation {
  readonly action: "take" | "release";
  readonly type: string;
  readonly id: string;
  readonly field: string;
  readonly value: unknown;
  readonly pool: { readonly type: string; readonly id: string; readonly name: string };
  /** The lowest that is free now; false: the client asks for this one. */
  readonly chosen: boolean;
}

export interface DryRunJob {
  /** `jobs/<n>`, by which others name it. */
  readonly name: string;
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly action: "create" | "modify" | "delete";
  readonly handler: "heat_worker" | "monitoring_worker";
  readonly template: string;
  /** Names of these jobs, and ids of jobs that are under way now. */
  readonly waits_for: readonly string[];
  /** Addresses of the devices that it works on. */
  readonly devices: readonly string[];
}

export interface DryRunDevice {
  /** Address. */
  readonly router: string;
  /** Name of the job that sends it. */
  readonly job: string;
  /** XML, to be merged into the router's configuration; "" when it cannot be rendered. */
  readonly configuration: string;
  /** Why it cannot be rendered: the job would fail with this. */
  readonly problem?: string;
}
