import { SignalboxError } from "../../errors.ts";
import { Unanswered } from "./requests.ts";

/** Numbers of JetStream's errors that mean something here (server/errors.json of nats-server). */
export const apiCode = {
  accountResourcesExceeded: 10002,
  noPeersForPlacement: 10005,
  consumerNotFound: 10014,
  memoryResourcesExceeded: 10028,
  messageNotFound: 10037,
  storageResourcesExceeded: 10047,
  messageDeleteFailed: 10057,
  streamNameExists: 10058,
  streamNotFound: 10059,
  wrongLastSequence: 10071,
  storeFailed: 10077,
  duplicateInProcess: 10158,
} as const;

/** An answer of JetStream that says no. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** Like an HTTP status; 503 is what another time may be different. */
  readonly code: number;
  /** JetStream's own number of the error. */
  readonly errCode: number;

  constructor(error: { code?: number; err_code?: number; description?: string }) {
    super(error.description ?? "JetStream said no");
    this.code = error.code ?? 0;
    this.errCode = error.err_code ?? 0;
  }

  /** The store or the account has no room for the write. */
  get noSpace(): boolean {
    switch (this.errCode) {
      case apiCode.accountResourcesExceeded:
      case apiCode.memoryResourcesExceeded:
      case apiCode.storageResourcesExceeded:
        return true;
      default:
        return /maximum bytes exceeded|no space left|insufficient (storage|memory)? ?resources/.test(this.message);
    }
  }

  /** The subject of a queued message has one already. */
  get subjectTaken(): boolean {
    return this.errCode === apiCode.storeFailed && this.message.includes("per subject");
  }

  /** A server of the cluster is not there, or was not a moment ago. */
  get peerOffline(): boolean {
    return this.errCode === apiCode.noPeersForPlacement && this.message.includes("offline");
  }

  get temporary(): boolean {
    return this.noSpace || this.peerOffline || (this.code === 503 && !this.subjectTaken);
  }
}

/** Trying again can help. */
export function isTemporary(error: unknown): error is Unanswered | ApiError {
  if (error instanceof Unanswered) return error.silence !== "refused" && error.silence !== "closed";
  return error instanceof ApiError && error.temporary;
}

/**
 * The error of the table for what could not be done.
 * @param doing as in "The record of resource.vlan.1 was not appended"
 * @param inDoubt an earlier try may have been carried out
 */
export function storeError(doing: string, error: unknown, inDoubt = false): SignalboxError {
  if (error instanceof SignalboxError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const make = (code: ConstructorParameters<typeof SignalboxError>[0], details: object = {}) =>
    new SignalboxError(code, `${doing}: ${reason}`, { cause: error, ...details });
  if (inDoubt) {
    return make("SB_STORE_IN_DOUBT");
  }
  if (error instanceof Unanswered) {
    if (error.silence === "closed") return make("SB_NOT_READY");
    if (error.silence === "refused") {
      return make("SB_STORE_AUTH", {
        advice: "Grant the NATS user the subjects that docs/nats.md lists.",
      });
    }
    return make("SB_STORE_UNREACHABLE", {
      advice: "Check that nats-server runs with JetStream and that its streams have a leader.",
    });
  }
  if (error instanceof ApiError) {
    if (error.noSpace) {
      return make("SB_STORE_FULL", {
        advice: "Make room on the disk of nats-server, or raise max_file_store or the stream's bytes.",
      });
    }
    if (error.temporary) {
      return make("SB_STORE_UNREACHABLE", { advice: "Look at JetStream's state: nats server report jetstream." });
    }
    return make("SB_STORE_FAILED", { transient: false, advice: "See JetStream's own message." });
  }
  if (reason.includes("MAX_PAYLOAD_EXCEEDED") || reason.includes("max payload")) {
    return make("SB_STORE_FAILED", { transient: false, advice: "Raise max_payload of nats-server." });
  }
  return make("SB_STORE_FAILED", { transient: false, advice: "See the message of the NATS client." });
}
