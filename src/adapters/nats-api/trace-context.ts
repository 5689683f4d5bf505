/** The trace that a request belongs to (W3C Trace Context, https://www.w3.org/TR/trace-context/). */
export interface TraceContext {
  /** As it is answered: of version 00. */
  readonly traceparent: string;
  readonly traceId: string;
  /** Id of the caller's span. */
  readonly parentId: string;
  readonly tracestate?: string;
}

const parent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const member =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MOST_MEMBERS = 32;

/**
 * Reads the headers `traceparent` and `tracestate`, each with all its values. What breaks the grammar is as if it had not been sent;
 * without a traceparent there is no tracestate (section 3.3: the trace starts anew).
 */
export function readTraceContext(parents: readonly string[], states: readonly string[]): TraceContext | undefined {
  const [text] = parents;
  if (text === undefined || parents.length !== 1) return undefined;
  const [, version, traceId = "", parentId = "", flags = "", more] = parent.exec(text) ?? [];
  if (version === undefined || version === "ff") return undefined;
  if (version === "00" && more !== undefined) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  // Of a later version only what 00 knows is passed on: of the flags, whether it is sampled.
  const known = version === "00" ? flags : (Number.parseInt(flags, 16) & 1).toString().padStart(2, "0");
  const tracestate = readTraceState(states);
  return {
    traceparent: `00-${traceId}-${parentId}-${known}`,
    traceId,
    parentId,
    ...(tracestate === undefined ? {} : { tracestate }),
  };
}

/** Members of several headers are one list; empty members are allowed and dropped. */
function readTraceState(states: readonly string[]): string | undefined {
  const members = states
    .join(",")
    .split(",")
    .map((each) => each.replace(/^[ \t]+|[ \t]+$/g, ""))
    .filter((each) => each !== "");
  const keys = new Set(members.map((each) => each.slice(0, each.indexOf("="))));
  const valid = members.length <= MOST_MEMBERS && keys.size === members.length && members.every((m) => member.test(m));
  return valid && members.length > 0 ? members.join(",") : undefined;
}
