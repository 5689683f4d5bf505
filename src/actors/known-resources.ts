import type { ResourceSnapshot } from "../machines/resource/resource-machine.ts";

/** A resource's last record, as far as this process has seen. */
export interface KnownResource {
  readonly seq: number;
  readonly snapshot: ResourceSnapshot;
}

/** Some kilobytes each. A resource that is worked on has its transitions one after the other. */
const MOST = 512;

/** The last records of the resources that something happened to most lately. */
export class KnownResources {
  // In the order of their last records.
  readonly #known = new Map<string, KnownResource>();

  get(key: string): KnownResource | undefined {
    return this.#known.get(key);
  }

  /** Takes in a record, unless a later one is known. */
  note(key: string, resource: KnownResource): void {
    if ((this.#known.get(key)?.seq ?? 0) > resource.seq) return;
    this.#known.delete(key);
    this.#known.set(key, resource);
    if (this.#known.size <= MOST) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  forget(key: string): void {
    this.#known.delete(key);
  }
}
