/**
 * Every error that a user can meet, in one table: what it is called, what its HTTP status and the CLI's exit code are,
 * and whether trying again can help. The same code appears in problem+json (RFC 9457), in `/state` and in the logs.
 */
interface ErrorKind {
  /** Title of the problem, one line, no instance data. */
  readonly title: string;
  /** HTTP status. */
  readonly status: number;
  /** Exit code of the command line: 1 failure, 2 usage, 3 not found, 4 conflict, 5 timeout. */
  readonly exit: 1 | 2 | 3 | 4 | 5;
  /** A transient error is retried with back-off; a permanent one is not. */
  readonly transient: boolean;
  /** What the reader can do about it. */
  readonly advice: string;
}

const kinds = {
  // Requests
  SB_USAGE: kind("The command line has a mistake", 400, 2, false, "Add --help to see what the command takes."),
  SB_MALFORMED_REQUEST: kind(
    "The request is not well-formed",
    400,
    2,
    false,
    "Correct the request line, the headers or the query that is named.",
  ),
  SB_INVALID_JSON: kind(
    "The request body is not JSON",
    400,
    2,
    false,
    "Send a JSON object with Content-Type application/json.",
  ),
  SB_INVALID_BODY: kind(
    "The request does not fit the schema",
    400,
    2,
    false,
    "Correct the named fields; the schema is at /openapi.json.",
  ),
  SB_UNSUPPORTED: kind(
    "The field is not supported by this type yet",
    422,
    2,
    false,
    "Leave the named fields out; docs/types.md says what each type configures.",
  ),
  SB_ADDRESSES_OVERLAP: kind(
    "The addresses overlap others of the same network",
    409,
    4,
    false,
    "Use a block that no other has a part of, or delete the one that has it.",
  ),
  SB_BODY_TOO_LARGE: kind("The request body is too large", 413, 2, false, "Send less than 256 KiB."),
  SB_ANSWER_TOO_LARGE: kind(
    "The answer is too large for the transport",
    413,
    2,
    false,
    "Ask for less with filters or a lower limit, ask over HTTP, or raise max_payload of nats-server.",
  ),
  SB_UNSUPPORTED_MEDIA_TYPE: kind(
    "The content type is not supported",
    415,
    2,
    false,
    "Use Content-Type: application/json.",
  ),
  SB_UNAUTHENTICATED: kind(
    "The request has no valid token",
    401,
    2,
    false,
    "Send a token in the header X-Auth-Token, or Authorization: Bearer; the command line takes it from SIGNALBOX_TOKEN.",
  ),
  SB_FORBIDDEN: kind(
    "The token does not allow this",
    403,
    2,
    false,
    "Use a token whose role allows it; docs/access.md has the table.",
  ),
  SB_MISDIRECTED: kind(
    "The request is for another host",
    421,
    2,
    false,
    "Use an address that the gateway listens at, or add the name that leads to it to http.allowed_hosts.",
  ),
  SB_FOREIGN_ORIGIN: kind(
    "The request comes from a page of another origin",
    403,
    2,
    false,
    "Use the gateway's own pages at /ui/, or add the page's origin to http.allowed_origins.",
  ),
  SB_RATE_LIMITED: kind("Too many requests with this token", 429, 1, true, "Send them more slowly."),
  SB_TOO_MANY_STREAMS: kind(
    "The caller or its tenant has as many streams open as it may have",
    429,
    1,
    true,
    "Close one that is not needed, or let several readers share one.",
  ),
  SB_TOO_MUCH_PENDING: kind(
    "The tenant has as much under way as it may have",
    429,
    1,
    true,
    "Wait until some of what was ordered is done, then send the request again.",
  ),
  SB_QUOTA_EXCEEDED: kind(
    "The tenant has as many of these as it may have",
    409,
    4,
    false,
    "Delete one that is not needed, or ask the operator for a higher quota.",
  ),
  SB_NOT_FOUND: kind("There is no such resource", 404, 3, false, "List the collection to see which ids exist."),
  SB_NO_SUCH_ROUTE: kind("There is no such path", 404, 3, false, "The paths are listed at /openapi.json."),
  SB_METHOD_NOT_ALLOWED: kind(
    "The method is not allowed here",
    405,
    2,
    false,
    "Use one of the methods in the Allow header.",
  ),
  SB_RELATION_NOT_FOUND: kind(
    "A related resource does not exist",
    400,
    3,
    false,
    "Create the related resource first, or correct the id.",
  ),
  SB_UNIQUE_TAKEN: kind(
    "A unique value is already taken",
    409,
    4,
    false,
    "Use another value, or delete the resource that holds it.",
  ),
  SB_REFERENCED: kind("The resource is still in use", 409, 4, false, "Delete the resources that refer to it first."),
  SB_BEING_DELETED: kind("The resource is being deleted", 409, 4, false, "Wait until the deletion is done."),
  SB_VERSION_CONFLICT: kind(
    "The resource has another version than the request is for",
    412,
    4,
    false,
    "Get the resource again, make the change to what is there now, and send the version that it has.",
  ),
  SB_POOL_EXHAUSTED: kind(
    "The pool has nothing left",
    409,
    4,
    false,
    "Release something from the pool or make it larger.",
  ),
  SB_NOT_RETRYABLE: kind(
    "The resource is not in a failed state",
    409,
    4,
    false,
    "Only a failed resource can be retried.",
  ),
  // Runtime
  SB_SEQUENCE_CONFLICT: kind("Somebody else wrote first", 409, 4, true, "Read the latest state and try again."),
  SB_STORE_FAILED: kind(
    "The store did not take the write",
    503,
    1,
    true,
    "Look at the disk and at the log of the store.",
  ),
  SB_STORE_UNREACHABLE: kind(
    "The store does not answer",
    503,
    1,
    true,
    "Check the endpoints, the network and that the store has a leader; it is tried again by itself.",
  ),
  SB_STORE_IN_DOUBT: kind(
    "The store's answer to a write was lost",
    503,
    1,
    true,
    "It may have been done: look whether it was, or send it again with the same idempotency key.",
  ),
  SB_STORE_AUTH: kind(
    "The store does not accept the login",
    500,
    1,
    false,
    "Correct user, password or client certificate, or grant the role what it needs.",
  ),
  SB_STORE_FULL: kind(
    "The store has no space left",
    503,
    1,
    true,
    "Compact and defragment it, raise its quota, then clear its alarm (etcdctl alarm disarm).",
  ),
  SB_STORE_INCOMPATIBLE: kind(
    "What the store holds does not fit the configuration",
    500,
    1,
    false,
    "Correct the setting that is named, or change the store as the message says.",
  ),
  SB_LOG_REPLACED: kind(
    "The event log is not the one that the documents were written from",
    503,
    1,
    false,
    "Restore the log from its backup and start again; or go on with the log that is there: signalbox log adopt.",
  ),
  SB_TRANSACTION_TOO_LARGE: kind(
    "The transaction is too large for the document store",
    500,
    1,
    false,
    "Split it, or raise the store's limits.",
  ),
  SB_DATA_IN_USE: kind(
    "The data directory is in use by another process",
    500,
    1,
    false,
    "Stop the other process or give another --data.",
  ),
  SB_DATA_VERSION: kind(
    "The stored data is of a version that this program does not know",
    500,
    1,
    false,
    "Use the program version that wrote it, or a newer one.",
  ),
  SB_NOT_READY: kind("The service is not ready", 503, 1, true, "Try again in a moment; /readyz says what is missing."),
  SB_TIMEOUT: kind("It did not happen in time", 504, 5, true, "Look at the resource's state and the device named."),
  SB_NO_RESPONDER: kind(
    "Nobody answers to that subject",
    503,
    1,
    true,
    "Start a process with the role that serves it.",
  ),
  SB_CATALOGUE_INVALID: kind("The catalogue has a mistake", 500, 1, false, "Correct the file and line that are named."),
  SB_TYPE_GONE: kind(
    "Resources need what the templates do not have any more",
    500,
    1,
    false,
    "Put the templates back as they were and start again; delete those resources before their type is taken away or changed.",
  ),
  SB_CONFIG_INVALID: kind("The configuration has a mistake", 500, 2, false, "Correct the setting that is named."),
  SB_SECRET_UNREADABLE: kind(
    "A sealed value cannot be opened",
    500,
    1,
    false,
    "Start with the key that sealed it (SIGNALBOX_KEY, or SIGNALBOX_OLD_KEYS when it is a former one).",
  ),
  SB_INTERNAL: kind("An unexpected error", 500, 1, false, "Report it with the log lines around it."),
  SB_GATEWAY_UNREACHABLE: kind(
    "The gateway does not answer",
    503,
    1,
    true,
    "Start it with `signalbox up`, or give --url.",
  ),
  // Jobs
  SB_DEPENDENCY_FAILED: kind(
    "A job that this one depends on failed",
    409,
    1,
    false,
    "Repair the resource that is named, then retry or delete this one.",
  ),
  SB_PARAMETER_INVALID: kind(
    "A parameter of the template has no usable value",
    422,
    1,
    false,
    "Set the field that is named, or create first what it refers to.",
  ),
  SB_TEMPLATE_FAILED: kind(
    "The device configuration could not be rendered",
    500,
    1,
    false,
    "Correct the template that is named.",
  ),
  // Devices
  SB_DEVICE_REFUSED: kind(
    "The device refuses the connection",
    502,
    1,
    true,
    "Check that the address and port are right and that NETCONF over SSH is enabled, then retry.",
  ),
  SB_DEVICE_UNREACHABLE: kind(
    "The device does not answer",
    504,
    5,
    true,
    "Check the path to the device and its management interface, then retry.",
  ),
  SB_DEVICE_ADDRESS: kind(
    "A device may not be at that address",
    502,
    1,
    false,
    "Give the resource the address of the device, or name its network under devices.allowed_networks in the configuration file.",
  ),
  SB_DEVICE_NOT_IN_LAB: kind(
    "The lab has no such device",
    502,
    1,
    false,
    "Say under address_book in the configuration file where it listens, or start without --lab.",
  ),
  SB_DEVICE_AUTH: kind(
    "The device does not accept the login",
    502,
    1,
    false,
    "Let the device accept this login, or create the edge_router anew with the right one, then retry.",
  ),
  SB_DEVICE_HOST_KEY: kind(
    "The device shows another host key than expected",
    502,
    1,
    false,
    "If the device was replaced, update its entry in known_hosts; if not, somebody is in between.",
  ),
  SB_DEVICE_ALGORITHMS: kind(
    "The device offers no SSH algorithm that may be used",
    502,
    1,
    false,
    "Set netconf.devices.<host>.algorithms to legacy for this device, or enable newer algorithms on it.",
  ),
  SB_DEVICE_CLOSED: kind(
    "The session closed in the middle of a request",
    502,
    1,
    true,
    "Check the device and the path to it, then retry: what became of the request is looked up first.",
  ),
  SB_DEVICE_PROTOCOL: kind(
    "The device said something that is not NETCONF",
    502,
    1,
    true,
    "Check that the port is the device's NETCONF port.",
  ),
  SB_RPC_TIMEOUT: kind(
    "The device did not answer a request in time",
    504,
    5,
    true,
    "Check the load of the device and the path to it, then retry: what became of the request is looked up first.",
  ),
  SB_LOCK_DENIED: kind(
    "Somebody else holds the configuration lock",
    502,
    4,
    true,
    "End the session that holds it, or wait for it, then retry.",
  ),
  SB_DEVICE_BUSY: kind(
    "The device cannot do this at the moment",
    503,
    1,
    true,
    "Look at what the device's own message names; it is tried again by itself.",
  ),
  SB_LOAD_REJECTED: kind(
    "The device rejects the configuration",
    502,
    1,
    false,
    "Correct the field or template that makes the named statement, then retry.",
  ),
  SB_COMMIT_REJECTED: kind(
    "The device's commit check rejects the configuration",
    502,
    1,
    false,
    "Correct what the named statement refers to, then retry.",
  ),
  SB_RPC_FAILED: kind(
    "The device answers a request with an error",
    502,
    1,
    false,
    "See the device's own message, then retry.",
  ),
  SB_LANE_IN_DOUBT: kind(
    "An earlier change of this router pair has no known outcome yet",
    503,
    1,
    true,
    "Check the device that is named: the change is settled by itself as soon as both routers answer.",
  ),
  SB_KEY_REUSED: kind(
    "The idempotency key was used before",
    422,
    4,
    false,
    "Take a new key for each new request, and the same key only to send the same request again.",
  ),
  SB_LEASE_LOST: kind(
    "This process may not edit the device any more",
    503,
    1,
    true,
    "Nothing is to be done: the job is taken up again, here or by another process. When it comes often, look at the document store.",
  ),
  SB_SNMP_TIMEOUT: kind(
    "The SNMP agent does not answer",
    504,
    5,
    true,
    "Check address, community and the agent's access list.",
  ),
  SB_SNMP_FAILED: kind("The SNMP agent answers with an error", 502, 1, false, "See the agent's own message."),
  SB_SNMP_NO_INSTANCE: kind("The device has no such object", 502, 1, false, "Check the name of the interface."),
  SB_CONTROLLER_UNREACHABLE: kind(
    "The controller does not answer",
    504,
    5,
    true,
    "Check the controller's URL and that its API is up, then retry.",
  ),
  SB_CONTROLLER_REJECTED: kind(
    "The controller rejects the object",
    502,
    1,
    false,
    "See the controller's own message, then retry.",
  ),
  SB_CONTROLLER_NOT_OWNED: kind(
    "The controller's object belongs to somebody else",
    409,
    4,
    false,
    "Use another name, port or VLAN, or have whoever made the object remove it; it is neither changed nor removed.",
  ),
  SB_MONITORING_TIMEOUT: kind(
    "The wanted status was not seen in time",
    504,
    5,
    false,
    "Look at the named target on the device, then retry.",
  ),
} as const satisfies Record<string, ErrorKind>;

