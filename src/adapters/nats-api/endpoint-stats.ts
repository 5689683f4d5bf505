/** What `$SRV.STATS` tells of an endpoint as its `data`. */
export interface EndpointData {
  readonly answered: number;
  readonly errors: number;
  /** Code of the last error, "" before the first. Its message is for who asked: everybody may ask for statistics. */
  readonly last_error: string;
  /** Requests that are not answered yet. */
  readonly in_hand: number;
  /** Milliseconds from requests to their answers, all together; 0 without a clock. */
  readonly answer_ms: number;
}

/**
 * Counts of an endpoint's requests. The library's own counts end when the handler returns, which is before an answer is there, and do not
 * see its errors.
 */
export class EndpointStats {
  #answered = 0;
  #errors = 0;
  #lastError = "";
  #inHand = 0;
  #answerMs = 0;

  begin(): void {
    this.#inHand += 1;
  }

  /** @param error code, when the answer is an error */
  end(ms: number, error?: string): void {
    this.#inHand -= 1;
    this.#answered += 1;
    this.#answerMs += ms;
    if (error === undefined) return;
    this.#errors += 1;
    this.#lastError = error;
  }

  get data(): EndpointData {
    return {
      answered: this.#answered,
      errors: this.#errors,
      last_error: this.#lastError,
      in_hand: this.#inHand,
      answer_ms: this.#answerMs,
    };
  }
}
