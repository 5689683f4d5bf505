import type {
  Body,
  ResourceRef,
  ResourceView,
  ViewedJob,
  ViewedResource,
} from "../../../src/catalogue/resource-view.ts";

/** A view of resources that a test puts in by hand. */
export class MemoryView implements ResourceView {
  private readonly resources = new Map<string, ViewedResource>();
  private readonly taken = new Map<string, Set<number>>();
  private readonly references = new Map<string, ResourceRef[]>();

  /** Adds a resource, and says which others it refers to. */
  add(
    type: string,
    id: string,
    body: Body = {},
    more: Partial<ViewedResource> & { refersTo?: readonly ResourceRef[] } = {},
  ): this {
    const { refersTo = [], ...rest } = more;
    this.resources.set(`${type}/${id}`, {
      type,
      id,
      body: { id, ...body },
      markedForDeletion: false,
      deletionFailed: false,
      owner: undefined,
      unfinishedJobs: [],
      ...rest,
    });
    this.references.set(`${type}/${id}`, [...refersTo]);
    return this;
  }

  /** Takes numbers of a pool. */
  claim(pool: string, ...numbers: readonly number[]): this {
    this.taken.set(pool, new Set([...(this.taken.get(pool) ?? []), ...numbers]));
    return this;
  }

  get(type: string, id: string): ViewedResource | undefined {
    return this.resources.get(`${type}/${id}`);
  }

  referrers(type: string, id: string): readonly ViewedResource[] {
    return [...this.references].flatMap(([key, refs]) =>
      refs.some((ref) => ref.type === type && ref.id === id) ? (this.resources.get(key) ?? []) : [],
    );
  }

  claimed(pool: string): ReadonlySet<number> {
    return this.taken.get(pool) ?? new Set();
  }

  holder(type: string, field: string, value: string): string | undefined {
    return [...this.resources.values()].find((each) => each.type === type && each.body[field] === value)?.id;
  }
}

export function heatJob(id: string): ViewedJob {
  return { id, handler: "heat_worker", first: true };
}

export function monitoringJob(id: string, first = false): ViewedJob {
  return { id, handler: "monitoring_worker", first };
}
