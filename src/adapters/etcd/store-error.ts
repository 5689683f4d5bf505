import { type ErrorCode, type ErrorDetails, SignalboxError } from "../../errors.ts";
import { EtcdCallError } from "./call-error.ts";
import { status } from "./grpc-status.ts";

interface Meaning {
  readonly code: ErrorCode;
  readonly advice?: string;
  readonly transient?: boolean;
}

// Texts of etcd's rpctypes (api/v3rpc/rpctypes/error.go), of its gRPC server, and of its auth store.
const meanings: ReadonlyArray<readonly [RegExp, Meaning]> = [
  [/database space exceeded/, { code: "SB_STORE_FULL" }],
  [
    /too many operations in txn request/,
    {
      code: "SB_TRANSACTION_TOO_LARGE",
      advice: "Split it, or raise --max-txn-ops of etcd and the adapter's maxOperations together.",
    },
  ],
  [
    /request is too large|received message larger than max|trying to send message larger than max/,
    { code: "SB_TRANSACTION_TOO_LARGE", advice: "Split it, or raise --max-request-bytes of etcd (default 1.5 MiB)." },
  ],
  [
    /requested lease not found/,
    { code: "SB_TIMEOUT", advice: "The lease is gone: take a new lease and write its keys again." },
  ],
  [
    /authentication is not enabled/,
    { code: "SB_STORE_AUTH", advice: "Enable authentication in etcd (etcdctl auth enable), or give no user." },
  ],
  [/user name is empty/, { code: "SB_STORE_AUTH", advice: "etcd wants a login: give user and password." }],
  [
    /permission denied/,
    {
      code: "SB_STORE_AUTH",
      advice: "Grant the user's role readwrite on the key prefix (etcdctl role grant-permission).",
    },
  ],
  [
    /too many requests/,
    { code: "SB_STORE_FAILED", advice: "etcd is overloaded: look at its disk latency and at who else writes to it." },
  ],
  [
    /corrupt/,
    {
      code: "SB_STORE_FAILED",
      transient: false,
      advice: "etcd reports damaged data: restore the member from the others.",
    },
  ],
];

const certificateTrouble = /certificate|wrong version number|tls|ssl|unable to verify|alert|altnames/i;

/**
 * The error of the table for a failed request.
 * @param doing what was tried, as in "The documents could not be written"
 */
export function asStoreError(doing: string, error: EtcdCallError, endpoint: string): SignalboxError {
  const make = (code: ErrorCode, details: ErrorDetails = {}) =>
    new SignalboxError(code, `${doing}: ${error.details} (${endpoint})`, { cause: error, ...details });
  for (const [text, { code, ...details }] of meanings) if (text.test(error.details)) return make(code, details);
  switch (error.code) {
    case status.unauthenticated:
    case status.permissionDenied:
      return make("SB_STORE_AUTH");
    case status.invalidArgument:
      return /authentication failed|auth/.test(error.details)
        ? make("SB_STORE_AUTH")
        : make("SB_STORE_FAILED", { transient: false, advice: "See etcd's own message." });
    case status.unimplemented:
      return make("SB_STORE_UNREACHABLE", { advice: "What answers at the endpoint is no etcd of version 3." });
    case status.deadlineExceeded:
      return make("SB_STORE_UNREACHABLE", {
        advice: "Check that etcd has a leader and that its disk keeps up; a longer timeout is timeouts.requestMs.",
      });
    default:
      if (!isUnreachable(error)) return make("SB_STORE_FAILED", { advice: "See etcd's own message." });
      return certificateTrouble.test(error.details)
        ? make("SB_STORE_UNREACHABLE", {
            advice:
              "Check that http or https is what etcd serves, the CA, the names in its certificate and the client certificate.",
          })
        : make("SB_STORE_UNREACHABLE");
  }
}

/** No answer came, or one that says that the server cannot answer now: another endpoint or a later time may do. */
export function isUnreachable(error: EtcdCallError): boolean {
  switch (error.code) {
    case status.cancelled:
    case status.unknown:
    case status.deadlineExceeded:
    case status.aborted:
    case status.unimplemented:
    case status.internal:
    case status.unavailable:
      return true;
    default:
      return /too many requests/.test(error.details);
  }
}

export function isCompacted(error: unknown): boolean {
  return error instanceof EtcdCallError && /required revision has been compacted/.test(error.details);
}

/** The login's token is no longer known or older than the last change of users and roles: a new one helps. */
export function isStaleToken(error: EtcdCallError): boolean {
  return /invalid auth token|revision of auth store is old/.test(error.details);
}
