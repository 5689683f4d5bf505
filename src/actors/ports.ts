/**
 * What the actors need from the world, as small interfaces. Each has one contract suite under `test/contract/` that
 * every adapter passes. All failures are `SignalboxError`s with a code of `src/errors.ts`.
 */
import type { XmlElement } from "../xml/element.ts";

/** Plain JSON data: what may be stored and sent. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

// ---------------------------------------------------------------------------------------------- time and chance

/** All time goes through here, so that a whole system can run under a virtual clock. */
export interface Clock {
  /**
   * Wall clock time, milliseconds since the epoch: for time stamps that are stored or shown, never for how long something takes or may
   * take. It may jump by any amount in either direction at any moment.
   */
  now(): number;
  /**
   * Milliseconds from an arbitrary origin, never less than before: for durations, timeouts and deadlines within this process. It means
   * nothing to another process or after a restart.
   */
  monotonic(): number;
  /** Calls `callback` once after `delayMs`; the returned function cancels it. Never keeps a process alive by itself. */
  after(delayMs: number, callback: () => void): () => void;
  /** Resolves after `delayMs`; rejects with the signal's reason when it is aborted. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** All chance goes through here, so that a run can be repeated from a seed. */
export interface Random {
  /** A version 4 UUID in hyphenated lower case. */
  uuid(): string;
  /** `length` characters of [a-z0-9]. */
  suffix(length: number): string;
  /** A number in [0, 1). */
  fraction(): number;
  bytes(length: number): Uint8Array;
}

// ---------------------------------------------------------------------------------------------- event log

/** A committed record. `seq` is the position in the whole log, strictly increasing over all subjects. */
export interface StoredRecord {
  readonly seq: number;
  readonly subject: string;
  /** Milliseconds since the epoch at which it was committed. */
  readonly time: number;
  readonly data: Json;
}

export interface AppendOptions {
  readonly expectedSeq: number;
  readonly messageId: string;
  readonly patienceMs?: number;
}

/**
 * The truth: an ordered log with one subject per resource and optimistic concurrency per subject.
 * Subjects are dot-separated tokens of [A-Za-z0-9_-].
 */
export interface EventLog {
  /**
   * Commits a record. When the promise resolves the record survives a crash of the process.
   * @param expectedSeq seq of the subject's last record, 0 when it must have none
   * @param patienceMs how long it is tried at most while the log takes no writes, where the adapter tries again by itself; what was refused is
   *   not tried any more. As long as the adapter does it by default
   * @param messageId a repeated append with an id that the subject's last record carries answers that record's seq and
   *   stores nothing, whatever `expectedSeq` says
   * @throws SB_SEQUENCE_CONFLICT when the subject's last record is another one; SB_STORE_IN_DOUBT when it may be stored, now or in a moment,
   *   although no answer came; SB_STORE_FULL, SB_STORE_UNREACHABLE, SB_STORE_FAILED when it is not stored and never will be
   */
  append(subject: string, data: Json, options: AppendOptions): Promise<{ seq: number }>;
  /** The subject's last record; undefined when it has none. */
  last(subject: string): Promise<StoredRecord | undefined>;
  /** The last record of every subject that starts with `prefix`, in order of seq. */
  lastOfEach(prefix?: string): AsyncIterable<StoredRecord>;
  /**
   * Records from seq `from` on (inclusive), in order. With `follow` it then waits for more until the signal is aborted, when it ends
   * without an error; else it ends at the last record.
   */
  read(from: number, options?: { follow?: boolean; signal?: AbortSignal }): AsyncIterable<StoredRecord>;
  /** Records of one subject, oldest first, as far back as they are kept. */
  history(subject: string): AsyncIterable<StoredRecord>;
  /** seq of the last record in the log, 0 when it is empty. */
  position(): Promise<number>;
  /**
   * Removes the records of a subject up to seq `upTo`, all that there are without it. Positions of others do not change. When its last
   * record is among them, the subject's next append has expectedSeq 0 again.
   */
  purge(subject: string, upTo?: number): Promise<void>;
}

// ---------------------------------------------------------------------------------------------- work queues

/** A message taken from a queue. Until it is acked it belongs to its taker, for `ackWaitMs` after the last sign of life. */
export interface Delivery {
  readonly id: string;
  readonly body: Json;
  /** 1 for the first delivery. */
  readonly attempt: number;
  /** Done: the message is gone for good. */
  ack(): Promise<void>;
  /** Not done: deliver it again after `delayMs`. */
  nak(delayMs: number): Promise<void>;
  /** Still at it: restart the ack wait. */
  inProgress(): Promise<void>;
}

/** A durable queue: each message is delivered until somebody acks it; a taker that dies loses it to another. */
export interface WorkQueue {
  /** Durable when resolved. Offering an id that is queued or in delivery does nothing. `delayMs`: not before. */
  offer(message: { id: string; body: Json; delayMs?: number }): Promise<void>;
  /** The next message; waits for one. Rejects with the signal's reason when aborted. Oldest first among those due. */
  take(signal: AbortSignal): Promise<Delivery>;
  /** Messages queued or in delivery. */
  depth(): Promise<number>;
}

export interface WorkQueues {
  /** The queue of that name, made when it does not exist. */
  queue(name: string, options?: { ackWaitMs?: number }): WorkQueue;
}

// ---------------------------------------------------------------------------------------------- bus

export interface Subscription {
  unsubscribe(): Promise<void>;
}

/** Fast, not durable: a message to nobody is gone. Subjects are dot-separated; `*` matches one token, `>` the rest. */
export interface Bus {
  publish(subject: string, body: Json): Promise<void>;
  /** With `queue`, each message goes to one subscriber of that group; without, to all. */
  subscribe(
    subject: string,
    handler: (body: Json, subject: string) => void,
    options?: { queue?: string },
  ): Subscription;
  /**
   * Asks one responder.
   * @throws SB_NO_RESPONDER at once when nobody serves the subject; SB_TIMEOUT when no answer comes in time;
   *   the SignalboxError that the responder threw
   */
  request(subject: string, body: Json, options: { timeoutMs: number }): Promise<Json>;
  /** Answers requests; several responders of a subject share them. */
  respond(subject: string, handler: (body: Json, subject: string) => Promise<Json>): Subscription;
}

// ---------------------------------------------------------------------------------------------- documents

export interface StoredDocument {
  readonly key: string;
  readonly value: Json;
  /** Revision of the store at which this key was last written. */
  readonly revision: number;
}

/** A write: `value: null` in `value` position deletes the key. A stored JSON null does not exist. */
export interface DocumentWrite {
  readonly key: string;
  readonly value: Json;
  /** The key lives only as long as this lease. */
  readonly lease?: string;
}

/** One write as a watcher sees it; `value: null` for a delete. */
export interface DocumentChange {
  readonly key: string;
  readonly value: Json;
  readonly revision: number;
}

export interface Lease {
  readonly id: string;
  /** Prolongs it by its time to live; rejects with SB_TIMEOUT when it is already gone. */
  keepAlive(): Promise<void>;
  /** Ends it now; its keys are deleted. */
  revoke(): Promise<void>;
}

/** Keys in order, a revision that grows by one per transaction (as etcd's), and a watch that starts at any kept revision. */
export interface DocumentStore {
  get(key: string): Promise<StoredDocument | undefined>;
  /** Documents whose keys start with `prefix`, in key order. `after`: only keys greater than this. */
  range(prefix: string, options?: { limit?: number; after?: string }): Promise<StoredDocument[]>;
  /**
   * All or nothing: when every `compare` holds (revision 0 = the key does not exist), all writes are made at one new revision.
   * A transaction without writes changes no revision. Deleting a key that does not exist is no error and no change.
   */
  transaction(change: {
    compare?: ReadonlyArray<{ key: string; revision: number }>;
    writes: readonly DocumentWrite[];
  }): Promise<{ committed: boolean; revision: number }>;
  /**
   * Changes under `prefix` from `fromRevision` on (inclusive), then live, in order, until the signal is aborted, when it ends without an
   * error. When older revisions were compacted away it starts at the oldest kept. Writes of one transaction keep their order.
   */
  watch(prefix: string, options: { fromRevision: number; signal: AbortSignal }): AsyncIterable<DocumentChange>;
  /** The store's current revision. */
  revision(): Promise<number>;
  lease(ttlMs: number): Promise<Lease>;
}

// ---------------------------------------------------------------------------------------------- secrets

/** Sealing of values (AES-256-GCM). A sealed value is one text token that can stand inside other text. */
export interface Secrets {
  /** @param place what it is sealed for, `<type>/<id>/<field>`: bound into the seal and readable in it */
  seal(plain: string, place: string): string;
  /** Opens every sealed token in the text; text without one comes back as it is. Throws SB_SECRET_UNREADABLE. */
  open(text: string): string;
  isSealed(text: string): boolean;
  /** What each token in the text was sealed for, as it says itself; undefined for one of before version 3. Genuine when it opens. */
  placesIn(text: string): ReadonlyArray<string | undefined>;
  /** Id of the key that seals; "" when nothing is sealed. Tells nothing of the key. */
  readonly keyId: string;
  /** Ids of the keys that sealed the tokens in the text, one for each token; `unknown` when it is none of those that are given. */
  keysIn(text: string): readonly string[];
  /**
   * The tokens in the text that a former key sealed, and what the present one makes of each: always the same, in every process.
   * @param placeOf what a token that does not say it was sealed for; tokens of the present key without a place are renewed too when it is known
   */
  renewed(text: string, placeOf?: (token: string) => string | undefined): ReadonlyMap<string, string>;
}

// ---------------------------------------------------------------------------------------------- routers

export interface RouterAddress {
  /** Address or name as the resources know it; the address book may send the connection elsewhere. */
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** Plain, already opened. */
  readonly password?: string;
  /** PEM text. */
  readonly privateKey?: string;
}

/** An entry of the device's commit history, newest first (Junos get-commit-information). */
export interface CommitRecord {
  /** The comment of the commit; "" when it has none. */
  readonly comment: string;
  readonly user: string;
  readonly client: string;
}

/** One NETCONF session (RFC 6241). Requests may be pipelined; replies are matched by message-id. */
export interface RouterSession {
  readonly sessionId: string;
  /** Capability URIs of the device's hello. */
  readonly capabilities: ReadonlySet<string>;
  /** Resolves when the session has ended, with the reason. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  /**
   * Sends one operation and waits for its rpc-reply, which is returned.
   * @throws SB_RPC_TIMEOUT, SB_DEVICE_CLOSED; SB_DEVICE_PROTOCOL when the reply cannot be read, the session goes on then; SB_LOCK_DENIED,
   *   SB_DEVICE_BUSY, SB_LOAD_REJECTED, SB_COMMIT_REJECTED or SB_RPC_FAILED by what the device's rpc-error says; rpc-errors of severity
   *   warning are no errors
   */
  rpc(operation: XmlElement, options?: { timeoutMs?: number }): Promise<XmlElement>;
  lock(): Promise<void>;
  unlock(): Promise<void>;
  discard(): Promise<void>;
  /**
   * Loads a `<configuration>` tree into the candidate by edit-config (merge unless an element's `operation` attribute says otherwise).
   * A delete of what is not there ("statement not found", data-missing) is no error.
   */
  edit(configuration: XmlElement): Promise<void>;
  /** Checks the candidate (validate). */
  validate(): Promise<void>;
  /**
   * Commits the candidate with confirmation pending: unless `confirm` is called within `timeoutS`, the device rolls back by itself.
   * The tag goes into the device's commit history where it has one.
   */
  commitConfirmed(options: { timeoutS: number; tag: string }): Promise<void>;
  /** Makes the pending commit of that tag final. Harmless when it already is. Throws SB_COMMIT_REJECTED when it has been rolled back. */
  confirm(tag: string): Promise<void>;
  /** Takes the commit of that tag back when it is the one in effect; else changes nothing. */
  revert(tag: string): Promise<void>;
  /** What the device knows of the commit of that tag: in effect, or not (never done or rolled back), or no way to know. */
  outcome(tag: string): Promise<"in-effect" | "absent" | "unknown">;
  /** The part of a datastore that the `<configuration>` filter selects (all without a filter). */
  getConfig(source: "running" | "candidate", filter?: XmlElement): Promise<XmlElement>;
  close(): Promise<void>;
}

export interface RouterConnector {
  /**
   * Opens a session.
   * @throws SB_DEVICE_REFUSED, SB_DEVICE_UNREACHABLE, SB_DEVICE_AUTH, SB_DEVICE_HOST_KEY, SB_DEVICE_PROTOCOL
   */
  connect(address: RouterAddress, options?: { signal?: AbortSignal }): Promise<RouterSession>;
}

// ---------------------------------------------------------------------------------------------- SNMP

export type SnmpValue = number | bigint | string;

export interface SnmpClient {
  /**
   * Reads object instances; one request in flight per device. An instance that does not exist is undefined in its place.
   * @param community the name of a community in the configuration, such as EDGE_ROUTER_COMMUNITY
   * @throws SB_SNMP_TIMEOUT, SB_SNMP_FAILED
   */
  get(device: string, community: string, oids: readonly string[]): Promise<ReadonlyArray<SnmpValue | undefined>>;
  /** All instances below a column, index (the part after the column's oid) to value. */
  column(device: string, community: string, oid: string): Promise<ReadonlyMap<string, SnmpValue>>;
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------- controller

/** An object of the SDN controller: Contrail's kinds (virtual-network, virtual-machine-interface, ...). */
export interface ControllerObject {
  readonly kind: string;
  readonly uuid: string;
  readonly fqName: readonly string[];
  /** Properties as the controller holds them, with its own field names (display_name, id_perms, ..._refs). */
  readonly data: { readonly [key: string]: Json | undefined };
}

/** The resource that a controller object belongs to. The object itself says so, by a mark that it carries from its creation on. */
export interface ObjectOwner {
  readonly type: string;
  readonly id: string;
}

export interface Controller {
  /** Looks an object up by its fully qualified name. */
  find(kind: string, fqName: readonly string[]): Promise<ControllerObject | undefined>;
  get(kind: string, uuid: string): Promise<ControllerObject | undefined>;
  /**
   * Makes the object be as described: creates it with its owner's mark, or updates the properties named. Doing it twice is as doing it once.
   * An object without `uuid` is known by its fq_name. One that carries another owner's mark is not changed; one that carries none is taken
   * over only when it is among `madeBefore`, and gets the mark.
   * @param object.madeBefore uuids of the objects that the owner's own record says it has made
   * @throws SB_CONTROLLER_UNREACHABLE, SB_CONTROLLER_REJECTED; SB_CONTROLLER_NOT_OWNED, which does not say whose it is
   */
  ensure(object: {
    kind: string;
    uuid?: string;
    parent?: { kind: string; fqName: readonly string[] };
    fqName: readonly string[];
    data: { readonly [key: string]: Json | undefined };
    owner: ObjectOwner;
    madeBefore?: readonly string[];
  }): Promise<ControllerObject>;
  /**
   * Removes an object of this owner; one that is not there is no error. One that carries another owner's mark stays, and so does one without
   * any, unless `unmarked` says that it is known to be the owner's.
   * @returns `kept` when it is there and is not the owner's
   * @throws SB_CONTROLLER_UNREACHABLE, SB_CONTROLLER_REJECTED
   */
  remove(kind: string, uuid: string, owner: ObjectOwner, options?: { unmarked: boolean }): Promise<"gone" | "kept">;
  /** Adds or removes a reference between two objects, with its attribute; doing it twice is as doing it once. */
  reference(change: {
    operation: "ADD" | "DELETE";
    from: { kind: string; uuid: string };
    to: { kind: string; uuid: string; fqName: readonly string[] };
    attribute?: Json;
  }): Promise<void>;
  /** The analytics view (UVE) of an object, flat; undefined when analytics does not know it. */
  uve(kind: string, fqName: readonly string[]): Promise<{ readonly [key: string]: Json | undefined } | undefined>;
}

// ---------------------------------------------------------------------------------------------- logging

/** Structured logging. Secrets never go in; adapters redact known secret fields all the same. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}

// ---------------------------------------------------------------------------------------------- templates

/** Renders the configuration of one router of a pair. Elements with an `own` attribute are what the resource owns. */
export interface ConfigurationRenderer {
  /** @throws SB_TEMPLATE_FAILED naming the template */
  render(file: string, params: Readonly<Record<string, unknown>>, role: "primary" | "secondary"): XmlElement;
}
