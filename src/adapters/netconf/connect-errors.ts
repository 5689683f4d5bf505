import { type ErrorCode, SignalboxError } from "../../errors.ts";
import { deviceWords } from "./device-words.ts";
import { passingCondition } from "./passing-conditions.ts";

const UNREACHABLE = new Set(["ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "EHOSTDOWN"]);

/** What ssh2 (all versions) adds to its errors; the code of a disconnect message is its reason (RFC 4253 section 11.1). */
interface SshError extends Error {
  readonly level?: string;
  readonly code?: string | number;
  /** Of a channel that could not be opened (RFC 4254 section 5.1). */
  readonly reason?: string | number;
}

const TOO_MANY_CONNECTIONS = 12;
const NO_ROOM = new Set<unknown>([TOO_MANY_CONNECTIONS, "RESOURCE_SHORTAGE"]);
/** Host not allowed, no more authentication methods, illegal user name. */
const TURNED_AWAY_FOR_GOOD = new Set<unknown>([1, 14, 15]);

/**
 * An account that may not log in, or not to NETCONF: somebody has to change it on the device. Narrow, because devices also
 * greet with legal notices ("unauthorised access is not permitted").
 */
const ACCOUNT =
  /account (?:is |has been |has )?(?:currently )?(?:not available|unavailable|expired|disabled|locked|closed|suspended)|password (?:has |is )?expired|not (?:allowed|permitted|authori[sz]ed) to (?:log ?in|connect|use|access)|permission denied|access (?:is )?denied|logins? (?:is |are )?(?:not (?:allowed|permitted)|restricted|disabled)|restricted (?:shell|account)|too many authentication failures|authori[sz]ation (?:failed|denied)/i;
const ACCOUNT_ADVICE =
  "Let the device give this login a NETCONF session (`system login class`, `system services netconf`), or create the edge_router anew with another login, then retry.";

/** What the device said on the way to the session. */
export interface ConnectContext {
  /** Text in front of its identification and of its hello. */
  readonly words?: string;
  /** What it greets every login with: shown, but nothing is concluded from it. */
  readonly banner?: string;
  /** Values that no message may show. */
  readonly hidden?: readonly (string | undefined)[];
}

/** What a failure before the session is established means; one that is a SignalboxError already stays as it is. */
export function connectError(thrown: unknown, device: string, context: ConnectContext = {}): SignalboxError {
  if (thrown instanceof SignalboxError) return withWords(withDevice(thrown, device), device, context);
  const error: SshError = thrown instanceof Error ? thrown : new Error(String(thrown));
  const reason = deviceWords(error.message, context.hidden);
  const words = deviceWords(context.words ?? "", context.hidden);
  const shown = deviceWords(`${context.banner ?? ""}\n${context.words ?? ""}`, context.hidden);
  const said = shown === "" ? "" : `; the device says: "${shown}"`;
  const made = (code: ErrorCode, what: string, more: { advice?: string; transient?: boolean } = {}) =>
    new SignalboxError(code, `${what}: ${reason}${said}`, { cause: error, device, ...more });
  const refused = saidNo(`${reason}\n${words}`, error.code ?? error.reason);
  if (refused !== undefined) return made(refused.code, `${device} ${refused.what}`, refused);
  // Reset or closed before the login: a device that takes no more sessions does that too.
  const turnedAway = error.code === "ECONNRESET" || /before (handshake|the login)/i.test(error.message);
  if (error.code === "ECONNREFUSED" || turnedAway) return made("SB_DEVICE_REFUSED", `${device} refuses the connection`);
  if ((typeof error.code === "string" && UNREACHABLE.has(error.code)) || error.level === "client-timeout") {
    return made("SB_DEVICE_UNREACHABLE", `${device} does not answer`);
  }
  if (error.level === "client-authentication" || /privatekey/i.test(error.message)) {
    return made("SB_DEVICE_AUTH", `${device} does not accept the login`);
  }
  if (/subsystem/i.test(error.message)) {
    const advice = "Enable it (`set system services netconf ssh`), or correct the port, then retry.";
    return made("SB_DEVICE_REFUSED", `${device} offers no NETCONF over SSH`, { advice, transient: false });
  }
  return made("SB_DEVICE_PROTOCOL", `no NETCONF session with ${device}`);
}

/** The device ended the session, or said something else, before its hello: its own words tell why. */
function withWords(error: SignalboxError, device: string, { words = "", hidden }: ConnectContext): SignalboxError {
  if (error.code !== "SB_DEVICE_CLOSED" && error.code !== "SB_DEVICE_PROTOCOL") return error;
  const text = deviceWords(words, hidden);
  const refused = saidNo(text);
  const { message, advice, transient } = error;
  const said = text === "" || message.includes(text) ? "" : `; the device says: "${text}"`;
  const closed = error.code === "SB_DEVICE_CLOSED";
  if (refused !== undefined) {
    const what = `${device} ${refused.what}: ${message}${said}`;
    return new SignalboxError(refused.code, what, { ...refused, device, cause: error });
  }
  if (closed) {
    return new SignalboxError("SB_DEVICE_REFUSED", `${device} ends the session before its hello: ${message}${said}`, {
      device,
      cause: error,
    });
  }
  return new SignalboxError(error.code, `${message}${said}`, {
    device,
    advice,
    transient,
    cause: error.cause ?? error,
  });
}

/**
 * What a device means that says in words, or by the reason of its disconnect, why it gives no session.
 * @returns undefined when it is none of what is known
 */
export function saidNo(
  words: string,
  reason?: unknown,
): { code: ErrorCode; what: string; advice: string; transient: boolean } | undefined {
  const passing = passingCondition({ message: NO_ROOM.has(reason) ? "too many connections" : words });
  if (passing !== undefined) {
    return {
      code: "SB_DEVICE_REFUSED",
      what: `gives no session now, ${passing.name}`,
      advice: passing.advice,
      transient: true,
    };
  }
  if (!ACCOUNT.test(words) && !TURNED_AWAY_FOR_GOOD.has(reason)) return undefined;
  return { code: "SB_DEVICE_AUTH", what: "gives this login no session", advice: ACCOUNT_ADVICE, transient: false };
}

/** The error for requests that were waiting when the session ended. */
export function closedError(device: string, reason: SignalboxError | undefined): SignalboxError {
  const why = reason === undefined ? "" : `: ${reason.message}`;
  return new SignalboxError("SB_DEVICE_CLOSED", `the session with ${device} closed${why}`, {
    device,
    ...(reason === undefined ? {} : { cause: reason }),
  });
}

/** The same error, saying which device it is about. */
export function withDevice(error: SignalboxError, device: string): SignalboxError {
  if (error.device !== undefined) return error;
  const { code, message, ...rest } = error.toJson();
  return new SignalboxError(code, message, { ...rest, device, cause: error.cause ?? error });
}
