import type { Logger, RouterSession } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { child, findElement, type XmlElement, XmlSyntaxError } from "../../xml/element.ts";
import type { CommitContext, CommitFlavour } from "./commit-flavour.ts";
import { noConfirmedCommit, PersistentConfirmedCommit, SessionConfirmedCommit } from "./confirmed-commit.ts";
import { withDevice } from "./connect-errors.ts";
import { deviceWords } from "./device-words.ts";
import { hasCapability } from "./hello.ts";
import { JunosCommit } from "./junos-commit.ts";
import {
  closeOperation,
  type Datastore,
  discardOperation,
  type EditOptions,
  editOperation,
  getConfigOperation,
  inheritNamespace,
  lockOperation,
  unlockOperation,
  validateOperation,
} from "./operations.ts";
import { around, readReply } from "./read-reply.ts";
import { requireDone } from "./require-done.ts";
import { describe, failures, isMissing, operationError, type RpcError, rpcErrors } from "./rpc-errors.ts";
import { onlyDeletes, splitDeletes } from "./split-deletes.ts";
import type { NetconfTimeouts, NetconfTransport } from "./transport.ts";

export const JUNOS_CAPABILITY = "http://xml.juniper.net/netconf/junos/1.0";
const CAPABILITY = "urn:ietf:params:netconf:capability:";
const CLOSE_TIMEOUT_MS = 2_000;
/** Operations that may take as long as a commit. */
const SLOW = new Set(["commit", "commit-configuration", "validate"]);

/** One NETCONF session over either driver: operations, typed errors, timeouts and the device family's way to commit. */
export class NetconfSession implements RouterSession {
  readonly sessionId: string;
  readonly capabilities: ReadonlySet<string>;
  readonly closed: Promise<Error | undefined>;
  readonly #device: string;
  readonly #transport: NetconfTransport;
  readonly #timeouts: NetconfTimeouts;
  readonly #logger: Logger;
  readonly #commit: CommitFlavour;
  #holdsLock = false;
  #closing: Promise<void> | undefined;

  constructor(
    device: string,
    transport: NetconfTransport,
    options: { timeouts: NetconfTimeouts; logger: Logger; now: () => number },
  ) {
    this.#device = device;
    this.#transport = transport;
    this.#timeouts = options.timeouts;
    this.#logger = options.logger;
    this.sessionId = transport.sessionId;
    this.capabilities = transport.capabilities;
    // A device that hangs up while it is being left does what it was asked to.
    this.closed = transport.closed.then((reason) => (this.#closing ? undefined : reason));
    this.#commit = commitFlavour(transport, {
      device,
      rpc: (operation) => this.rpc(operation),
      locked: (work) => this.#locked(work),
      discard: () => this.discard(),
      close: () => this.close(),
      now: options.now,
    });
  }

