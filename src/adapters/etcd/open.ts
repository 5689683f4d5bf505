import { setMaxListeners } from "node:events";
import { AlarmAction } from "etcd3";
import type { Clock, DocumentStore, Logger } from "../../actors/ports.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import { asCallError } from "./call-error.ts";
import { DocumentCodec } from "./document-codec.ts";
import { EtcdDocuments } from "./document-store.ts";
import { clientsFor, type EtcdAccess } from "./endpoints.ts";
import { EtcdConnection } from "./etcd-connection.ts";
import { status } from "./grpc-status.ts";
import { EtcdLeases } from "./leases.ts";

export interface EtcdOptions extends EtcdAccess {
  /** Put in front of every key as it is, and taken off again. Starts with a slash; "" by default. */
  readonly namespace?: string;
  readonly timeouts?: {
    /** For one request at one endpoint, default 5000 ms. */
    readonly requestMs?: number;
    /** For the first answer after the start, default 10,000 ms. */
    readonly openMs?: number;
  };
  /** Compares or writes in one transaction, default 128: what etcd takes (--max-txn-ops). */
  readonly maxOperations?: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface EtcdStore {
  readonly documents: DocumentStore;
  /** Undefined when etcd answers with a quorum and has no alarm; else what is wrong. Never rejects. */
  healthy(): Promise<SignalboxError | undefined>;
  /** Ends watchers, waits for the requests under way, and ends the leases that were taken here. */
  close(): Promise<void>;
}

const lastRequestsMs = 1000;

/**
 * Connects to etcd and waits for its first answer.
 * @throws SB_CONFIG_INVALID; SB_STORE_AUTH; SB_STORE_UNREACHABLE when no endpoint answers within `openMs`
 */
export async function openEtcd(options: EtcdOptions): Promise<EtcdStore> {
  const { clock, logger, namespace = "", timeouts = {} } = options;
  if (namespace !== "" && !namespace.startsWith("/")) {
    throw new SignalboxError("SB_CONFIG_INVALID", `The etcd namespace ${namespace} does not start with a slash`);
  }
  const requestMs = timeouts.requestMs ?? 5000;
  const connection = new EtcdConnection({ clients: clientsFor(options, clock), clock, logger, requestMs });
  // One listener per watcher and per request that waits for its next try.
  setMaxListeners(0, connection.closing);
  const codec = new DocumentCodec(namespace);
  const leases = new EtcdLeases(connection);
  const maxOperations = options.maxOperations ?? 128;
  const documents = new EtcdDocuments({ connection, codec, leases, logger, maxOperations });
  let closeOnce: Promise<void> | undefined;
  const close = () => {
    closeOnce ??= connection.close(() => leases.revokeAll(clock.monotonic() + lastRequestsMs));
    return closeOnce;
  };
  try {
    await firstAnswer(documents, clock, timeouts.openMs ?? 10_000);
  } catch (error) {
    await close();
    throw error;
  }
  return { documents, close, healthy: () => healthOf(connection, documents) };
}

async function firstAnswer(documents: DocumentStore, clock: Clock, openMs: number): Promise<void> {
  const end = clock.monotonic() + openMs;
  for (;;) {
    try {
      await documents.revision();
      return;
    } catch (thrown) {
      const error = asSignalboxError(thrown);
      if (!error.transient || clock.monotonic() >= end) throw error;
    }
  }
}

async function healthOf(connection: EtcdConnection, documents: DocumentStore): Promise<SignalboxError | undefined> {
  try {
    await documents.revision();
    const alarms = await connection.repeatable({ doing: "The alarms could not be read" }, async (attempt) => {
      try {
        return (await attempt.client.unary("alarm", { action: AlarmAction.Get }, attempt.deadline)).alarms;
      } catch (thrown) {
        // Reading alarms may be the administrator's alone; writes find out about them in any case.
        if (asCallError(thrown).code === status.permissionDenied) return [];
        throw thrown;
      }
    });
    const [alarm] = alarms;
    if (alarm === undefined) return undefined;
    const kind = String(alarm.alarm).toUpperCase();
    return kind === "NOSPACE"
      ? new SignalboxError("SB_STORE_FULL", `Member ${alarm.memberID} of etcd has raised the alarm ${kind}`)
      : new SignalboxError("SB_STORE_FAILED", `Member ${alarm.memberID} of etcd has raised the alarm ${kind}`, {
          advice: "etcd reports damaged data: restore the member from the others.",
        });
  } catch (thrown) {
    return asSignalboxError(thrown);
  }
}
