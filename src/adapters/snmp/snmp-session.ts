import { isIPv6 } from "node:net";
import snmp, { type Session, type SessionOptions, type Varbind } from "net-snmp";
import type { SnmpValue } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import type { Readings } from "./device-lane.ts";
import { type SnmpCredential, snmpUser } from "./snmp-credential.ts";
import { isMissing, snmpValue } from "./snmp-value.ts";

export interface SnmpSessionOptions {
  /** The device as the resources know it, for messages. */
  readonly device: string;
  readonly host: string;
  readonly port: number;
  readonly credential: SnmpCredential;
  /** Milliseconds until a request is sent again, or given up. */
  readonly timeoutMs: number;
  readonly retries: number;
}

/**
 * Requests to one agent with one credential over one socket. The socket opens with the first request and is given up
 * after a failure: an SNMPv3 agent that restarted has another engine time, which only a new discovery finds out.
 */
export class SnmpSession {
  readonly #options: SnmpSessionOptions;
  #session: Session | undefined;
  /** Fails the request in flight; there is at most one. */
  #abort: ((error: unknown) => void) | undefined;
  #closed = false;

  constructor(options: SnmpSessionOptions) {
    this.#options = options;
  }

  /** `host:port`; a session is only good for the address it was made for. */
  get address(): string {
    return addressText(this.#options);
  }

  /**
   * Reads instances with one GET; one that the agent calls too big is halved.
   * @throws SB_SNMP_TIMEOUT, SB_SNMP_FAILED
   */
  async get(oids: readonly string[]): Promise<Readings> {
    try {
      const varbinds = await this.#request<Varbind[]>((session, done) => session.get([...oids], done));
      const readings = new Map<string, SnmpValue | undefined>();
      for (const [at, oid] of oids.entries()) {
        const varbind = varbinds[at];
        if (varbind?.oid !== oid) throw new Error(`the answer has ${varbind?.oid} where ${oid} was asked`);
        readings.set(oid, snmpValue(varbind));
      }
      return readings;
    } catch (error) {
      if (!isTooBig(error) || oids.length < 2) throw this.#explain(error);
      const middle = Math.ceil(oids.length / 2);
      const halves = [await this.get(oids.slice(0, middle)), await this.get(oids.slice(middle))];
      return new Map(halves.flatMap((half) => [...half]));
    }
  }

  /**
   * Up to `count` instances that follow an object identifier, in order; shorter at the end of what the agent has.
   * @throws SB_SNMP_TIMEOUT, SB_SNMP_FAILED
   */
  async following(oid: string, count: number): Promise<Array<{ oid: string; value: SnmpValue }>> {
    try {
      const [varbinds = []] = await this.#request<Varbind[][]>((session, done) =>
        session.getBulk([oid], 0, count, done),
      );
      const found: Array<{ oid: string; value: SnmpValue }> = [];
      for (const varbind of varbinds) {
        const value = snmpValue(varbind);
        if (isMissing(varbind) || value === undefined) break;
        found.push({ oid: varbind.oid, value });
      }
      return found;
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** Ends the session; a request in flight fails. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #request<T>(
    send: (session: Session, done: (error: Error | null, answer?: T) => void) => void,
    retried = false,
  ): Promise<T> {
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#abort = reject;
        send(this.#open(), (error, answer) => {
          if (error) reject(error);
          else if (answer === undefined) reject(new Error("the answer is empty"));
          else resolve(answer);
        });
      });
    } catch (error) {
      if (!isRefusal(error)) this.#drop();
      // RFC 3414 section 3.2 step 7: an agent that restarted rejects the engine time we remember. Discover it anew, once.
      if (isOutsideTimeWindow(error) && !retried && !this.#closed) return this.#request(send, true);
      throw error;
    }
  }

  #open(): Session {
    if (this.#closed) throw new Error("the session is closed");
    if (this.#session) return this.#session;
    const { host, port, credential, timeoutMs, retries } = this.#options;
    const options: SessionOptions = {
      version: credential.version === "2c" ? snmp.Version2c : snmp.Version3,
      port,
      transport: isIPv6(host) ? "udp6" : "udp4",
      timeout: timeoutMs,
      retries,
    };
    const session =
      credential.version === "2c"
        ? snmp.createSession(host, credential.community, options)
        : snmp.createV3Session(host, snmpUser(credential), options);
    // A datagram that is no SNMP message: ignored like any stray datagram, the request runs into its timeout.
    session.on("error", () => undefined);
    this.#guard(session);
    this.#session = session;
    return session;
  }

  /**
   * net-snmp forgets a request before it checks the answer's security, and some of these checks throw on malformed
   * answers. Unguarded, that would end the process, or leave the request without any end.
   */
  #guard(session: Session): void {
    const listeners = session.dgram.listeners("message");
    session.dgram.removeAllListeners("message");
    session.dgram.on("message", (...datagram) => {
      try {
        for (const listener of listeners) Reflect.apply(listener, session.dgram, datagram);
      } catch (error) {
        this.#abort?.(error);
      }
    });
    // The library re-emits a socket's error under the error's own name, where nobody can listen.
    session.dgram.on("error", (error) => this.#abort?.(error));
  }

  #drop(): void {
    const session = this.#session;
    this.#session = undefined;
    session?.close();
  }

  #explain(error: unknown): SignalboxError {
    if (error instanceof SignalboxError) return error;
    const { device, timeoutMs, retries } = this.#options;
    const message = error instanceof Error ? error.message : String(error);
    const details = { device, cause: error };
    if (this.#closed) {
      return new SignalboxError("SB_SNMP_FAILED", `The SNMP client was closed while it asked ${device}`, {
        ...details,
        transient: true,
      });
    }
    if (nameOf(error) === "RequestTimedOutError") {
      const tries = retries === 0 ? "" : ` (${retries + 1} tries)`;
      return new SignalboxError(
        "SB_SNMP_TIMEOUT",
        `No SNMP answer from ${device} at ${this.address} within ${timeoutMs * (retries + 1)} ms${tries}`,
        details,
      );
    }
    // What the agent itself says is final; what the network says may pass.
    const said = isRefusal(error) || nameOf(error) === "ResponseInvalidError";
    return new SignalboxError("SB_SNMP_FAILED", `SNMP request to ${device} at ${this.address}: ${message}`, {
      ...details,
      transient: !said,
    });
  }
}

/** `host:port`, with brackets around an IPv6 host. */
export function addressText(address: { readonly host: string; readonly port: number }): string {
  return isIPv6(address.host) ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : "");

/** The agent answered with an error-status: the session itself is sound. */
const isRefusal = (error: unknown): boolean => nameOf(error) === "RequestFailedError";

function isTooBig(error: unknown): boolean {
  return isRefusal(error) && (error as { status?: unknown }).status === snmp.ErrorStatus.TooBig;
}

function isOutsideTimeWindow(error: unknown): boolean {
  if (nameOf(error) !== "ResponseInvalidError" || !(error instanceof Error)) return false;
  return (
    (error as { code?: unknown }).code === snmp.ResponseInvalidCode.ENotInTimeWindow ||
    error.message === "Not In Time Window"
  );
}