  async rpc(operation: XmlElement, options: { timeoutMs?: number } = {}): Promise<XmlElement> {
    const { reply, errors } = await this.#send(operation, options.timeoutMs);
    const [first, ...more] = errors;
    if (first !== undefined) throw operationError(operation.name, [first, ...more], this.#device);
    return reply;
  }

  async lock(): Promise<void> {
    await this.#done(lockOperation());
    this.#holdsLock = true;
  }

  async unlock(): Promise<void> {
    await this.#done(unlockOperation());
    this.#holdsLock = false;
  }

  async discard(): Promise<void> {
    await this.#done(discardOperation());
  }

  async edit(configuration: XmlElement): Promise<void> {
    // With default-operation none, what leads to a delete is not created by the way (RFC 6241 section 7.2).
    const defaultOperation = onlyDeletes(configuration) ? "none" : "merge";
    const errors = await this.#load(configuration, defaultOperation);
    if (errors.length === 0) return;
    const { deletes, rest } = splitDeletes(configuration);
    if (deletes.length === 0 || !errors.some(isMissing)) throw this.#loadError(errors);
    // A strict device stopped at the first delete of something that is gone already: apply the others one by one.
    for (const single of deletes) {
      const others = (await this.#load(single, "none")).filter((error) => !isMissing(error));
      if (others.length > 0) throw this.#loadError(others);
    }
    if (rest === undefined) return;
    const remaining = await this.#load(rest, "merge");
    if (remaining.length > 0) throw this.#loadError(remaining);
  }

  async validate(): Promise<void> {
    await this.#done(validateOperation());
  }

  async commitConfirmed(options: { timeoutS: number; tag: string }): Promise<void> {
    await this.#commit.commitConfirmed(options);
  }

  async confirm(tag: string): Promise<void> {
    await this.#commit.confirm(tag);
  }

  async revert(tag: string): Promise<void> {
    await this.#commit.revert(tag);
  }

  async outcome(tag: string): Promise<"in-effect" | "absent" | "unknown"> {
    return this.#commit.outcome(tag);
  }

  /** The reply's `<data>` element, which holds the selected top-level elements (`<configuration>` on Junos). */
  async getConfig(source: Datastore, filter?: XmlElement): Promise<XmlElement> {
    const reply = await this.rpc(getConfigOperation(source, filter));
    const data = child(reply, "data") ?? findElement(reply, "data");
    if (data === undefined) {
      const message = `${this.#device} answers get-config without <data>`;
      throw new SignalboxError("SB_DEVICE_PROTOCOL", message, { device: this.#device });
    }
    return data;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // The device may answer, close at once, or be gone; the connection ends in any case.
    await this.#send(closeOperation(), CLOSE_TIMEOUT_MS).catch((error: unknown) => {
      this.#logger.debug({ device: this.#device, error: String(error) }, "close-session was not answered");
    });
    this.#transport.end();
    await this.closed;
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    if (this.#holdsLock) return work();
    await this.lock();
    try {
      return await work();
    } finally {
      await this.unlock().catch((error: unknown) => {
        this.#logger.warn({ device: this.#device, error: String(error) }, "the candidate could not be unlocked");
      });
    }
  }

  /** Loads and returns the errors; a delete of what is not there counts as one where the device says so with severity error. */
  async #load(configuration: XmlElement, defaultOperation: EditOptions["defaultOperation"]): Promise<RpcError[]> {
    const rollback = hasCapability(this.capabilities, `${CAPABILITY}rollback-on-error:1.0`);
    const operation = editOperation(configuration, {
      defaultOperation,
      errorOption: rollback ? "rollback-on-error" : "stop-on-error",
      qualifiedOperation: !hasCapability(this.capabilities, JUNOS_CAPABILITY),
    });
    const { reply, errors } = await this.#send(operation);
    if (errors.length === 0) requireDone(reply, operation.name, this.#device);
    return errors;
  }

  async #done(operation: XmlElement): Promise<void> {
    requireDone(await this.rpc(operation), operation.name, this.#device);
  }

  #loadError(errors: readonly RpcError[]): SignalboxError {
    const telling = errors.filter((error) => !isMissing(error));
    const [first, ...more] = telling.length > 0 ? telling : errors;
    if (first === undefined) throw new SignalboxError("SB_INTERNAL", "a load error without an error");
    return operationError("edit-config", [first, ...more], this.#device);
  }

  /** Sends, waits at most the timeout, parses the reply, and sorts its errors from its warnings. */
  async #send(operation: XmlElement, timeoutMs?: number): Promise<{ reply: XmlElement; errors: RpcError[] }> {
    const limit = timeoutMs ?? (SLOW.has(operation.name) ? this.#timeouts.commitMs : this.#timeouts.rpcMs);
    const text = await this.#inTime(this.#transport.request(inheritNamespace(operation)), operation.name, limit);
    const reply = this.#read(text, operation.name);
    const all = rpcErrors(reply);
    for (const warning of all.filter(({ severity }) => severity === "warning")) {
      this.#logger.debug({ device: this.#device, operation: operation.name }, `warning: ${describe(warning)}`);
    }
    return { reply, errors: failures(all) };
  }

  /** The session goes on after a reply that cannot be read: the framing said where it ends. */
  #read(text: string, operation: string): XmlElement {
    try {
      return readReply(text);
    } catch (cause) {
      const near = cause instanceof XmlSyntaxError ? ` near "${deviceWords(around(text, cause))}"` : "";
      const message = `${this.#device} answers ${operation} with what is not XML: ${cause instanceof Error ? cause.message : String(cause)}${near}`;
      throw new SignalboxError("SB_DEVICE_PROTOCOL", message, { device: this.#device, cause });
    }
  }

  /** After a timeout the session is closed: what a late reply means could not be told any more. */
  #inTime(reply: Promise<string>, operation: string, limitMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const late = () => {
        const message = `${this.#device} did not answer ${operation} within ${limitMs} ms`;
        const error = new SignalboxError("SB_RPC_TIMEOUT", message, { device: this.#device });
        reject(error);
        this.#transport.abort(error);
      };
      const timer = setTimeout(late, limitMs);
      reply
        .then(resolve, (error: unknown) => {
          const known = error instanceof SignalboxError ? withDevice(error, this.#device) : error;
          reject(known instanceof SignalboxError ? duringRequest(known, operation) : known);
        })
        .finally(() => clearTimeout(timer));
    });
  }
}

/** A session that closed says in the middle of what: that is where whoever reads it has to look. */
function duringRequest(error: SignalboxError, operation: string): SignalboxError {
  if (error.code !== "SB_DEVICE_CLOSED") return error;
  const { code, message, ...rest } = error.toJson();
  return new SignalboxError(code, `${message} (in the middle of ${operation})`, {
    ...rest,
    cause: error.cause ?? error,
  });
}

function commitFlavour({ capabilities, base }: NetconfTransport, session: CommitContext): CommitFlavour {
  const confirmed = (version: string) => hasCapability(capabilities, `${CAPABILITY}confirmed-commit:${version}`);
  if (hasCapability(capabilities, JUNOS_CAPABILITY)) return new JunosCommit(session);
  if (confirmed("1.1") && base === "1.1") return new PersistentConfirmedCommit(session);
  if (confirmed("1.0") || confirmed("1.1")) return new SessionConfirmedCommit(session);
  return noConfirmedCommit(session.device);
}
