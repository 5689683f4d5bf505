import { child, childText, element, type XmlElement } from "../../xml/element.ts";
import { compareSet, compareText } from "./compare-text.ts";
import { type ConfigNode, childNode } from "./config-node.ts";
import { renderXml } from "./config-xml.ts";
import type { ConfigurationDatabase, Editor } from "./configuration-database.ts";
import { applyText, renderChildren } from "./curly-text.ts";
import { applyXml, type DefaultOperation, EditFailure } from "./edit-xml.ts";
import type { LabNetwork, NetworkMember } from "./lab-network.ts";
import { bgpReply, firewallReply, interfaceReply, vrrpReply } from "./operational-replies.ts";
import type { FaultBox } from "./router-faults.ts";
import type { RouterTimings } from "./router-timings.ts";
import { type RpcErrorFields, type RpcFailure, rpcErrorElement, rpcFailure } from "./rpc-failure.ts";
import { applySet, type EditResult, renderSet } from "./set-lines.ts";
import { selectSubtree } from "./subtree-filter.ts";

export const BASE_NAMESPACE = "urn:ietf:params:xml:ns:netconf:base:1.0";
const CONFIGURATION_NAMESPACE = "http://xml.juniper.net/xnm/1.1/xnm";

/** What an operation works on. */
export interface OperationContext {
  readonly database: ConfigurationDatabase;
  readonly faults: FaultBox;
  readonly timings: RouterTimings;
  readonly network: LabNetwork;
  readonly member: NetworkMember;
  readonly editor: Editor;
  readonly hostName: string;
  /** Length of a second of a confirm timeout, milliseconds. */
  readonly secondMs: number;
  /** A load that fails keeps the sections before the one that failed. */
  readonly partialLoad: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** How long the router has been running, milliseconds. */
  readonly uptimeMs: () => number;
  /** Waits; rejects when the router is stopped. */
  readonly pause: (ms: number) => Promise<void>;
  /** One commit at a time. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
  /** Ends another session; false when there is none of that id. */
  readonly kill: (sessionId: number) => boolean;
}

/** What stands in the rpc-reply; `close`: the session ends after it. */
export interface OperationReply {
  readonly content: readonly XmlElement[];
  readonly close?: boolean;
}

type Operation = (rpc: XmlElement, context: OperationContext) => Promise<OperationReply>;

const part = (name: string, content: string | readonly XmlElement[] = "") => element(name, content, {}, BASE_NAMESPACE);
const ok: OperationReply = { content: [part("ok")] };
const warningsOf = (warnings: readonly RpcErrorFields[]) =>
  warnings.map((warning) => rpcErrorElement(warning, BASE_NAMESPACE));

/**
 * The names by which faults know an RPC: that of the operation, `load` for all that changes the candidate, `commit`
 * for every commit, `commit-confirmed` or `confirm` for the two halves of a confirmed one, and `rollback` for loading an
 * earlier configuration.
 */
export function rpcLabels(operation: XmlElement, confirmationPending: boolean): ReadonlySet<string> {
  const labels = new Set([operation.name]);
  if (operation.name === "edit-config" || operation.name === "load-configuration") labels.add("load");
  if (operation.name === "load-configuration" && operation.attributes["rollback"] !== undefined) labels.add("rollback");
  if (operation.name === "commit" || (operation.name === "commit-configuration" && !child(operation, "check"))) {
    labels.add("commit");
    if (child(operation, "confirmed")) labels.add("commit-confirmed");
    else if (confirmationPending) labels.add("confirm");
  }
  return labels;
}

/**
 * Executes one operation.
 * @throws RpcFailure with what the rpc-reply has to say
 */
export async function executeOperation(rpc: XmlElement, context: OperationContext): Promise<OperationReply> {
  const operation = operations.get(rpc.name);
  if (!operation) {
    throw rpcFailure("operation-not-supported", `syntax error, expecting <rpc>: ${rpc.name}`, { badElement: rpc.name });
  }
  return operation(rpc, context);
}

const lock: Operation = async (rpc, context) => {
  onlyCandidate(rpc);
  await context.pause(context.timings.lockMs);
  context.database.lock(context.editor);
  return ok;
};

