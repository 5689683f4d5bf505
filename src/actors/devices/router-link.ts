import { deleteAt, isBare, mapText, mergeTree, sharedEntries } from "../../catalogue/device-config.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import {
  type DeviceSessionEvent,
  type DeviceSessionSnapshot,
  deviceSessionTransition,
  newDeviceSession,
} from "../../machines/device-session/device-session-machine.ts";
import type { XmlElement } from "../../xml/element.ts";
import type { Clock, Logger, Random, RouterConnector, RouterSession, Secrets } from "../ports.ts";
import { deviceError, isLost, withoutSecrets } from "./device-errors.ts";
import { type DeviceAddress, routeOf } from "./lane-job.ts";

export interface RouterLinkOptions {
  readonly connector: RouterConnector;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** An unused session is closed after this time, milliseconds. */
  readonly idleMs: number;
  readonly confirmTimeoutS: number;
  /** Aborted when the process stops: nothing is tried again then. */
  readonly stopping: AbortSignal;
}

/** How a commit stands after it was asked for confirmation. */
export type Confirmation = "confirmed" | "rolled-back" | "unknown";

const MAX_ATTEMPTS = 8;
const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 5_000;

/**
 * The way to one router: a session that is kept between transactions, its lock, and what to do when it is lost.
 *
 * A request that was lost may still be under way on the router. Its session keeps the candidate's lock until it ends, so
 * a new session first takes the lock and only then looks at what is in effect: having it means that the old one is over.
 *
 * One user at a time: whoever holds the device's mutex.
 */
export class RouterLink {
  readonly host: string;
  readonly #options: RouterLinkOptions;
  #session: RouterSession | undefined;
  #address: DeviceAddress | undefined;
  /** How the session was logged in to. */
  #route = "";
  #locked = false;
  /** The candidate may differ from running. */
  #dirty = false;
  /** Opened values that were sent to the device: what it answers may quote them. */
  readonly #hidden = new Set<string>();
  #abandoned = false;
  #cancelIdle: () => void = () => {};
  #view: DeviceSessionSnapshot;
  readonly #closing = new Set<Promise<void>>();

  constructor(host: string, options: RouterLinkOptions) {
    this.host = host;
    this.#options = options;
    this.#view = newDeviceSession(host);
  }

  get view(): DeviceSessionSnapshot {
    return this.#view;
  }

