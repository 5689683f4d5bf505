import type { GatewayApi, TransitionView } from "../../actors/gateway-api.ts";
import { SignalboxError } from "../../errors.ts";

export interface ReplayPage {
  readonly transitions: readonly TransitionView[];
  /** The `from` of the next page. */
  readonly next: number;
  /** There is more already; else the next page is for what is still to come. */
  readonly more: boolean;
}

/** What the page has beside its transitions, generously. */
const FRAME_BYTES = 100;

/**
 * The transitions from log position `from` on, as many as `limit` and `bytes` (of JSON) allow.
 * @throws SB_ANSWER_TOO_LARGE when not even the first one fits, the reason of `signal` when it is aborted
 */
export async function replayPage(
  api: GatewayApi,
  options: { from: number; limit: number; bytes: number; signal?: AbortSignal },
): Promise<ReplayPage> {
  const { from, limit, signal } = options;
  const stop = new AbortController();
  const end = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", end, { once: true });
  const transitions: TransitionView[] = [];
  let left = options.bytes - FRAME_BYTES;
  let next = from;
  try {
    for await (const view of api.transitions({ from, follow: false, signal: stop.signal })) {
      left -= Buffer.byteLength(JSON.stringify(view)) + 1;
      if (left < 0 && transitions.length === 0) {
        throw new SignalboxError(
          "SB_ANSWER_TOO_LARGE",
          `Transition ${view.seq} alone is larger than a message may be.`,
        );
      }
      if (left < 0 || transitions.length === limit) return { transitions, next, more: true };
      transitions.push(view);
      next = view.seq + 1;
    }
    signal?.throwIfAborted();
    return { transitions, next, more: false };
  } finally {
    signal?.removeEventListener("abort", end);
    stop.abort();
  }
}
