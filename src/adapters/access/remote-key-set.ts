import { createLocalJWKSet, errors, type JWTVerifyGetKey } from "jose";
import type { Clock } from "../../actors/ports.ts";

/** How long fetched keys count, milliseconds: a key that the issuer took back verifies nothing after that. */
const KEPT_MS = 600_000;
/** A key that is not in the set makes it be fetched again, not more often than this. */
const AGAIN_MS = 30_000;
const FETCH_MS = 5_000;

/**
 * The key set of an issuer (RFC 7517), fetched when it is needed and kept for ten minutes. Ages are by the monotonic clock: the library's own
 * set would keep keys for a day, and fetch no new ones for a day, after the wall clock was set back by one.
 */
export class RemoteKeySet {
  readonly #url: string;
  readonly #clock: Clock;
  #keys: { readonly find: JWTVerifyGetKey; readonly fetchedAt: number } | undefined;
  #fetching: Promise<JWTVerifyGetKey> | undefined;

  constructor(url: string, clock: Clock) {
    this.#url = url;
    this.#clock = clock;
  }

  /** The key that a token's header names. @throws errors.JOSEError when there is none; Error when the set cannot be fetched */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const kept = this.#age() < KEPT_MS ? this.#keys?.find : undefined;
    const find = kept ?? (await this.#fetch());
    try {
      return await find(header, token);
    } catch (thrown) {
      if (!(thrown instanceof errors.JWKSNoMatchingKey) || this.#age() < AGAIN_MS) throw thrown;
      return await (await this.#fetch())(header, token);
    }
  };

  #age(): number {
    return this.#keys === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonic() - this.#keys.fetchedAt;
  }

  /** One request for all who wait. */
  #fetch(): Promise<JWTVerifyGetKey> {
    this.#fetching ??= this.#fetchNow().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchNow(): Promise<JWTVerifyGetKey> {
    const late = new AbortController();
    const cancel = this.#clock.after(FETCH_MS, () => late.abort(new Error(`no answer within ${FETCH_MS} ms`)));
    try {
      const { signal } = late;
      const headers = { accept: "application/json, application/jwk-set+json" };
      const answer = await fetch(this.#url, { redirect: "manual", signal, headers });
      if (answer.status !== 200) throw new Error(`${this.#url} answers with status ${answer.status}`);
      const find = createLocalJWKSet((await answer.json()) as Parameters<typeof createLocalJWKSet>[0]);
      this.#keys = { find, fetchedAt: this.#clock.monotonic() };
      return find;
    } finally {
      cancel();
    }
  }
}