  /**
   * Gets the candidate for this session alone, as running is: session, lock, discard, in this order.
   * @throws SB_LOCK_DENIED when somebody else has it, and what connecting throws
   */
  async take(address: DeviceAddress): Promise<void> {
    this.#cancelIdle();
    this.#address = address;
    const { secrets, stopping } = this.#options;
    if (this.#session !== undefined && this.#route !== routeOf([address], secrets)) await this.#close();
    const kept = this.#session !== undefined;
    try {
      await this.#ensureLocked(stopping);
      await this.discard();
    } catch (thrown) {
      const error = asSignalboxError(thrown);
      // A kept session may have died unnoticed.
      if (!kept || !isLost(error)) throw error;
      await this.#ensureLocked(stopping);
      await this.discard();
    }
  }

  /** Empties the candidate; opens a session and takes the lock again when they are gone. */
  async discard(): Promise<void> {
    await this.#ensureLocked();
    await this.#on((session) => session.discard());
    this.#dirty = false;
    // An empty candidate says nothing about a commit whose outcome is open.
    if (!this.#view.matches("in_doubt")) this.#tell({ type: "CLEAN" });
  }

  /** Loads a tree, and takes away the shared entries that it leaves empty. Sealed values are opened here and nowhere before. */
  async load(configuration: XmlElement): Promise<void> {
    this.#tell({ type: "LOAD" });
    let opened: XmlElement;
    try {
      opened = mapText(configuration, (text) => {
        const plain = this.#options.secrets.open(text);
        if (plain !== text) this.#hidden.add(plain);
        return plain;
      });
    } catch (thrown) {
      throw deviceError(thrown, this.host);
    }
    this.#dirty = true;
    await this.#on((session) => session.edit(mergeTree(opened)));
    for (const path of sharedEntries(opened)) await this.#deleteWhenBare(path);
  }

  /** Nobody else can put anything in: the candidate is this session's alone. */
  async #deleteWhenBare(path: XmlElement): Promise<void> {
    const { children: left } = await this.#on((session) => session.getConfig("candidate", path));
    if (left.some((configuration) => isBare(configuration, path)))
      await this.#on((session) => session.edit(deleteAt(path)));
  }

  async validate(): Promise<void> {
    this.#tell({ type: "VALIDATE" });
    await this.#on((session) => session.validate());
  }

  /** One attempt; when it is lost, `outcome` tells. */
  async commitConfirmed(tag: string): Promise<void> {
    this.#tell({ type: "COMMIT" });
    await this.#on((session) => session.commitConfirmed({ timeoutS: this.#options.confirmTimeoutS, tag }));
    this.#dirty = false;
    this.#tell({ type: "COMMITTED" });
  }

  /**
   * Reads once what a recovery would have to read: a router that cannot be asked what became of a commit gets none.
   * @throws what reading threw, once
   */
  async checkRecoverable(tag: string): Promise<void> {
    try {
      await this.#on((session) => session.outcome(tag));
    } catch (thrown) {
      const { code, message, ...rest } = deviceError(thrown, this.host).toJson();
      throw new SignalboxError(code, `${this.host} cannot say what became of a commit, so it gets none: ${message}`, {
        ...rest,
        cause: thrown,
      });
    }
  }

  /** What became of a commit, as soon as the router can be asked. @throws the last attempt's error */
  async outcome(tag: string): Promise<"in-effect" | "absent" | "unknown"> {
    return this.#persist(async (session) => {
      // Looking may use the candidate.
      this.#dirty = true;
      const outcome = await session.outcome(tag).catch((thrown: unknown) => {
        throw this.#passing(thrown);
      });
      this.#dirty = false;
      if (outcome !== "unknown") this.#tell({ type: outcome === "in-effect" ? "COMMITTED" : "CLEAN" });
      return outcome;
    });
  }

  /** Makes a commit final, or finds that it is not there any more. @throws the last attempt's error */
  async confirm(tag: string): Promise<Confirmation> {
    const confirmation = await this.#persist(async (session): Promise<Confirmation> => {
      this.#tell({ type: "CONFIRM" });
      try {
        await session.confirm(tag);
        return "confirmed";
      } catch (thrown) {
        const error = deviceError(thrown, this.host);
        if (isLost(error) || error.code === "SB_LOCK_DENIED") throw error;
        const outcome = await session.outcome(tag);
        if (outcome === "absent") return "rolled-back";
        if (outcome === "unknown") return "unknown";
        // Still pending: the router would not confirm just now.
        throw this.#passing(error);
      }
    });
    this.#tell({ type: "CLEAN" });
    return confirmation;
  }

  /** Takes a commit back when it is in effect, and makes sure. @throws the last attempt's error */
  async revert(tag: string): Promise<void> {
    await this.#persist(async (session) => {
      this.#tell({ type: "REVERT" });
      this.#dirty = true;
      const refused = await session.revert(tag).then(
        () => undefined,
        (thrown: unknown) => this.#passing(thrown),
      );
      if (refused !== undefined && isLost(refused)) throw refused;
      // Where the pending commit belongs to the session, taking it back ended the session.
      if (this.#session !== session) return;
      // An error says as little about what is in effect as one to a commit does.
      const outcome = await session.outcome(tag).catch((thrown: unknown) => {
        throw this.#passing(thrown);
      });
      if (outcome === "absent" || (outcome === "unknown" && refused === undefined)) return;
      throw (
        refused ??
        new SignalboxError("SB_RPC_FAILED", `${this.host} still has ${tag} in effect after taking it back`, {
          device: this.host,
          transient: true,
        })
      );
    });
    this.#dirty = false;
    this.#tell({ type: "CLEAN" });
  }

  /** Loads and commits on this router what the others have confirmed already. @throws the last attempt's error */
  async rollForward(tag: string, configurations: readonly XmlElement[]): Promise<void> {
    await this.#persist(async (session) => {
      if ((await session.outcome(tag)) !== "in-effect") {
        await this.discard();
        for (const configuration of configurations) await this.load(configuration);
        try {
          await this.commitConfirmed(tag);
        } catch (thrown) {
          const error = deviceError(thrown, this.host);
          if (isLost(error) || (await session.outcome(tag)) !== "in-effect") throw error;
        }
      }
    });
    const confirmation = await this.confirm(tag);
    if (confirmation === "confirmed") return;
    throw new SignalboxError("SB_COMMIT_REJECTED", `${this.host} rolled back ${tag} once more`, {
      device: this.host,
      transient: true,
    });
  }

  /** The error as one that may pass: where a commit is open, what the router answers now is not its last word. */
  #passing(thrown: unknown): SignalboxError {
    const error = deviceError(thrown, this.host);
    if (error.transient) return error;
    const { code, message, ...rest } = error.toJson();
    return new SignalboxError(code, message, { ...rest, cause: error, transient: true });
  }

  /** Gives the candidate back as running is. When that fails the session is closed, which does the same. */
  async release(): Promise<void> {
    this.#hidden.clear();
    if (this.#session === undefined) return;
    try {
      if (this.#locked) {
        if (this.#dirty) await this.#on((session) => session.discard());
        this.#dirty = false;
        await this.#on((session) => session.unlock());
        this.#locked = false;
        this.#tell({ type: "UNLOCKED" });
      }
    } catch (thrown) {
      const error = asSignalboxError(thrown);
      this.#options.logger.warn(
        { device: this.host, code: error.code, error: error.message },
        "the lock could not be given back; closing the session",
      );
      await this.#close();
    }
    this.#cancelIdle();
    if (this.#session !== undefined) {
      this.#cancelIdle = this.#options.clock.after(this.#options.idleMs, () => void this.#close());
    }
  }

  /**
   * Ends the session whatever it waits for, and opens none again: requests under way fail. What a commit under way came to is looked up by
   * the next life of the process.
   */
  abandon(): void {
    this.#abandoned = true;
    void this.#close();
  }

  /** Ends the session and waits for those that are still being ended. */
  async close(): Promise<void> {
    this.#cancelIdle();
    await this.#close();
    await Promise.all(this.#closing);
  }

  async #ensureLocked(signal?: AbortSignal): Promise<void> {
    const session = this.#session ?? (await this.#open(signal));
    if (this.#locked) return;
    try {
      await this.#on(() => session.lock());
    } catch (thrown) {
      // Whoever says that somebody else has the lock has not given it to us; after another error we may have it all the same.
      if (deviceError(thrown, this.host).code !== "SB_LOCK_DENIED") await this.#close();
      throw thrown;
    }
    this.#locked = true;
    this.#tell({ type: "LOCKED" });
  }

  async #open(signal: AbortSignal | undefined): Promise<RouterSession> {
    const { connector, secrets } = this.#options;
    const address = this.#address;
    if (address === undefined) throw new SignalboxError("SB_INTERNAL", `${this.host} was not taken`);
    if (this.#abandoned) throw new SignalboxError("SB_NOT_READY", "the process is stopping", { device: this.host });
    this.#tell({ type: "CONNECT" });
    let session: RouterSession;
    try {
      const { host, port, username, password } = address;
      session = await connector.connect(
        { host, port, username, password: secrets.open(password) },
        signal === undefined ? {} : { signal },
      );
    } catch (thrown) {
      const error = deviceError(thrown, this.host);
      this.#tell({ type: "LOST", error: error.message });
      throw error;
    }
    this.#session = session;
    this.#route = routeOf([address], secrets);
    this.#locked = false;
    this.#dirty = false;
    this.#tell({ type: "CONNECTED" });
    void session.closed.then((reason) => this.#forget(session, reason));
    return session;
  }

  /** Runs one request on the session; a session that is lost by it is given up. */
  async #on<T>(request: (session: RouterSession) => Promise<T>): Promise<T> {
    const session = this.#session;
    if (session === undefined) {
      throw new SignalboxError("SB_DEVICE_CLOSED", `the session with ${this.host} is gone`, { device: this.host });
    }
    try {
      return await request(session);
    } catch (thrown) {
      const error = withoutSecrets(deviceError(thrown, this.host), this.#hidden);
      if (isLost(error)) {
        this.#forget(session, error);
        void this.#end(session);
      }
      throw error;
    }
  }

  /**
   * Does work that can be repeated until it is done: with the lock, on a new session when the old one is lost, a bounded
   * number of times with growing waits.
   */
  async #persist<T>(work: (session: RouterSession) => Promise<T>): Promise<T> {
    const { clock, random, stopping, logger } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#ensureLocked();
        return await this.#on(work);
      } catch (thrown) {
        const error = asSignalboxError(thrown);
        if (!error.transient || attempt >= MAX_ATTEMPTS || stopping.aborted) throw error;
        logger.debug({ device: this.host, code: error.code, attempt }, "trying again");
        const longest = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
        await clock.sleep(longest * (0.5 + random.fraction() / 2), stopping).catch(() => {
          throw error;
        });
      }
    }
  }

  async #close(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    this.#session = undefined;
    this.#locked = false;
    this.#tell({ type: "CLOSED" });
    await this.#end(session);
  }

  #end(session: RouterSession): Promise<void> {
    const closing = session
      .close()
      .catch((thrown: unknown) => {
        this.#options.logger.debug({ device: this.host, error: String(thrown) }, "the session was gone already");
      })
      .then(() => void this.#closing.delete(closing));
    this.#closing.add(closing);
    return closing;
  }

  #forget(session: RouterSession, reason: Error | undefined): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#locked = false;
    this.#cancelIdle();
    this.#tell(reason === undefined ? { type: "CLOSED" } : { type: "LOST", error: reason.message });
  }

  #tell(event: DeviceSessionEvent): void {
    this.#view = deviceSessionTransition(this.#view, event);
  }
}