const unlock: Operation = async (rpc, context) => {
  onlyCandidate(rpc);
  await context.pause(context.timings.unlockMs);
  context.database.unlock(context.editor);
  return ok;
};

function onlyCandidate(rpc: XmlElement): void {
  const target = child(rpc, "target")?.children[0]?.name ?? "candidate";
  if (target !== "candidate") {
    throw rpcFailure("operation-not-supported", `the ${target} datastore cannot be changed here`, {
      badElement: target,
    });
  }
}

const discard: Operation = async (_rpc, context) => {
  await context.pause(context.timings.discardMs);
  context.database.discard(context.editor);
  return ok;
};

const editConfig: Operation = async (rpc, context) => {
  onlyCandidate(rpc);
  const config = child(rpc, "config") && configurationIn(child(rpc, "config"));
  const text = child(rpc, "config-text");
  if (!config && !text) throw rpcFailure("missing-element", "no configuration given", { badElement: "config" });
  const operation = (childText(rpc, "default-operation") ?? "merge") as DefaultOperation;
  if (!["merge", "replace", "none"].includes(operation)) {
    throw rpcFailure("invalid-value", `invalid default-operation '${operation}'`, { badElement: "default-operation" });
  }
  const testOnly = childText(rpc, "test-option") === "test-only";
  await context.pause(context.timings.loadMs);
  const change = (tree: ConfigNode): EditResult =>
    config ? applyXml(tree, config, operation) : applyText(tree, textOf(text));
  const { warnings } = load(context, testOnly ? (tree) => ({ ...change(tree), tree }) : change);
  return { content: [...warningsOf(warnings), part("ok")] };
};

/** The `<configuration>` in a `<config>`; some clients leave one of the two out. */
function configurationIn(config: XmlElement | undefined): XmlElement | undefined {
  return config && (child(config, "configuration") ?? config);
}

const textOf = (holder: XmlElement | undefined): string =>
  holder?.text || holder?.children.map((each) => each.text).join("\n") || "";

const loadConfiguration: Operation = async (rpc, context) => {
  await context.pause(context.timings.loadMs);
  const { rollback, action, format } = rpc.attributes;
  let change: (tree: ConfigNode) => EditResult;
  if (rollback !== undefined) {
    const target = context.database.rollback(Number(rollback));
    change = () => ({ tree: target, warnings: [] });
  } else if (action === "set" || format === "set") {
    const text = textOf(child(rpc, "configuration-set"));
    change = (tree) => applySet(tree, text);
  } else if (format === "text" || child(rpc, "configuration-text")) {
    const text = textOf(child(rpc, "configuration-text"));
    change = (tree) => applyText(action === "override" || action === "update" ? emptied(tree) : tree, text);
  } else {
    const config = child(rpc, "configuration");
    if (!config) throw rpcFailure("missing-element", "no configuration given", { badElement: "configuration" });
    const whole = action === "override" || action === "update";
    change = (tree) => applyXml(tree, config, whole ? "replace" : "merge");
  }
  const { warnings } = load(context, change);
  return { content: [part("load-configuration-results", [...warningsOf(warnings), part("ok")])] };
};

const emptied = (tree: ConfigNode): ConfigNode => ({ ...tree, children: [] });

/** Changes the candidate, unless a fault is set for one of the statements that change. */
function load(context: OperationContext, change: (tree: ConfigNode) => EditResult): EditResult {
  const { database, editor, faults } = context;
  try {
    return database.edit(editor, (tree) => {
      const result = change(tree);
      if (faults.active("reject").length > 0) {
        const lines = compareSet(tree, result.tree);
        const struck = faults.strike("reject", (fault) => fault.at === "load" && mentions(lines, fault.statement));
        if (struck) throw rejection(lines, struck.statement);
      }
      return result;
    });
  } catch (error) {
    if (error instanceof EditFailure && context.partialLoad) {
      database.edit(editor, () => ({ tree: error.partial, warnings: [] }));
    }
    throw error;
  }
}

const mentions = (lines: readonly string[], text: string): boolean => lines.some((line) => line.includes(text));

