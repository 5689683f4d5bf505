import { type ErrorCode, SignalboxError } from "../../errors.ts";
import type { AuditedCaller, RequestJournal } from "../audit/audit-journal.ts";
import type { AuditAction } from "../audit/audit-view.ts";
import type { GatewayApi } from "../gateway-api.ts";
import type { ReadAccess } from "../inspection/inspection-api.ts";
import type { Clock } from "../ports.ts";
import { AuditedGateway } from "./audited-gateway.ts";
import type { Caller } from "./caller.ts";
import { CallersGateway } from "./callers-gateway.ts";
import { type Rate, RateLimit } from "./rate-limit.ts";

/** Who somebody is, whatever he asks for and from where. */
export type Identity = Pick<Caller, "name" | "role" | "tenant">;

/** Finds out who has sent a token. */
export interface Authenticator {
  /** @throws SB_UNAUTHENTICATED when it is no valid token, or none */
  authenticate(token: string | undefined): Promise<Identity>;
}

/** Where a request came from, as far as the transport knows. */
export type Origin = Pick<Caller, "from" | "via" | "requestId">;

/** The door that every request of a client goes through, whatever the transport. */
export interface Gatekeeper {
  /**
   * The gateway as the bearer of that token has it.
   * @throws SB_UNAUTHENTICATED, SB_RATE_LIMITED
   */
  admit(token: string | undefined, origin: Origin): Promise<Admitted>;
}

export interface Admitted {
  readonly api: GatewayApi;
  readonly caller: Caller;
  readonly access: ReadAccess;
  /** What the caller does beside the gateway's API, such as setting a fault in the lab. */
  readonly beside?: BesideActions;
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
}

/** Lets in who has a token, as often as its rate allows, and shows everybody the part of the gateway that is his. */
export class TokenGatekeeper implements Gatekeeper {
  readonly #options: TokenGatekeeperOptions;
  readonly #limit: RateLimit | undefined;

  constructor(options: TokenGatekeeperOptions) {
    this.#options = options;
    this.#limit = options.rate && new RateLimit(options.rate, options.clock);
  }

  async admit(token: string | undefined, origin: Origin): Promise<Admitted> {
    const { api, authenticator, journal } = this.#options;
    const identity = await authenticator.authenticate(token).catch((thrown: unknown) => {
      const by = { name: "unknown", role: null, tenant: undefined, ...origin };
      this.#refused(by, thrown);
      throw thrown;
    });
    const caller = { ...identity, ...origin };
    if (this.#limit?.take(caller.name) === false) {
      const error = new SignalboxError(
        "SB_RATE_LIMITED",
        `${caller.name} sends more than ${this.#limit.perSecond} requests a second`,
      );
      this.#refused(caller, error);
      throw error;
    }
    const theirs = new CallersGateway(api, caller);
    const beside: BesideActions = {
      accepted: (action, target) => journal.act({ action, by: caller, target }),
      refused: (action, target, code) => journal.refused({ action, by: caller, target }, code),
    };
    return { api: new AuditedGateway(theirs, caller, journal), caller, access: theirs.access, beside };
  }

  #refused(by: AuditedCaller, thrown: unknown): void {
    if (thrown instanceof SignalboxError && thrown.status < 500)
      this.#options.journal.refused({ action: "authenticate", by }, thrown.code);
  }
}
