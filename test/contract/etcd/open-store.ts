import { Etcd3 } from "etcd3";
import type { DocumentChange, DocumentStore } from "../../../src/actors/ports.ts";
import { type EtcdOptions, type EtcdStore, openEtcd } from "../../../src/adapters/etcd/open.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

/** What a test opens, closed in the opposite order by `close`. */
export class Opened {
  readonly #closers: Array<() => unknown> = [];

  async store(endpoint: string, options: Partial<EtcdOptions> = {}): Promise<EtcdStore> {
    const store = await openEtcd({ endpoints: [endpoint], clock: systemClock, logger: silentLogger, ...options });
    this.later(() => store.close());
    return store;
  }

  /** The library's own client, for what only an administrator does. */
  admin(endpoint: string, options: object = {}): Etcd3 {
    const client = new Etcd3({ hosts: endpoint, ...options });
    this.later(() => client.close());
    return client;
  }

  later(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

/** A watch that collects what it is told. */
export class Collected {
  readonly changes: DocumentChange[] = [];
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();
  #look: () => void = () => undefined;

  constructor(documents: DocumentStore, prefix: string, fromRevision: number) {
    const run = async () => {
      for await (const change of documents.watch(prefix, { fromRevision, signal: this.#stop.signal })) {
        this.changes.push(change);
        this.#look();
      }
    };
    this.ended = run();
    this.ended.catch(() => this.#look());
  }

  /** Resolves when the condition holds; rejects when the watch fails before. */
  until(condition: (changes: readonly DocumentChange[]) => boolean): Promise<void> {
    const seen = new Promise<void>((resolve) => {
      this.#look = () => {
        if (condition(this.changes)) resolve();
      };
      this.#look();
    });
    return Promise.race([seen, this.ended]);
  }

  count(wanted: number): Promise<void> {
    return this.until(({ length }) => length >= wanted);
  }

  /** Resolves when the key was told with this value. */
  told(key: string, value: unknown): Promise<void> {
    return this.until((changes) => changes.some((change) => change.key === key && change.value === value));
  }

  /** Each change as "key=value@revision", or without the revision. */
  list(options: { revisions?: boolean } = {}): string[] {
    return this.changes.map(({ key, value, revision }) =>
      options.revisions === true ? `${key}=${JSON.stringify(value)}@${revision}` : `${key}=${JSON.stringify(value)}`,
    );
  }

  /** What a reader of the watch has in the end. */
  folded(): Record<string, unknown> {
    const view = new Map<string, unknown>();
    for (const { key, value } of this.changes) {
      if (value === null) view.delete(key);
      else view.set(key, value);
    }
    return Object.fromEntries([...view].sort());
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.ended;
  }
}

/** What the store has, as `Collected.folded` shows it. */
export async function contents(documents: DocumentStore, prefix: string): Promise<Record<string, unknown>> {
  const found = await documents.range(prefix);
  return Object.fromEntries(found.map(({ key, value }) => [key, value]));
}
