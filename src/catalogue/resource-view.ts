/** What planning and derivation may know of the other resources: a consistent look at the index. */
export interface ResourceView {
  /** A resource that is accepted and not gone; undefined when there is none. */
  get(type: string, id: string): ViewedResource | undefined;
  /** Accepted resources that refer to this one (relations, references in lists, ownership). */
  referrers(type: string, id: string): readonly ViewedResource[];
  /** Numbers of a pool that are claimed by resources, accepted or in the making. */
  claimed(pool: string): ReadonlySet<number>;
  /** The resource that holds a unique value. */
  holder(type: string, field: string, value: string): string | undefined;
}

export type Body = { readonly [field: string]: unknown };

export interface ViewedResource {
  readonly type: string;
  readonly id: string;
  readonly body: Body;
  readonly markedForDeletion: boolean;
  /** Its deletion was tried and failed: it is still on the devices. */
  readonly deletionFailed: boolean;
  /** The resource as whose dependent this one was made. */
  readonly owner: ResourceRef | undefined;
  /** Jobs that are not finished yet. */
  readonly unfinishedJobs: readonly ViewedJob[];
}

export interface ResourceRef {
  readonly type: string;
  readonly id: string;
}

export interface ViewedJob {
  readonly id: string;
  readonly handler: Handler;
  /** It is the first of its chain. */
  readonly first: boolean;
}

export type Handler = "heat_worker" | "monitoring_worker";

/** The name under which the claims on a pool are kept. */
export function poolKey(type: string, id: string, pool: string): string {
  return `${type}/${id}/${pool}`;
}

/** What `poolKey` has put together. */
export function poolOfKey(key: string): { readonly owner: ResourceRef; readonly pool: string } {
  const [type = "", id = "", pool = ""] = key.split("/");
  return { owner: { type, id }, pool };
}
