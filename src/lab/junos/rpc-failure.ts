import { element, type XmlElement } from "../../xml/element.ts";

/** What an rpc-error says (RFC 6241 section 4.3), with the additions of Junos. */
export interface RpcErrorFields {
  readonly tag: string;
  readonly message: string;
  readonly type?: "transport" | "rpc" | "protocol" | "application";
  readonly severity?: "error" | "warning";
  /** Configuration path as Junos writes it: `[edit interfaces ae0]`. */
  readonly path?: string;
  /** The statement or element that is wrong. */
  readonly badElement?: string;
  /** Session that holds the lock, for lock-denied. */
  readonly sessionId?: number;
  /** Line of the loaded text, from 1. */
  readonly line?: number;
}

/** An operation that the router answers with rpc-errors. */
export class RpcFailure extends Error {
  override readonly name = "RpcFailure";
  readonly errors: readonly RpcErrorFields[];
  constructor(errors: readonly RpcErrorFields[]) {
    super(errors.map((error) => `${error.path ? `${error.path} ` : ""}${error.message}`).join("; "));
    this.errors = errors;
  }
}

/** A failure with a single rpc-error. */
export function rpcFailure(
  tag: string,
  message: string,
  more: Omit<RpcErrorFields, "tag" | "message"> = {},
): RpcFailure {
  return new RpcFailure([{ tag, message, ...more }]);
}

/** A statement that the router cannot read. Junos reports it as a protocol error with the offending token. */
export function syntaxError(token: string, path: string, line?: number): RpcFailure {
  return rpcFailure("operation-failed", line === undefined ? "syntax error" : `line ${line}: syntax error: ${token}`, {
    type: "protocol",
    path,
    badElement: token,
    ...(line === undefined ? {} : { line }),
  });
}

/** The rpc-error element. */
export function rpcErrorElement(error: RpcErrorFields, namespace: string): XmlElement {
  const part = (name: string, content: string | XmlElement[]) => element(name, content, {}, namespace);
  const info: XmlElement[] = [];
  if (error.badElement !== undefined) info.push(part("bad-element", error.badElement));
  if (error.sessionId !== undefined) info.push(part("session-id", String(error.sessionId)));
  return part("rpc-error", [
    part("error-type", error.type ?? "protocol"),
    part("error-tag", error.tag),
    part("error-severity", error.severity ?? "error"),
    ...(error.path === undefined ? [] : [part("error-path", error.path)]),
    ...(info.length > 0 ? [part("error-info", info)] : []),
    part("error-message", error.message),
    ...(error.line === undefined ? [] : [part("line-number", String(error.line))]),
  ]);
}
