/** Lets tests wait until something is so, looked at whenever something happened. */
export class Signal {
  readonly #waiting = new Set<() => void>();

  send(): void {
    for (const look of [...this.#waiting]) look();
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}
