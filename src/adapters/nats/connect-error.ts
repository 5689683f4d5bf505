import { ErrorCode, NatsError } from "nats";
import { SignalboxError } from "../../errors.ts";
import { withoutLogin } from "./options.ts";

const certificateTrouble = /cert|ssl|tls|self.signed|unable to verify|altname/i;

/** The error of the table for a connection that could not be made. */
export function connectError(servers: readonly string[], thrown: unknown): SignalboxError {
  if (thrown instanceof SignalboxError) return thrown;
  const where = servers.map(withoutLogin).join(", ");
  const { code, message } = reasonOf(thrown);
  const make = (kind: "SB_STORE_AUTH" | "SB_STORE_UNREACHABLE" | "SB_CONFIG_INVALID", text: string, advice: string) =>
    new SignalboxError(kind, `${text} (${where})`, {
      cause: thrown,
      advice,
      ...(kind === "SB_STORE_UNREACHABLE" && certificateTrouble.test(`${code} ${message}`) ? { transient: false } : {}),
    });
  switch (code) {
    case ErrorCode.AuthorizationViolation:
    case ErrorCode.AuthenticationExpired:
    case ErrorCode.AccountExpired:
    case ErrorCode.AuthenticationTimeout:
    case ErrorCode.BadAuthentication:
      return make(
        "SB_STORE_AUTH",
        `NATS does not accept the login: ${message}`,
        "Correct user and password, token, nkey or credentials, or the server's authorization.",
      );
    case ErrorCode.BadCreds:
      return make(
        "SB_CONFIG_INVALID",
        "The NATS credentials file holds no credentials",
        "Write it with `nsc generate creds`.",
      );
    case ErrorCode.ServerOptionNotAvailable:
      return make(
        "SB_CONFIG_INVALID",
        "TLS is asked for, but the NATS server does not offer it",
        "Give the server a tls block, or give no TLS settings.",
      );
    default:
  }
  if (certificateTrouble.test(`${code} ${message}`)) {
    return make(
      "SB_STORE_UNREACHABLE",
      `NATS is not reached over TLS: ${message}`,
      "Check the CA, the names in the server's certificate, and the client certificate that the server may ask for.",
    );
  }
  return make(
    "SB_STORE_UNREACHABLE",
    `NATS does not answer: ${message}`,
    "Check the servers' addresses, the network and that nats-server runs.",
  );
}

/** The innermost reason: the library wraps what the socket said. */
function reasonOf(thrown: unknown): { code: string; message: string } {
  if (thrown instanceof NatsError && thrown.chainedError !== undefined && thrown.code === ErrorCode.ConnectionRefused) {
    return { code: thrown.code, message: thrown.chainedError.message || "connection refused" };
  }
  if (!(thrown instanceof Error)) return { code: "", message: String(thrown) };
  const code = "code" in thrown ? String(thrown.code) : "";
  return { code, message: thrown.message || code };
}