function rejection(lines: readonly string[], text: string): RpcFailure {
  const line = lines.find((each) => each.includes(text)) ?? text;
  const words = line.split(" ").slice(1);
  return rpcFailure("operation-failed", `syntax error: ${text}`, {
    path: `[edit ${words.slice(0, -1).join(" ")}]`,
    badElement: text,
  });
}

const validate: Operation = async (_rpc, context) => {
  await context.pause(context.timings.validateMs);
  check(context);
  return ok;
};

function check(context: OperationContext): void {
  const { database, faults } = context;
  let more: RpcErrorFields[] = [];
  if (faults.active("reject").length > 0) {
    const lines = compareSet(database.running, database.candidate);
    const struck = faults.strike("reject", (fault) => fault.at === "commit" && mentions(lines, fault.statement));
    if (struck) {
      const [first] = rejection(lines, struck.statement).errors;
      more = first ? [{ ...first, message: `statement rejected: ${struck.statement}` }] : [];
    }
  }
  database.check(more);
}

const commit: Operation = (rpc, context) => {
  const timeout = childText(rpc, "confirm-timeout");
  const confirmed = child(rpc, "confirmed") !== undefined;
  return commitCandidate(context, childText(rpc, "log") ?? "", confirmed ? Number(timeout ?? "600") : undefined);
};

/** Junos' own: the confirm timeout counts minutes, and a log can be given. */
const commitConfiguration: Operation = async (rpc, context) => {
  if (child(rpc, "check")) {
    await context.pause(context.timings.validateMs);
    check(context);
    return { content: [part("commit-results", [part("ok")])] };
  }
  const confirmed = child(rpc, "confirmed") !== undefined;
  const minutes = Number(childText(rpc, "confirm-timeout") ?? "10");
  await commitCandidate(context, childText(rpc, "log") ?? "", confirmed ? minutes * 60 : undefined);
  return { content: [part("commit-results", [part("ok")])] };
};

async function commitCandidate(
  context: OperationContext,
  log: string,
  confirmSeconds: number | undefined,
): Promise<OperationReply> {
  const { database, editor, faults } = context;
  if (confirmSeconds !== undefined && !(confirmSeconds > 0)) {
    throw rpcFailure("invalid-value", "invalid confirm-timeout", { badElement: "confirm-timeout" });
  }
  return context.exclusively(async () => {
    try {
      database.mayCommit(editor);
      check(context);
    } catch (error) {
      database.statistics.commitsFailed++;
      throw error;
    }
    const tree = database.candidate;
    const quick = database.unchanged();
    const slow = quick ? 0 : (faults.strike("slowCommit")?.ms ?? 0);
    await context.pause((quick ? context.timings.confirmMs : context.timings.commitMs) + slow);
    if (faults.strike("diskFull")) {
      database.statistics.commitsFailed++;
      throw diskIsFull();
    }
    const within = confirmSeconds === undefined ? undefined : confirmSeconds * context.secondMs;
    database.commit(tree, { user: editor.user, client: "netconf", log }, within);
    if (faults.strike("diskFullAfterCommit")) throw diskIsFull();
    return ok;
  });
}

const diskIsFull = () => rpcFailure("operation-failed", "/config: write failed, filesystem is full");

const cancelCommit: Operation = async (_rpc, context) => {
  await context.pause(context.timings.commitMs);
  context.database.cancelPending();
  return ok;
};

const commitInformation: Operation = async (_rpc, context) => {
  await context.pause(context.timings.readMs);
  const entries = context.database.history.map((entry, index) =>
    part("commit-history", [
      part("sequence-number", String(index)),
      part("user", entry.user),
      part("client", entry.client),
      element(
        "date-time",
        `${new Date(entry.time).toISOString().replace("T", " ").slice(0, 19)} UTC`,
        {
          "junos:seconds": String(Math.floor(entry.time / 1000)),
        },
        BASE_NAMESPACE,
      ),
      ...(entry.log === "" ? [] : [part("log", entry.log)]),
      ...(entry.comment === "" ? [] : [part("comment", entry.comment)]),
    ]),
  );
  return { content: [part("commit-information", entries)] };
};

