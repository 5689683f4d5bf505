import { type ErrorCode, SignalboxError } from "../../errors.ts";
import type { AuditedCaller, RequestJournal } from "../audit/audit-journal.ts";
import type { AuditAction, WriteAction } from "../audit/audit-view.ts";
import type { GatewayApi } from "../gateway-api.ts";
import type { ReadAccess } from "../inspection/inspection-api.ts";
import type { Clock } from "../ports.ts";
import { AuditedGateway } from "./audited-gateway.ts";
import type { Caller } from "./caller.ts";
import { CallersGateway } from "./callers-gateway.ts";
import { type Rate, RateLimit } from "./rate-limit.ts";
import { type StreamLimits, type StreamPermit, StreamPermits } from "./stream-permits.ts";

/** Who somebody is, whatever he asks for and from where. */
export interface Identity extends Pick<Caller, "name" | "role" | "tenant"> {
  /** When his credentials expire, milliseconds since the epoch; undefined: not by themselves. */
  readonly until?: number;
}

/** A client's certificate that the transport has verified. */
export interface VerifiedCertificate {
  /** SHA-256 of it, which tells it from every other. */
  readonly fingerprint: string;
  /** Its subject, one line, such as `CN=ops,O=Example`. */
  readonly subject: string;
  /** Its other names, such as `DNS:ops.example` or `URI:spiffe://example/ops`. */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** What somebody shows to say who he is. */
export interface Credentials {
  readonly token: string | undefined;
  readonly certificate?: VerifiedCertificate | undefined;
}

/** Finds out who has sent a token, or shown a certificate. A token counts more: it is the sender's own choice. */
export interface Authenticator {
  /** @throws SB_UNAUTHENTICATED when it is no valid token, or none */
  authenticate(token: string | undefined, certificate?: VerifiedCertificate): Promise<Identity>;
}

/** Where a request came from, as far as the transport knows. */
export type Origin = Pick<Caller, "from" | "via" | "requestId">;

/** The door that every request of a client goes through, whatever the transport. */
export interface Gatekeeper {
  /**
   * The gateway as the bearer of that token, or of that certificate, has it.
   * @throws SB_UNAUTHENTICATED, SB_RATE_LIMITED
   */
  admit(token: string | undefined, origin: Origin, certificate?: VerifiedCertificate): Promise<Admitted>;
}

export interface Admitted {
  readonly api: GatewayApi;
  readonly caller: Caller;
  readonly access: ReadAccess;
  /** What the caller does beside the gateway's API, such as setting a fault in the lab. */
  readonly beside?: BesideActions;
  /**
   * The right to one stream more, which ends with the right of the caller.
   * @throws SB_TOO_MANY_STREAMS, SB_NOT_READY, SB_UNAUTHENTICATED
   */
  readonly openStream: () => StreamPermit;
  /**
   * Checks, before anything is known of the resource, whether the caller can have the right at all.
   * @param id of the resource, where it is known
   * @throws SB_FORBIDDEN; SB_NOT_FOUND for a resource that there is not for the caller
   */
  permit(type: string, action: WriteAction, id?: string): Promise<void>;
  /**
   * Counts as so many requests more: a request that asks for n things costs what n requests cost.
   * @throws SB_RATE_LIMITED
   */
  charge(requests: number): void;
}

/** Keeps in the audit what is asked for beside the gateway's API. */
export interface BesideActions {
  /** Resolves when it is kept. @throws what the log throws: it must not be done then */
  accepted(action: AuditAction, target: string): Promise<void>;
  refused(action: AuditAction, target: string, code: ErrorCode): void;
}

/** Without tokens everybody is the admin: for a program that listens on loopback only. */
export const everybody: Authenticator = {
  authenticate: async () => ({ name: "anonymous", role: "admin", tenant: undefined }),
};

export interface TokenGatekeeperOptions {
  readonly api: GatewayApi;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  /** Of each token; undefined: no limit. */
  readonly rate: Rate | undefined;
  readonly journal: RequestJournal;
  readonly streams?: Partial<StreamLimits>;
}

/** Lets in who has a token, as often as its rate allows, and shows everybody the part of the gateway that is his. */
export class TokenGatekeeper implements Gatekeeper {
  readonly #options: TokenGatekeeperOptions;
  readonly #limit: RateLimit | undefined;
  readonly #streams: StreamPermits;

  constructor(options: TokenGatekeeperOptions) {
    this.#options = options;
    this.#limit = options.rate && new RateLimit(options.rate, options.clock);
    const { authenticator, clock, streams } = options;
    this.#streams = new StreamPermits({ authenticator, clock, limits: streams });
  }

  async admit(token: string | undefined, origin: Origin, certificate?: VerifiedCertificate): Promise<Admitted> {
    const { api, authenticator, journal } = this.#options;
    const identity = await authenticator.authenticate(token, certificate).catch((thrown: unknown) => {
      const by = { name: "unknown", role: null, tenant: undefined, ...origin };
      this.#refused(by, thrown);
      throw thrown;
    });
    const { name, role, tenant } = identity;
    const caller = { name, role, tenant, ...origin };
    if (this.#limit?.take(caller.name) === false) {
      const error = tooFast(this.#limit, caller.name);
      this.#refused(caller, error);
      throw error;
    }
    const theirs = new CallersGateway(api, caller);
    const beside: BesideActions = {
      accepted: (action, target) => journal.act({ action, by: caller, target }),
      refused: (action, target, code) => journal.refused({ action, by: caller, target }, code),
    };
    return {
      api: new AuditedGateway(theirs, caller, journal),
      caller,
      access: theirs.access,
      beside,
      openStream: () => this.#streams.open(identity, { token, certificate }),
      permit: async (type, action, id) => {
        try {
          await theirs.permit(type, action, id);
        } catch (thrown) {
          const about = { type, ...(id === undefined ? {} : { id }), action, by: caller };
          if (thrown instanceof SignalboxError && thrown.status < 500) journal.refused(about, thrown.code);
          throw thrown;
        }
      },
      charge: (requests) => {
        if (this.#limit?.takeMore(caller.name, requests) !== false) return;
        const error = tooFast(this.#limit, caller.name, requests);
        this.#refused(caller, error);
        throw error;
      },
    };
  }

  #refused(by: AuditedCaller, thrown: unknown): void {
    if (thrown instanceof SignalboxError && thrown.status < 500)
      this.#options.journal.refused({ action: "authenticate", by }, thrown.code);
  }
}

function tooFast(limit: RateLimit, name: string, more = 0): SignalboxError {
  const counts = more === 0 ? "" : `; this one asks for ${more} things more and counts as so many`;
  const message = `${name} sends more than ${limit.perSecond} requests a second${counts}`;
  return new SignalboxError("SB_RATE_LIMITED", message, { retryAfterS: limit.secondsUntil(name, more) });
}
