import { asSignalboxError, SignalboxError } from "../../errors.ts";
import type { Clock } from "../ports.ts";
import { isOperator } from "./caller.ts";
import type { Authenticator, Credentials, Identity } from "./gatekeeper.ts";

/** How many streams may be open at a time, over all transports of this process. */
export interface StreamLimits {
  readonly total: number;
  /** Of those, how many nobody but operators gets. */
  readonly forOperators: number;
  readonly perTenant: number;
  readonly perCaller: number;
}

export const defaultStreamLimits: StreamLimits = { total: 512, forOperators: 64, perTenant: 128, perCaller: 32 };

/** The right to one stream, for as long as its caller has it. */
export interface StreamPermit {
  /** Aborted when the right ends; the reason is the SignalboxError to tell the caller. */
  readonly signal: AbortSignal;
  /** The stream has ended. Does no harm a second time. */
  release(): void;
}

interface Open {
  readonly identity: Identity;
  readonly credentials: Credentials;
  readonly ending: AbortController;
}

/** How often it is looked whether those who read streams still may. Far below the 5 s within which a stream has to end. */
export const LOOK_AT_RIGHTS_MS = 2_000;

/**
 * The streams that are open, each with the credentials that it was opened with: a request is over soon, a stream would outlive the token that
 * it was opened with. Every two seconds the credentials are shown again to whoever knows what they are good for.
 */
export class StreamPermits {
  readonly #authenticator: Authenticator;
  readonly #clock: Clock;
  readonly #limits: StreamLimits;
  readonly #open = new Set<Open>();
  /** Credentials that are being looked at. */
  readonly #asked = new Set<string>();
  #cancel: (() => void) | undefined;

  constructor(options: { authenticator: Authenticator; clock: Clock; limits?: Partial<StreamLimits> | undefined }) {
    this.#authenticator = options.authenticator;
    this.#clock = options.clock;
    this.#limits = { ...defaultStreamLimits, ...options.limits };
  }

  /**
   * @throws SB_TOO_MANY_STREAMS when the caller or its tenant has as many as it may have, SB_NOT_READY when the process has,
   *   SB_UNAUTHENTICATED when the credentials have expired since they were looked at
   */
  open(identity: Identity, credentials: Credentials): StreamPermit {
    if (this.#hasExpired(identity)) throw expired();
    this.#requireRoom(identity);
    const open: Open = { identity, credentials, ending: new AbortController() };
    this.#open.add(open);
    this.#watch();
    return {
      signal: open.ending.signal,
      release: () => {
        this.#open.delete(open);
        if (this.#open.size === 0) this.#rest();
      },
    };
  }

  #requireRoom({ name, role, tenant }: Identity): void {
    const { total, forOperators, perTenant, perCaller } = this.#limits;
    const count = (which: (identity: Identity) => boolean) =>
      [...this.#open].filter(({ identity }) => which(identity)).length;
    const ofCaller = count((each) => each.name === name && each.tenant === tenant && each.role === role);
    if (ofCaller >= perCaller) throw tooMany(`${name} has ${ofCaller} streams open, as many as one caller may have.`);
    const isTenants = (each: Identity) => !isOperator(each);
    if (!isOperator({ role })) {
      const ofTenant = count((each) => isTenants(each) && each.tenant === tenant);
      if (ofTenant >= perTenant)
        throw tooMany(`The tenant has ${ofTenant} streams open, as many as one tenant may have.`);
      const ofTenants = count(isTenants);
      if (ofTenants >= total - forOperators)
        throw full(`There are ${ofTenants} open streams of tenants; the rest is for operators.`);
    }
    if (this.#open.size >= total) throw full(`There are ${this.#open.size} open streams, as many as are allowed.`);
  }

  #watch(): void {
    this.#cancel ??= this.#clock.after(LOOK_AT_RIGHTS_MS, () => {
      this.#cancel = undefined;
      if (this.#open.size > 0) this.#watch();
      this.#look();
    });
  }

  #rest(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #look(): void {
    const byCredentials = new Map<string, Open[]>();
    for (const open of this.#open) {
      if (this.#hasExpired(open.identity)) {
        open.ending.abort(expired());
        continue;
      }
      const key = keyOf(open.credentials);
      byCredentials.set(key, [...(byCredentials.get(key) ?? []), open]);
    }
    for (const [key, opened] of byCredentials) {
      // Whoever answers slowly is not asked twice, and holds up nobody else's end.
      if (this.#asked.has(key)) continue;
      this.#asked.add(key);
      void this.#lookAt(opened).finally(() => this.#asked.delete(key));
    }
  }

  async #lookAt(opened: readonly Open[]): Promise<void> {
    const [first] = opened;
    if (first === undefined) return;
    const { credentials } = first;
    try {
      const now = await this.#authenticator.authenticate(credentials.token, credentials.certificate);
      for (const { identity, ending } of opened) if (!isSame(identity, now)) ending.abort(changed());
    } catch (thrown) {
      const error = asSignalboxError(thrown);
      // Whether the right is still there is not known: keys that cannot be fetched end nobody's.
      if (error.code !== "SB_UNAUTHENTICATED") return;
      for (const { ending } of opened) ending.abort(error);
    }
  }

  #hasExpired({ until }: Identity): boolean {
    return until !== undefined && this.#clock.now() >= until;
  }
}

function keyOf({ token, certificate }: Credentials): string {
  return `${certificate?.fingerprint ?? ""} ${token ?? ""}`;
}

function isSame(one: Identity, other: Identity): boolean {
  return one.name === other.name && one.role === other.role && one.tenant === other.tenant;
}

function expired(): SignalboxError {
  return new SignalboxError("SB_UNAUTHENTICATED", "the token or certificate has expired");
}

function changed(): SignalboxError {
  return new SignalboxError("SB_UNAUTHENTICATED", "the token is of another name, role or tenant than it was", {
    advice: "Open the stream again: it tells what the token allows now.",
  });
}

function tooMany(message: string): SignalboxError {
  return new SignalboxError("SB_TOO_MANY_STREAMS", message);
}

function full(message: string): SignalboxError {
  return new SignalboxError("SB_NOT_READY", message, {
    advice: "Close streams that nobody reads, or ask another gateway.",
  });
}
