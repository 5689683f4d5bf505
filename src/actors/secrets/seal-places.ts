import type { ResourceRef } from "../../catalogue/resource-view.ts";
import { SignalboxError } from "../../errors.ts";
import { serializeXml } from "../../xml/element.ts";
import type { RouterEdit } from "../devices/lane-job.ts";
import type { Secrets } from "../ports.ts";
import { type IndexEntry, keyOf, type ResourceIndex } from "../resource-index.ts";

/** Where a secret stands: what it is sealed for and opened from. */
export function sealPlace({ type, id }: ResourceRef, field: string): string {
  return `${type}/${id}/${field}`;
}

/** The place of a login that stands in the journal of a device's commits. */
export function devicePlace(host: string): string {
  return `device/${host}/password`;
}

export interface SealPlacesOptions {
  readonly index: Pick<ResourceIndex, "entry" | "referring">;
  readonly secrets: Secrets;
  /** Names of a type's secret fields. */
  readonly secretFields: (type: string) => readonly string[];
  /** Resolves when the index has read the log to its end. */
  readonly caughtUp: () => Promise<void>;
}

/**
 * Holds seals to where they were made. A seal names its resource and field, and nobody without the key can change that; here it is seen
 * to that it is also used there: a resource's secret fields hold seals of its own, a login opens for an address of the resource that it
 * is the login of, and a configuration has secrets of its own resource only. Seals of before version 3 name nothing, and are let through.
 */
export class SealPlaces {
  readonly #options: SealPlacesOptions;

  constructor(options: SealPlacesOptions) {
    this.#options = options;
  }

  /**
   * Refuses only what is so when the log is read to its end: the index of this process may be behind.
   * @throws SB_SECRET_UNREADABLE when a job of that resource would open a seal that is another's
   */
  async requireOwn(ref: ResourceRef, edits: readonly RouterEdit[]): Promise<void> {
    try {
      this.#check(ref, edits);
    } catch {
      await this.#options.caughtUp();
      this.#check(ref, edits);
    }
  }

  #check(ref: ResourceRef, edits: readonly RouterEdit[]): void {
    const { index, secrets } = this.#options;
    const own = index.entry(ref);
    if (own !== undefined) this.#requireFields(own);
    for (const { address, configuration } of edits) {
      this.requireLogin(address.host, address.password);
      for (const place of secrets.placesIn(serializeXml(configuration))) {
        if (place !== undefined && !place.startsWith(`${keyOf(ref)}/`)) {
          throw misplaced(`the configuration of ${keyOf(ref)}`, place, address.host);
        }
      }
    }
  }

  /** @throws SB_SECRET_UNREADABLE when the password is not that of a device at the address */
  requireLogin(host: string, password: string): void {
    const { index, secrets } = this.#options;
    for (const place of secrets.placesIn(password)) {
      if (place === undefined || place === devicePlace(host)) continue;
      const [type = "", id = "", field = ""] = place.split("/");
      const owner = index.entry({ type, id });
      const isLogin = this.#options.secretFields(type).includes(field);
      const isOwner = isLogin && owner !== undefined && (hasAddress(owner, host) || this.#isOfPair(owner, host));
      if (owner === undefined || !isOwner) {
        throw misplaced(`the login of ${host}`, place, host);
      }
      this.#requireFields(owner);
    }
  }

  /** Routers of a pair may have one login: it is the address of another of its type that the same resource refers to. */
  #isOfPair({ type, id }: IndexEntry, host: string): boolean {
    const { index } = this.#options;
    return [...index.referring(type, id)].some(({ context }) =>
      context.references.some((other) => {
        const entry = other.type === type ? index.entry(other) : undefined;
        return entry !== undefined && hasAddress(entry, host);
      }),
    );
  }

  #requireFields(entry: IndexEntry): void {
    const { secrets, secretFields } = this.#options;
    for (const field of secretFields(entry.type)) {
      const value = entry.body[field];
      if (typeof value !== "string") continue;
      for (const place of secrets.placesIn(value)) {
        if (place !== undefined && place !== sealPlace(entry, field))
          throw misplaced(`${keyOf(entry)} (${field})`, place);
      }
    }
  }
}

function hasAddress({ body }: IndexEntry, host: string): boolean {
  return Object.values(body).includes(host);
}

function misplaced(where: string, place: string, device?: string): SignalboxError {
  return new SignalboxError("SB_SECRET_UNREADABLE", `${where} has a value that was sealed for ${place}`, {
    ...(device === undefined ? {} : { device }),
    advice:
      "It was put there past the API. Set the secret of the resource anew, and find out who writes to the stores.",
  });
}
