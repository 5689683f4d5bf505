import { checked, credentials } from "./api.ts";
import { parseEvent, type ServerEvent } from "./parse-event.ts";

export type StreamState = "connecting" | "live" | "lost";

export interface EventStreamOptions {
  readonly path: string;
  readonly onEvent: (event: ServerEvent) => void;
  readonly onState: (state: StreamState) => void;
}

const RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 5_000;

/**
 * Follows server-sent events until it is closed. After a loss it comes back and says which event it has seen last, so that none is missed.
 * Not the browser's EventSource: that cannot send a token.
 * @returns closes it
 */
export function followEvents(options: EventStreamOptions): () => void {
  const closing = new AbortController();
  void follow(options, closing.signal);
  return () => closing.abort();
}

async function follow({ path, onEvent, onState }: EventStreamOptions, signal: AbortSignal): Promise<void> {
  let last: string | undefined;
  for (let failures = 0; !signal.aborted; failures += 1) {
    onState(failures === 0 ? "connecting" : "lost");
    try {
      const headers = {
        accept: "text/event-stream",
        ...credentials(),
        ...(last === undefined ? {} : { "last-event-id": last }),
      };
      const answer = await checked(await fetch(path, { headers, signal, cache: "no-store" }));
      onState("live");
      failures = 0;
      for await (const event of readEvents(answer)) {
        if (event.id !== undefined) last = event.id;
        if (!signal.aborted) onEvent(event);
      }
    } catch {
      // The gateway is away, or wants a token: asked again below.
    }
    if (signal.aborted) return;
    onState("lost");
    await pause(Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** failures), signal);
  }
}

async function* readEvents(answer: Response): AsyncIterable<ServerEvent> {
  if (answer.body === null) return;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parseEvent(block);
        if (event !== undefined) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
