import { setMaxListeners } from "node:events";
import { connect, ErrorCode, Events, type NatsConnection, NatsError } from "nats";
import type { Clock, Logger, Random } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { backoffMs } from "../../outages/backoff.ts";
import { isTemporary } from "./api-error.ts";
import { connectError } from "./connect-error.ts";
import { connectionOptions } from "./connection-options.ts";
import { invalid, type NatsOptions, type Settings } from "./options.ts";
import { Outages } from "./outages.ts";
import { ReconnectDelay } from "./reconnect-delay.ts";
import { Requests } from "./requests.ts";
import { readGreeting } from "./server-greeting.ts";

const PAUSE = { firstMs: 50, longestMs: 2_000 };
/** A connection whose other end is gone is found after two or three of these. */
const pingIntervalMs = 10_000;

/**
 * The connection to NATS, which comes back by itself. `up` between the moments at which JetStream was seen to answer and the
 * connection was lost.
 */
export class Link {
  readonly connection: NatsConnection;
  readonly requests: Requests;
  readonly outages: Outages;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: Settings;
  readonly inboxPrefix: string | undefined;
  /** Aborted when it is closed. */
  readonly closing: AbortSignal;
  readonly #stop: AbortController;
  readonly #changed = new Set<() => void>();
  readonly #lost = new Set<() => void>();
  #connected = true;
  #up = true;
  #outage = 0;
  /** Asks JetStream something that it answers when it can serve. Set once, when the streams are there. */
  probe: () => Promise<void> = async () => undefined;