function kind(title: string, status: number, exit: ErrorKind["exit"], transient: boolean, advice: string): ErrorKind {
  return { title, status, exit, transient, advice };
}

export type ErrorCode = keyof typeof kinds;

/** One field that is wrong: `pointer` is a JSON pointer into the request body (RFC 6901). */
export interface FieldProblem {
  readonly pointer: string;
  readonly detail: string;
}

export interface ErrorDetails {
  /** The error below this one. */
  readonly cause?: unknown;
  /** The fields that are wrong. */
  readonly fields?: readonly FieldProblem[];
  /** The device's address or name. */
  readonly device?: string;
  /** The configuration statement, path or object concerned. */
  readonly statement?: string;
  /** Replaces the table's advice where more is known. */
  readonly advice?: string;
  /** Replaces the table's verdict where more is known. */
  readonly transient?: boolean;
  readonly naming?: Naming;
  /** When trying again can help, seconds from now: where that is known. */
  readonly retryAfterS?: number;
}

/** Resources that a message names, and what is said to somebody for whom one of them does not exist. */
export interface Naming {
  readonly resources: ReadonlyArray<{ readonly type: string; readonly id: string }>;
  readonly otherwise: SignalboxError;
}

/**
 * The one error class of the project. `message` says what happened to which thing; code, status and advice come from
 * the table above.
 */
