import { SignalboxError } from "../../errors.ts";

/** Bytes that a request holds until it is answered. */
export interface HeldBytes {
  /** @throws SB_RATE_LIMITED when its sender would hold more than one may */
  add(bytes: number): void;
  /** Gives them back. Doing it twice is as doing it once. */
  release(): void;
}

/**
 * Counts, by caller, the bytes of bodies that came in and whose requests are not answered, so that nobody fills the memory of the process or
 * all of its time with requests that are sent at once.
 */
export class BytesInFlight {
  readonly #most: number;
  readonly #held = new Map<string, number>();

  /** @param most of one caller, bytes */
  constructor(most: number) {
    this.#most = most;
  }

  of(caller: string): HeldBytes {
    let own = 0;
    return {
      add: (bytes) => {
        const held = this.#held.get(caller) ?? 0;
        if (held + bytes > this.#most) throw tooMuch(caller, this.#most);
        own += bytes;
        this.#held.set(caller, held + bytes);
      },
      release: () => {
        const left = (this.#held.get(caller) ?? 0) - own;
        own = 0;
        if (left > 0) this.#held.set(caller, left);
        else this.#held.delete(caller);
      },
    };
  }
}

function tooMuch(caller: string, most: number): SignalboxError {
  const message = `${caller} has requests with ${most} bytes under way, as much as one caller may.`;
  return new SignalboxError("SB_RATE_LIMITED", message, {
    advice: "Wait for the answers of those before sending more.",
  });
}
