import type { ServerResponse } from "node:http";

/** The requests of a server that are not answered yet. */
export class RunningRequests {
  readonly #responses = new Set<ServerResponse>();
  #waiting: Array<() => void> = [];

  add(response: ServerResponse): void {
    this.#responses.add(response);
    response.once("close", () => {
      this.#responses.delete(response);
      if (this.#responses.size > 0) return;
      for (const tell of this.#waiting.splice(0)) tell();
    });
  }

  /** Resolves when every response was sent whole or its client has left; a request's own time limit bounds the wait. */
  async finished(): Promise<void> {
    if (this.#responses.size === 0) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
