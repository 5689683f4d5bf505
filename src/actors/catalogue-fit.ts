import type { Catalogue } from "../catalogue/load-catalogue.ts";
import { misfitsOf } from "../catalogue/misfits.ts";
import { SignalboxError } from "../errors.ts";
import { latestBody } from "../machines/resource/resource-steps.ts";
import type { ResourceContext } from "../machines/resource/resource-types.ts";
import { keyOf, type ResourceIndex } from "./resource-index.ts";

/**
 * Whether this process has all that the resources of the log need of the catalogue. A type that was taken away, or another catalogue than that of
 * the other processes, would make its resources vanish from the API while they stay on the devices.
 */
export class CatalogueFit {
  readonly #catalogue: Catalogue;
  /** What resources lack, by their keys. */
  readonly #misfits = new Map<string, { readonly type: string; readonly lacks: readonly string[] }>();

  constructor(catalogue: Catalogue) {
    this.#catalogue = catalogue;
  }

  /** Looks at each resource that the index takes in, from its start on. */
  observe(index: Pick<ResourceIndex, "onChange">): void {
    index.onChange(({ ref, record, entry }) => {
      // What is only proposed may be refused yet, and has nothing anywhere.
      const lacks =
        entry === undefined || record.snapshot.value.lifecycle === "proposed"
          ? []
          : this.#lacksOf(record.snapshot.context);
      if (lacks.length === 0) this.#misfits.delete(keyOf(ref));
      else this.#misfits.set(keyOf(ref), { type: ref.type, lacks });
    });
  }

  /** What is missing, for how many resources of which type; undefined when all is there. */
  get trouble(): SignalboxError | undefined {
    if (this.#misfits.size === 0) return undefined;
    const counts = new Map<string, { readonly type: string; readonly lack: string; count: number }>();
    for (const { type, lacks } of this.#misfits.values()) {
      for (const lack of lacks) {
        const counted = counts.get(`${type}: ${lack}`) ?? { type, lack, count: 0 };
        counted.count += 1;
        counts.set(`${type}: ${lack}`, counted);
      }
    }
    const lines = [...counts.values()].map(({ type, lack, count }) => `${count} of type ${type}: ${lack}`);
    return new SignalboxError("SB_TYPE_GONE", `resources need what the templates lack: ${lines.join("; ")}`);
  }

  #lacksOf(context: ResourceContext): string[] {
    return misfitsOf(
      {
        type: context.type,
        collection: context.collection,
        body: latestBody(context),
        templates: Object.values(context.templates).filter((name) => name !== undefined),
        isApplied: context.applied !== null,
        targetKinds: context.monitoring?.targets.map(({ kind }) => kind) ?? [],
        openJobs: context.jobs.filter(({ phase }) => phase !== "finished" && phase !== "failed").map(({ job }) => job),
      },
      this.#catalogue.types,
    );
  }
}