function configurationXml(tree: ConfigNode, context: OperationContext, filter: XmlElement | undefined): XmlElement {
  const [last] = context.database.history;
  const attributes: Record<string, string> =
    tree === context.database.running
      ? { "junos:commit-seconds": String(Math.floor((last?.time ?? 0) / 1000)), "junos:commit-user": last?.user ?? "" }
      : { "junos:changed-seconds": String(Math.floor(context.now() / 1000)) };
  const whole = element("configuration", renderXml(tree, CONFIGURATION_NAMESPACE), attributes, CONFIGURATION_NAMESPACE);
  return filter ? (selectSubtree(whole, filter) ?? { ...whole, children: [] }) : whole;
}

const getConfig: Operation = async (rpc, context) => {
  await context.pause(context.timings.readMs);
  const source = child(rpc, "source")?.children[0]?.name ?? "running";
  if (source !== "running" && source !== "candidate") {
    throw rpcFailure("invalid-value", `there is no ${source} datastore`, { badElement: source });
  }
  const filter = child(rpc, "filter");
  const wanted = filter && child(filter, "configuration");
  return { content: [part("data", [configurationXml(context.database[source], context, wanted)])] };
};

const getConfiguration: Operation = async (rpc, context) => {
  await context.pause(context.timings.readMs);
  const { database: source, format, compare, rollback } = rpc.attributes;
  const { database } = context;
  const tree = source === "committed" ? database.running : database.candidate;
  if (compare === "rollback") {
    const text = compareText(database.rollback(Number(rollback ?? "0")), tree);
    return { content: [part("configuration-information", [part("configuration-output", text)])] };
  }
  if (format === "text") return { content: [part("configuration-text", `${renderChildren(tree).join("\n")}\n`)] };
  if (format === "set") return { content: [part("configuration-set", `${renderSet(tree).join("\n")}\n`)] };
  return { content: [configurationXml(tree, context, child(rpc, "configuration"))] };
};

const read =
  (reply: (rpc: XmlElement, context: OperationContext) => XmlElement): Operation =>
  async (rpc, context) => {
    await context.pause(context.timings.readMs);
    return { content: [reply(rpc, context)] };
  };

const firewall = read((rpc, { member, uptimeMs }) => firewallReply(member.effective(), uptimeMs(), rpc));

const systemInformation = read((_rpc, { member, hostName }) =>
  part("system-information", [
    part("hardware-model", "vmx"),
    part("os-name", "junos"),
    part("os-version", "16.1R1.7"),
    part("host-name", childNode(childNode(member.effective(), "system"), "host-name")?.value ?? hostName),
  ]),
);

const killSession: Operation = async (rpc, context) => {
  const id = Number(childText(rpc, "session-id"));
  if (!context.kill(id)) throw rpcFailure("invalid-value", `there is no session ${id}`, { badElement: "session-id" });
  return ok;
};

const operations: ReadonlyMap<string, Operation> = new Map<string, Operation>([
  ["lock", lock],
  ["lock-configuration", lock],
  ["unlock", unlock],
  ["unlock-configuration", unlock],
  ["discard-changes", discard],
  ["edit-config", editConfig],
  ["load-configuration", loadConfiguration],
  ["validate", validate],
  ["commit", commit],
  ["commit-configuration", commitConfiguration],
  ["cancel-commit", cancelCommit],
  ["get-commit-information", commitInformation],
  ["get-config", getConfig],
  ["get-configuration", getConfiguration],
  ["get-vrrp-information", read((rpc, { network, member }) => vrrpReply(network.vrrp(member), rpc))],
  ["get-bgp-neighbor-information", read((rpc, { network, member }) => bgpReply(network.bgp(member), rpc))],
  ["get-interface-information", read((rpc, { network, member }) => interfaceReply(network.interfaces(member), rpc))],
  ["get-firewall-counter-information", firewall],
  ["get-firewall-filter-information", firewall],
  ["get-firewall-information", firewall],
  ["get-system-information", systemInformation],
  ["kill-session", killSession],
  ["close-session", async () => ({ ...ok, close: true })],
]);
