import { SignalboxError } from "../../errors.ts";
import { serializeXml, type XmlElement } from "../../xml/element.ts";
import type { Clock, Logger, RouterAddress, RouterConnector, RouterSession } from "../ports.ts";

export interface OperationalSessionsOptions {
  readonly connector: RouterConnector;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds after the last question until a session is closed; 120 s when not given, longer than a polling interval. */
  readonly idleMs?: number;
}

/** What is kept of a device, from the first question until it was idle for long enough. */
interface Device {
  readonly address: RouterAddress;
  /** Opening or open; undefined when there is none. */
  session: Promise<RouterSession> | undefined;
  /** Questions in flight by their XML text. */
  readonly asked: Map<string, Promise<XmlElement>>;
  /** The last failure to connect or to answer in time: until then it is the answer to every question. */
  failure: { readonly error: unknown; readonly until: number; readonly holdMs: number } | undefined;
  usedAt: number;
  cancelIdle: () => void;
}

const DEFAULT_IDLE_MS = 120_000;
const FIRST_HOLD_MS = 250;
const LONGEST_HOLD_MS = 15_000;

/**
 * Sessions for questions about how a router is, apart from those that configure it: a long commit does not delay monitoring, and monitoring
 * holds no lock. One session per device and login, opened at the first question, closed when idle, opened again when it was lost.
 *
 * Questions with the same text that come while it is in flight share its answer. After a failed connect the device is left alone for a
 * while, growing from 250 ms to 15 s, so that a wrong password does not lock the account however many targets ask; after a question that
 * was not answered in time for 15 s, so that a device that hangs does not hold up the polling of the others for long.
 */
export class OperationalSessions {
  readonly #options: OperationalSessionsOptions;
  readonly #idleMs: number;
  readonly #devices = new Map<string, Device>();
  readonly #closing = new Set<Promise<void>>();
  readonly #stopping = new AbortController();

  constructor(options: OperationalSessionsOptions) {
    this.#options = options;
    this.#idleMs = options.idleMs ?? DEFAULT_IDLE_MS;
  }

  /**
   * Asks a device and waits for its rpc-reply. The operation must change nothing: it is sent again when the session proves to be lost.
   * @throws what connecting and `RouterSession.rpc` throw; SB_NOT_READY after `close`
   */
  ask(address: RouterAddress, operation: XmlElement): Promise<XmlElement> {
    if (this.#stopping.signal.aborted) return Promise.reject(closedError());
    const device = this.#device(address);
    const question = serializeXml(operation);
    const inFlight = device.asked.get(question);
    if (inFlight !== undefined) return inFlight;
    const answer = this.#send(device, operation).finally(() => {
      device.asked.delete(question);
      device.usedAt = this.#options.clock.monotonic();
    });
    device.asked.set(question, answer);
    return answer;
  }

  /** Ends all sessions and waits until they are closed; questions in flight fail. */
  async close(): Promise<void> {
    this.#stopping.abort(closedError());
    const devices = [...this.#devices.values()];
    this.#devices.clear();
    for (const device of devices) this.#leave(device);
    await Promise.all(this.#closing);
  }

  #device(address: RouterAddress): Device {
    // The login is part of the key: with a corrected password a new session is opened at once.
    const { host, port, username, password, privateKey } = address;
    const key = JSON.stringify([host, port, username, password, privateKey]);
    const known = this.#devices.get(key);
    if (known !== undefined) return known;
    const device: Device = {
      address,
      session: undefined,
      asked: new Map(),
      failure: undefined,
      usedAt: this.#options.clock.monotonic(),
      cancelIdle: () => {},
    };
    this.#devices.set(key, device);
    this.#watchIdle(key, device, this.#idleMs);
    return device;
  }

  #watchIdle(key: string, device: Device, delayMs: number): void {
    device.cancelIdle = this.#options.clock.after(delayMs, () => {
      const left = device.usedAt + this.#idleMs - this.#options.clock.monotonic();
      if (device.asked.size > 0) this.#watchIdle(key, device, this.#idleMs);
      else if (left > 0) this.#watchIdle(key, device, left);
      else {
        this.#devices.delete(key);
        this.#leave(device);
      }
    });
  }

  #leave(device: Device): void {
    device.cancelIdle();
    const { session } = device;
    device.session = undefined;
    if (session === undefined) return;
    const closing = session
      .then((open) => open.close())
      .catch((error: unknown) => {
        this.#options.logger.debug({ device: device.address.host, error: String(error) }, "session did not close well");
      })
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  async #send(device: Device, operation: XmlElement): Promise<XmlElement> {
    const earlier = device.session;
    const current = this.#session(device);
    const session = await current;
    try {
      return await session.rpc(operation);
    } catch (thrown) {
      const code = thrown instanceof SignalboxError ? thrown.code : undefined;
      const lost = code === "SB_DEVICE_CLOSED";
      // The session is over, too. Without a pause everybody would wait for the next timeout at once.
      if (code === "SB_RPC_TIMEOUT") this.#leaveAlone(device, thrown, LONGEST_HOLD_MS);
      if (!lost || earlier === undefined || this.#stopping.signal.aborted) throw thrown;
      // A session from before may have died unnoticed, by a reboot or a firewall; only using it shows.
      forget(device, current);
      return (await this.#session(device)).rpc(operation);
    }
  }

  #session(device: Device): Promise<RouterSession> {
    if (device.failure !== undefined && this.#options.clock.monotonic() < device.failure.until) {
      return Promise.reject(device.failure.error);
    }
    if (device.session !== undefined) return device.session;
    const opening = this.#open(device);
    device.session = opening;
    opening
      .then((session) => session.closed)
      .then(
        () => forget(device, opening),
        () => forget(device, opening),
      );
    return opening;
  }

  async #open(device: Device): Promise<RouterSession> {
    const { connector, logger } = this.#options;
    const { signal } = this.#stopping;
    try {
      const session = await connector.connect(device.address, { signal });
      device.failure = undefined;
      logger.debug({ device: device.address.host, session: session.sessionId }, "session for monitoring opened");
      return session;
    } catch (error) {
      const holdMs = device.failure === undefined ? FIRST_HOLD_MS : device.failure.holdMs * 2;
      this.#leaveAlone(device, error, Math.min(holdMs, LONGEST_HOLD_MS));
      throw error;
    }
  }

  #leaveAlone(device: Device, error: unknown, holdMs: number): void {
    device.failure = { error, until: this.#options.clock.monotonic() + holdMs, holdMs };
  }
}

function forget(device: Device, session: Promise<RouterSession>): void {
  if (device.session === session) device.session = undefined;
}

function closedError(): SignalboxError {
  return new SignalboxError("SB_NOT_READY", "Monitoring is stopping");
}
