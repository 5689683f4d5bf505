import { status } from "./grpc-status.ts";

/** A request that failed, with the gRPC status and text that the client library or the server gave. */
export class EtcdCallError extends Error {
  override readonly name = "EtcdCallError";
  /** gRPC status code. */
  readonly code: number;
  /** Text without the code's name, such as "etcdserver: request timed out". */
  readonly details: string;
  /** False when it is certain that the server has not carried the request out and never will. */
  readonly mayHaveHappened: boolean;

  constructor(code: number, details: string, options: { cause?: unknown; mayHaveHappened?: boolean } = {}) {
    super(details, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = details;
    this.mayHaveHappened = options.mayHaveHappened ?? !certainlyNotMade(code, details);
  }
}

/** The watched revision was compacted away; `revision` is the oldest that can still be read. */
export class CompactedError extends Error {
  override readonly name = "CompactedError";
  readonly revision: number;

  constructor(revision: number) {
    super(`Revisions before ${revision} are compacted`);
    this.revision = revision;
  }
}

/** Makes an EtcdCallError of what the gRPC library throws or emits. */
export function asCallError(thrown: unknown): EtcdCallError {
  if (thrown instanceof EtcdCallError) return thrown;
  if (!(thrown instanceof Error)) return new EtcdCallError(status.unknown, String(thrown), { cause: thrown });
  const { code, details } = thrown as Error & { code?: unknown; details?: unknown };
  return new EtcdCallError(
    typeof code === "number" ? code : status.unknown,
    typeof details === "string" && details !== "" ? details : thrown.message,
    { cause: thrown },
  );
}

/**
 * What never left this machine (texts of @grpc/grpc-js: no connection was there to send it over), and what the server refuses
 * before it looks at it (etcd's rpctypes). A text that is not known here counts as a request that may have been carried out, so
 * that a change of the texts costs a retry and no more.
 */
function certainlyNotMade(code: number, details: string): boolean {
  switch (code) {
    case status.unavailable:
      return /^(No connection established|Name resolution failed|Channel closed before call started|etcdserver: no leader$)/.test(
        details,
      );
    case status.deadlineExceeded:
      return details.includes("Waiting for LB pick") && !details.includes("previous attempts");
    case status.resourceExhausted:
    case status.unauthenticated:
    case status.permissionDenied:
    case status.invalidArgument:
    case status.failedPrecondition:
    case status.notFound:
    case status.unimplemented:
      return true;
    default:
      return false;
  }
}
