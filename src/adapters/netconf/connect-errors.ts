import { SignalboxError } from "../../errors.ts";

const UNREACHABLE = new Set(["ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "EHOSTDOWN"]);

/** What ssh2 (all versions) adds to its errors. */
interface SshError extends Error {
  readonly level?: string;
  readonly code?: string;
}

/** What a failure before the session is established means; one that is a SignalboxError already stays as it is. */
export function connectError(thrown: unknown, device: string): SignalboxError {
  if (thrown instanceof SignalboxError) return withDevice(thrown, device);
  const error: SshError = thrown instanceof Error ? thrown : new Error(String(thrown));
  const details = { cause: error, device };
  // Reset or closed before the login: a device that takes no more sessions does that too.
  const turnedAway = error.code === "ECONNRESET" || /before (handshake|the login)/i.test(error.message);
  if (error.code === "ECONNREFUSED" || turnedAway) {
    return new SignalboxError("SB_DEVICE_REFUSED", `${device} refuses the connection: ${error.message}`, details);
  }
  if ((error.code !== undefined && UNREACHABLE.has(error.code)) || error.level === "client-timeout") {
    return new SignalboxError("SB_DEVICE_UNREACHABLE", `${device} does not answer: ${error.message}`, details);
  }
  if (error.level === "client-authentication" || /privatekey/i.test(error.message)) {
    return new SignalboxError("SB_DEVICE_AUTH", `${device} does not accept the login: ${error.message}`, details);
  }
  if (/subsystem/i.test(error.message)) {
    return new SignalboxError("SB_DEVICE_REFUSED", `${device} offers no NETCONF over SSH: ${error.message}`, details);
  }
  return new SignalboxError("SB_DEVICE_PROTOCOL", `no NETCONF session with ${device}: ${error.message}`, details);
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
