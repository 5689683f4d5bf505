import { setTimeout as sleep } from "node:timers/promises";
import type { TransitionView } from "../actors/gateway-api.ts";
import { SignalboxError } from "../errors.ts";
import type { GatewayClient } from "./gateway-client.ts";

/**
 * Transitions from a position on, live, until the signal is aborted. When the connection ends it is made again where it
 * left off: a gateway may restart under a watcher.
 * @param patienceMs how long a gateway may be away
 * @throws SB_GATEWAY_UNREACHABLE when it is away for longer
 */
export async function* followTransitions(
  client: GatewayClient,
  from: number,
  signal: AbortSignal,
  patienceMs = 30_000,
): AsyncIterable<TransitionView> {
  let next = from;
  let heard = performance.now();
  while (!signal.aborted) {
    try {
      for await (const transition of client.transitions(next, true, signal)) {
        next = transition.seq + 1;
        heard = performance.now();
        yield transition;
      }
    } catch (thrown) {
      const away = thrown instanceof SignalboxError && thrown.code === "SB_GATEWAY_UNREACHABLE";
      if (!away || performance.now() - heard > patienceMs) throw thrown;
    }
    await sleep(500, undefined, { signal, ref: true }).catch(() => undefined);
  }
}

/** Position of the next transition to come: one more than the last in the log. */
export async function nextPosition(client: GatewayClient, signal: AbortSignal): Promise<number> {
  let next = 1;
  for await (const { seq } of client.transitions(1, false, signal)) next = seq + 1;
  return next;
}
