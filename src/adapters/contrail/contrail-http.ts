import type { Json } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";

/** An answer of the controller: success with JSON, or one of the statuses that the caller handles itself. */
export interface ContrailAnswer {
  readonly status: number;
  readonly body: Json;
  /** The body as it came, for messages. */
  readonly text: string;
}

export interface ContrailHttpOptions {
  readonly timeoutMs: number;
  readonly token: string | undefined;
}

/** A gateway that has no controller behind it says so with one of these. */
const UNREACHABLE = new Set([502, 503, 504]);
const TRY_LATER = new Set([408, 425, 429]);
/** The connection was closed under the request, as happens with one that was kept alive and idle. */
const LOST = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);
const MAX_QUOTED = 500;

/**
 * One request to the controller, over connections that Node keeps alive. A connection that is lost is tried once more:
 * every operation of this API may be repeated, as its answers (409, 404) tell what an earlier try has done.
 * @param object what the request is about, for messages
 * @param accepted statuses besides success that are an answer and no error
 * @throws SB_CONTROLLER_UNREACHABLE, SB_CONTROLLER_REJECTED
 */
export async function callController(
  options: ContrailHttpOptions,
  request: { method: string; url: string; body?: Json; object: string; accepted?: readonly number[] },
): Promise<ContrailAnswer> {
  const { object, url } = request;
  const answer = await fetchText(options, request).catch((error: unknown) => {
    if (!LOST.has(codeOf(error))) throw unreachable(options, url, object, error);
    return fetchText(options, request).catch((again: unknown) => {
      throw unreachable(options, url, object, again);
    });
  });
  const { status, text } = answer;
  const said = text.trim().slice(0, MAX_QUOTED) || "no text";
  const details = { statement: object };
  if (UNREACHABLE.has(status)) {
    throw new SignalboxError(
      "SB_CONTROLLER_UNREACHABLE",
      `The controller at ${originOf(url)} answers ${status} for ${object}: ${said}`,
      details,
    );
  }
  const success = status >= 200 && status < 300;
  if (!success && !request.accepted?.includes(status))
    throw rejected(object, status, said, status >= 500 || TRY_LATER.has(status));
  try {
    return { status, text: said, body: success && text !== "" ? (JSON.parse(text) as Json) : null };
  } catch (cause) {
    throw new SignalboxError("SB_CONTROLLER_REJECTED", `The controller's answer for ${object} is not JSON: ${said}`, {
      ...details,
      cause,
    });
  }
}

/** The error for an answer that says no, with the controller's own words. */
export function rejected(object: string, status: number, said: string, transient = false): SignalboxError {
  return new SignalboxError("SB_CONTROLLER_REJECTED", `The controller rejects ${object} (HTTP ${status}): ${said}`, {
    statement: object,
    transient,
    ...(status === 401 || status === 403 ? { advice: "See the controller's own message; check the token." } : {}),
  });
}

async function fetchText(
  { timeoutMs, token }: ContrailHttpOptions,
  { method, url, body }: { method: string; url: string; body?: Json },
): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    method,
    // A redirect would carry the token to another host.
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json; charset=UTF-8" }),
      ...(token === undefined ? {} : { "x-auth-token": token }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

function unreachable(options: ContrailHttpOptions, url: string, object: string, cause: unknown): SignalboxError {
  const late = cause instanceof Error && cause.name === "TimeoutError";
  const why = late ? `no answer within ${options.timeoutMs} ms` : codeOf(cause) || String(cause);
  return new SignalboxError("SB_CONTROLLER_UNREACHABLE", `The controller at ${originOf(url)} (${object}): ${why}`, {
    cause,
    statement: object,
  });
}

/** fetch hides the socket's error in the cause of a TypeError. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return typeof code === "string" ? code : "";
}

const originOf = (url: string): string => new URL(url).origin;
