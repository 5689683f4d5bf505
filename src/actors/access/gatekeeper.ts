import { SignalboxError } from "../../errors.ts";
import type { GatewayApi } from "../gateway-api.ts";
import type { ReadAccess } from "../inspection/inspection-api.ts";
import type { Clock } from "../ports.ts";
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
    const { api, authenticator } = this.#options;
    const caller = { ...(await authenticator.authenticate(token)), ...origin };
    if (this.#limit?.take(caller.name) === false)
      throw new SignalboxError(
        "SB_RATE_LIMITED",
        `${caller.name} sends more than ${this.#limit.perSecond} requests a second`,
      );
    const theirs = new CallersGateway(api, caller);
    return { api: theirs, caller, access: theirs.access };
  }
}