  private constructor(
    connection: NatsConnection,
    options: NatsOptions,
    base: { settings: Settings; stop: AbortController },
  ) {
    this.connection = connection;
    this.settings = base.settings;
    this.inboxPrefix = options.inboxPrefix;
    this.clock = options.clock;
    this.random = options.random;
    this.logger = options.logger;
    this.outages = new Outages({ clock: options.clock, logger: options.logger });
    this.requests = new Requests(connection, { clock: options.clock, inboxPrefix: options.inboxPrefix });
    this.#stop = base.stop;
    this.closing = base.stop.signal;
    // One listener per reader, taker and request that waits.
    setMaxListeners(0, this.closing);
    void this.#watch();
    void connection.closed().then((error) => this.#closedByLibrary(error));
  }

  /**
   * Connects to one of the servers, and tries all of them until `openMs` are over.
   * @throws SB_STORE_UNREACHABLE, SB_STORE_AUTH, SB_CONFIG_INVALID
   */
  static async open(options: NatsOptions, settings: Settings): Promise<Link> {
    const { clock, random } = options;
    const { timeouts, reconnect } = settings;
    const stop = new AbortController();
    const access = connectionOptions(options, () => stop.signal.aborted);
    const delay = new ReconnectDelay({ clock, random, ...reconnect });
    const end = clock.monotonic() + timeouts.openMs;
    // Between two tries there is no socket, and the clock's timers let a process end that has nothing else.
    const alive = setInterval(() => undefined, timeouts.openMs);
    try {
      for (;;) {
        try {
          const connection = await connect({
            ...access,
            timeout: timeouts.connectMs,
            reconnect: true,
            maxReconnectAttempts: -1,
            reconnectDelayHandler: () => delay.next(),
            // A login that is refused now may be accepted when the server's files are complete again.
            ignoreAuthErrorAbort: true,
            pingInterval: pingIntervalMs,
            noAsyncTraces: true,
          });
          await requireVersion(connection);
          return new Link(connection, options, { settings, stop });
        } catch (thrown) {
          const error = await refinedError(options, settings, connectError(options.servers, thrown));
          if (!error.transient || clock.monotonic() >= end) throw error;
          await clock.sleep(delay.pause());
        }
      }
    } finally {
      clearInterval(alive);
    }
  }

  /** Connected, and JetStream has answered since. */
  get up(): boolean {
    return this.#up && !this.closing.aborted;
  }

  /** How often the connection was lost: what was found out about the server before may be so no more. */
  get outage(): number {
    return this.#outage;
  }

  get connected(): boolean {
    return this.#connected && !this.closing.aborted;
  }

  /**
   * Resolves when it is up, or when `until` (milliseconds by the monotonic clock) has passed or the signal is aborted; whoever waits looks again.
   * @throws SB_NOT_READY when it is closed
   */
  async ready(until: number, signal?: AbortSignal, what: () => boolean = () => this.up): Promise<void> {
    while (!what() && !this.closing.aborted && signal?.aborted !== true && this.clock.monotonic() < until) {
      await this.#change(until, signal);
    }
    if (this.closing.aborted) throw closedError();
  }

  /** Calls back at each loss of the connection; the returned function ends that. */
  onLost(listener: () => void): () => void {
    this.#lost.add(listener);
    return () => this.#lost.delete(listener);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.requests.close();
    this.#wake();
    await this.connection.close();
  }

  /** Sends a message that nobody waits for and that may be lost. */
  post(subject: string, payload: string): void {
    if (this.connected && !this.connection.isClosed()) this.connection.publish(subject, payload);
  }

  /** Pauses before try number `attempt` (from 1) of something: 50 ms and doubling, at most 2 s, with jitter. Never rejects. */
  async pause(attempt: number, signal?: AbortSignal): Promise<void> {
    const ms = backoffMs(attempt, PAUSE, this.random.fraction());
    await this.ready(this.clock.monotonic() + ms, signal, () => false).catch(() => undefined);
  }

  /** Resolves at the next change of state, at `until`, or when the signal is aborted. */
  #change(until: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancelTimer();
        this.#changed.delete(done);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const leftMs = until - this.clock.monotonic();
      const cancelTimer = Number.isFinite(leftMs) ? this.clock.after(leftMs, done) : () => undefined;
      this.#changed.add(done);
      signal?.addEventListener("abort", done, { once: true });
    });
  }

  #wake(): void {
    for (const done of [...this.#changed]) done();
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === Events.Disconnect) this.#disconnected();
      else if (status.type === Events.Reconnect) this.#reconnected();
      else if (status.type === Events.LDM)
        this.logger.info({}, "the NATS server is going to stop; another one is used");
      else if (status.type === Events.Error) this.#refused(status.permissionContext, String(status.data));
    }
  }

  /** Comes several times in one outage: after each connection that was made and did not last. */
  #disconnected(): void {
    if (this.closing.aborted) return;
    if (this.#connected) this.outages.begin("connection", "the connection was lost");
    this.#connected = false;
    this.#up = false;
    this.#outage += 1;
    this.requests.lose();
    for (const listener of [...this.#lost]) listener();
  }

  #reconnected(): void {
    if (this.#connected || this.closing.aborted) return;
    this.#connected = true;
    this.#wake();
    void this.#untilAnswered(this.#outage);
  }

  /** After a restart JetStream needs a moment for its streams, and a cluster for its leaders. */
  async #untilAnswered(outage: number): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      // An answer that says no is one too: what is wrong then shows in the requests themselves.
      const answered = await this.probe().then(
        () => true,
        (error: unknown) => !isTemporary(error),
      );
      if (this.closing.aborted || outage !== this.#outage) return;
      if (answered) break;
      await this.pause(attempt);
      if (this.closing.aborted || outage !== this.#outage) return;
    }
    this.#up = true;
    this.outages.end("connection");
    this.#wake();
  }

  #refused(context: { operation: string; subject: string } | undefined, code: string): void {
    if (context === undefined) {
      this.logger.debug({ code }, "NATS reported an error");
      return;
    }
    this.logger.error({ ...context }, "NATS does not permit this user what Signalbox needs");
    if (context.operation === "publish") this.requests.refuse(context.subject);
  }

  /** The library gives up only on what it cannot recover from, such as a login that it cannot make. */
  #closedByLibrary(error: unknown): void {
    if (this.closing.aborted) return;
    this.#connected = false;
    this.#up = false;
    const reason = error instanceof Error ? error.message : "unknown";
    this.logger.error({ reason }, "the connection to NATS ended for good; start the process again");
    this.requests.lose();
    for (const listener of [...this.#lost]) listener();
  }
}

/**
 * With TLS 1.3 a server refuses a client certificate, or the lack of one, after the client thinks that all is well; the library then sees
 * nothing but silence.
 */
async function refinedError(options: NatsOptions, settings: Settings, error: SignalboxError): Promise<SignalboxError> {
  const { cause } = error;
  if (!(cause instanceof NatsError && cause.code === ErrorCode.Timeout)) return error;
  for (const server of options.servers) {
    if ((await readGreeting(server, settings.timeouts.connectMs))?.tls_verify !== true) continue;
    const { certificate, certificateFile } = options.tls ?? {};
    const given = certificate !== undefined || certificateFile !== undefined;
    return new SignalboxError(
      "SB_STORE_AUTH",
      given
        ? `NATS does not accept the client certificate (${server})`
        : `NATS asks for a client certificate (${server})`,
      { cause, advice: "Give a client certificate of an authority that the server trusts, with its key." },
    );
  }
  return error;
}

export function closedError(): SignalboxError {
  return new SignalboxError("SB_NOT_READY", "The connection to NATS is closed");
}

/** JetStream limits per subject with "discard new" came with 2.9.0. */
async function requireVersion(connection: NatsConnection): Promise<void> {
  const version = connection.info?.version ?? "";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 2 || (major === 2 && minor >= 9)) return;
  await connection.close();
  throw invalid(`the NATS server is of version ${version}, 2.9 or newer is needed`);
}
