import { type ErrorCode, SignalboxError } from "../../errors.ts";
import { child, childText, type XmlElement } from "../../xml/element.ts";
import { passingReason, type Said } from "./passing-conditions.ts";

/** One `<rpc-error>` of a reply (RFC 6241 section 4.3), with the additions of Junos. */
export interface RpcError {
  readonly tag: string;
  readonly appTag: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  /** Where: error-path, or Junos's edit-path and statement. */
  readonly path: string;
  /** The element, attribute, statement or token that is wrong. */
  readonly bad: string;
  /** Line of the loaded text, where the device says one. */
  readonly line: string;
  /** error-info's session-id: who holds a lock. 0 is somebody without a NETCONF session. */
  readonly sessionId: string | undefined;
}

/** Elements that Junos wraps around the rpc-errors of a load or commit. */
const WRAPPERS = new Set([
  "load-configuration-results",
  "commit-results",
  "routing-engine",
  "multi-routing-engine-results",
  "multi-routing-engine-item",
]);

/** All errors and warnings of a reply. */
export function rpcErrors(reply: XmlElement): RpcError[] {
  return reply.children.flatMap((node) => {
    if (node.name === "rpc-error") return [read(node)];
    // Junos reports failures of some operations in its own element (xnm:error, xnm:warning).
    if (node.namespace.startsWith("http://xml.juniper.net/xnm/")) {
      if (node.name === "error" || node.name === "warning") return [read(node)];
    }
    return WRAPPERS.has(node.name) ? rpcErrors(node) : [];
  });
}

function read(node: XmlElement): RpcError {
  const info = child(node, "error-info");
  const inInfo = (name: string) => (info === undefined ? undefined : childText(info, name));
  const either = (name: string) => childText(node, name) ?? inInfo(name);
  const severity = childText(node, "error-severity") ?? (node.name === "warning" ? "warning" : "error");
  const statement = either("statement") ?? "";
  const path = childText(node, "error-path") ?? either("edit-path") ?? "";
  const bad = either("bad-element") ?? either("bad-attribute") ?? either("token") ?? statement;
  return {
    tag: childText(node, "error-tag") ?? "",
    appTag: childText(node, "error-app-tag") ?? "",
    severity: severity === "warning" ? "warning" : "error",
    message: oneLine(childText(node, "error-message") ?? childText(node, "message") ?? ""),
    path: oneLine(path),
    bad: oneLine(bad),
    line: either("line-number") ?? "",
    sessionId: inInfo("session-id"),
  };
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim();

/**
 * True when a delete found nothing to delete: data-missing (RFC 6241 section 7.2), or Junos's "statement not found".
 * data-missing also stands for a mandatory node that is not there (RFC 7950 section 15); that is another matter.
 */
export function isMissing(error: RpcError): boolean {
  if (/statement not found/i.test(error.message)) return true;
  return error.tag === "data-missing" && !["instance-required", "missing-choice"].includes(error.appTag);
}

const LOADS = new Set(["edit-config", "load-configuration", "copy-config"]);
const COMMITS = new Set(["commit", "commit-configuration", "validate"]);

/** The typed error of an operation that was answered with these errors. The first one is reported, the rest counted. */
export function operationError(
  operation: string,
  errors: readonly [RpcError, ...RpcError[]],
  device: string,
): SignalboxError {
  const [first] = errors;
  const passing = passingReason(errors.map(complaint));
  if (passing !== undefined) {
    const { condition, index } = passing;
    const told = errors[index] ?? first;
    const message =
      condition.code === "SB_LOCK_DENIED" ? lockHolder(told) : `${condition.name}, at ${operation}: ${describe(told)}`;
    return new SignalboxError(condition.code, `${device}: ${message}`, { device, advice: condition.advice });
  }
  const code: ErrorCode = LOADS.has(operation)
    ? "SB_LOAD_REJECTED"
    : COMMITS.has(operation)
      ? "SB_COMMIT_REJECTED"
      : "SB_RPC_FAILED";
  const { statement } = complaint(first);
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more errors)` : "";
  return new SignalboxError(code, `${device} rejects ${operation}: ${describe(first)}${more}`, {
    device,
    ...(statement === "" ? {} : { statement }),
    ...(isForbidden(first) ? { advice: FORBIDDEN_ADVICE } : {}),
  });
}

const FORBIDDEN_ADVICE =
  "Give the login's class on the device the permission (`system login class`), or let the edge_router use another login, then retry.";

/** The account may not do it. That does not pass by itself, and is not the fault of the configuration. */
function isForbidden({ tag, message }: RpcError): boolean {
  return (
    tag === "access-denied" || /permission denied|not authori[sz]ed|authori[sz]ation (?:failed|denied)/i.test(message)
  );
}

/** One line: the message, and line, token and path where the device says them. */
export function describe(error: RpcError): string {
  const parts = [error.message === "" ? error.tag || "error without a message" : error.message];
  if (error.line !== "") parts.push(`line ${error.line}`);
  if (error.bad !== "" && !error.message.includes(error.bad)) parts.push(`at "${error.bad}"`);
  if (error.path !== "" && !error.message.includes(error.path)) parts.push(`in ${error.path}`);
  return parts.join(", ");
}

function complaint(error: RpcError): Said & { statement: string } {
  const { message, tag, appTag, path, bad } = error;
  return { message, tag, appTag, statement: [path, bad].filter((part) => part !== "").join(" ") };
}

function lockHolder(error: RpcError): string {
  const user = /locked by:?\s*(?:user\s+)?(\S+)/i.exec(error.message)?.[1];
  const pid = /\(pid (\d+)\)/.exec(error.message)?.[1];
  const known = error.sessionId !== undefined && error.sessionId !== "0";
  const holder = known ? `session ${error.sessionId}` : pid === undefined ? undefined : `process ${pid}`;
  if (holder === undefined) return `lock denied: ${error.message === "" ? error.tag : error.message}`;
  const who = user === undefined || /^session$/i.test(user) ? "" : ` (user ${user})`;
  return `lock held by ${holder}${who}`;
}

/** The errors of severity error. */
export function failures(errors: readonly RpcError[]): RpcError[] {
  return errors.filter(({ severity }) => severity === "error");
}