export class SignalboxError extends Error {
  override readonly name = "SignalboxError";
  readonly code: ErrorCode;
  readonly fields: readonly FieldProblem[];
  readonly device: string | undefined;
  readonly statement: string | undefined;
  readonly advice: string;
  readonly transient: boolean;
  readonly naming: Naming | undefined;
  readonly retryAfterS: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.fields = details.fields ?? [];
    this.device = details.device;
    this.statement = details.statement;
    this.advice = details.advice ?? kinds[code].advice;
    this.transient = details.transient ?? kinds[code].transient;
    this.naming = details.naming;
    this.retryAfterS = details.retryAfterS;
  }

  get status(): number {
    return kinds[this.code].status;
  }

  get exitCode(): number {
    return kinds[this.code].exit;
  }

  get title(): string {
    return kinds[this.code].title;
  }

  /** One line for `/state` and logs: what, where, which statement and what to do. */
  get report(): string {
    const where = this.device === undefined || this.message.includes(this.device) ? "" : ` [device ${this.device}]`;
    const what =
      this.statement === undefined || this.message.includes(this.statement) ? "" : ` [statement: ${this.statement}]`;
    return `${this.code}: ${this.message}${where}${what}. ${this.advice}`;
  }

  /** Plain data, to cross a queue or the bus; `fromJson` brings it back. */
  toJson(): ErrorJson {
    return {
      code: this.code,
      message: this.message,
      advice: this.advice,
      transient: this.transient,
      ...(this.fields.length > 0 ? { fields: this.fields } : {}),
      ...(this.device === undefined ? {} : { device: this.device }),
      ...(this.statement === undefined ? {} : { statement: this.statement }),
    };
  }

  static fromJson(json: ErrorJson): SignalboxError {
    return new SignalboxError(Object.hasOwn(kinds, json.code) ? json.code : "SB_INTERNAL", json.message, json);
  }
}

export interface ErrorJson {
  readonly code: ErrorCode;
  readonly message: string;
  readonly advice: string;
  readonly transient: boolean;
  readonly fields?: readonly FieldProblem[];
  readonly device?: string;
  readonly statement?: string;
}

/** Makes any thrown value a SignalboxError; what is not one becomes SB_INTERNAL with the value as its cause. */
export function asSignalboxError(thrown: unknown): SignalboxError {
  if (thrown instanceof SignalboxError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SignalboxError("SB_INTERNAL", message, { cause: thrown });
}

/** The code that a report begins with (`SignalboxError.report`); undefined when it is none of the table. */
export function codeOfReport(report: string): ErrorCode | undefined {
  const code = report.slice(0, Math.max(0, report.indexOf(":")));
  return Object.hasOwn(kinds, code) ? (code as ErrorCode) : undefined;
}

/** The whole table, for the documentation page. */
export function errorTable(): ReadonlyArray<{ code: ErrorCode } & ErrorKind> {
  return (Object.keys(kinds) as ErrorCode[]).map((code) => ({ code, ...kinds[code] }));
}
