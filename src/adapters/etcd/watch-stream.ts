import type { IEvent, IWatchCreateRequest } from "etcd3";
import { asCallError, CompactedError, EtcdCallError } from "./call-error.ts";
import type { EtcdClient } from "./etcd-client.ts";
import { status } from "./grpc-status.ts";

/**
 * One watch over one stream, until the signal is aborted, when it ends. Each piece holds the events of whole revisions, in order.
 * etcd is read no faster than the caller takes them.
 *
 * etcd3's own watcher is not used: on a reconnection it starts at the newest revision that a response header told, although
 * older events had not come yet (a created watch answers with the store's present revision first), and loses them.
 * @throws CompactedError when `start_revision` is compacted away; EtcdCallError
 */
export async function* watchEvents(
  client: EtcdClient,
  request: IWatchCreateRequest,
  options: { deadline: number; signal: AbortSignal },
): AsyncGenerator<IEvent[]> {
  const { signal } = options;
  const stream = await client.openWatch(options.deadline);
  const cancel = () => stream.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    if (signal.aborted) return;
    stream.write({ create_request: { ...request, fragment: true } });
    let events: IEvent[] = [];
    for await (const response of stream) {
      if (response.compact_revision !== "0") throw new CompactedError(Number(response.compact_revision));
      if (response.canceled) throw cancelled(response.cancel_reason);
      events = events.length === 0 ? response.events : events.concat(response.events);
      if (response.fragment || events.length === 0) continue;
      yield events;
      events = [];
    }
    throw new EtcdCallError(status.unavailable, "the server ended the watch");
  } catch (thrown) {
    if (signal.aborted) return;
    throw thrown instanceof CompactedError ? thrown : asCallError(thrown);
  } finally {
    signal.removeEventListener("abort", cancel);
    stream.end();
    stream.cancel();
  }
}

function cancelled(reason: string): EtcdCallError {
  const refused = /permission denied|invalid auth token/.test(reason);
  return new EtcdCallError(refused ? status.permissionDenied : status.unavailable, reason || "the watch was cancelled");
}
