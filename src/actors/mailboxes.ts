/** One queue of work per key: tasks of a key run one after the other, tasks of different keys side by side. */
export class Mailboxes {
  private readonly tails = new Map<string, Promise<unknown>>();

  /** Runs the task after all earlier tasks of the key; answers what it answers. */
  run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.tails.get(key) ?? Promise.resolve();
    const result = before.then(task, task);
    const settled = result.then(
      () => {},
      () => {},
    );
    this.tails.set(key, settled);
    void settled.then(() => {
      if (this.tails.get(key) === settled) this.tails.delete(key);
    });
    return result;
  }

  /** Resolves when no task is left. */
  async idle(): Promise<void> {
    while (this.tails.size > 0) await Promise.all(this.tails.values());
  }
}
