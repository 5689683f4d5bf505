import type { DocumentWrite } from "./ports.ts";

/** How far the documents are: record `seq`, of whose writes the first `part` groups are made. */
export interface Position {
  readonly seq: number;
  readonly part: number;
}

/** Writes of one record that belong into one transaction, and the position after them. */
export interface ProjectionGroup extends Position {
  readonly writes: readonly DocumentWrite[];
}

/** etcd takes 128 operations in a transaction, one of which is the position. */
const MOST_WRITES = 100;
/** Keeps a transaction far below the 1.5 MiB that etcd takes: the largest records have some 50 kB. */
const MOST_RECORDS = 16;

/**
 * Splits the writes of a record into groups in which no key stands twice: watchers see each value, and etcd takes no key twice in one
 * transaction.
 */
export function groupsOf(seq: number, writes: readonly DocumentWrite[]): ProjectionGroup[] {
  const groups: DocumentWrite[][] = [];
  let keys = new Set<string>();
  for (const write of writes) {
    const group = groups.at(-1);
    if (group === undefined || keys.has(write.key) || group.length >= MOST_WRITES) {
      groups.push([write]);
      keys = new Set([write.key]);
    } else {
      group.push(write);
      keys.add(write.key);
    }
  }
  return groups.map((group, at) => ({ seq, part: at + 1, writes: group }));
}

/** Consecutive groups, of one record or of several, that are written in one transaction. In it no key stands twice either. */
export class ProjectionBatch {
  readonly writes: DocumentWrite[] = [];
  /** The position once it is written; undefined while it is empty. */
  position: Position | undefined;
  /** The last record that is complete once it is written. */
  complete: number;
  readonly #keys = new Set<string>();
  #records = 0;

  constructor(complete: number) {
    this.complete = complete;
  }

  /** False when the group has to wait for the next transaction. An empty batch takes every group. */
  add(group: ProjectionGroup): boolean {
    const { seq, part, writes } = group;
    const records = this.#records + (this.position?.seq === seq ? 0 : 1);
    const full = this.writes.length + writes.length > MOST_WRITES || records > MOST_RECORDS;
    if (this.position !== undefined && (full || writes.some(({ key }) => this.#keys.has(key)))) return false;
    this.writes.push(...writes);
    for (const { key } of writes) this.#keys.add(key);
    this.position = { seq, part };
    this.#records = records;
    return true;
  }
}
