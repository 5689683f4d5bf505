import { element, type XmlElement } from "../../xml/element.ts";
import { NETCONF_NAMESPACE } from "./hello.ts";

/** Builders of RFC 6241 operations. Elements without a namespace take that of what they stand in when they are sent. */
export type Datastore = "candidate" | "running";

const datastore = (role: "source" | "target", name: Datastore): XmlElement => element(role, [element(name)]);

export const lockOperation = (): XmlElement => element("lock", [datastore("target", "candidate")]);
export const unlockOperation = (): XmlElement => element("unlock", [datastore("target", "candidate")]);
export const discardOperation = (): XmlElement => element("discard-changes");
export const validateOperation = (): XmlElement => element("validate", [datastore("source", "candidate")]);
export const closeOperation = (): XmlElement => element("close-session");

export function getConfigOperation(source: Datastore, filter: XmlElement | undefined): XmlElement {
  const selection = filter === undefined ? [] : [element("filter", [filter], { type: "subtree" })];
  return element("get-config", [datastore("source", source), ...selection]);
}

export interface EditOptions {
  readonly defaultOperation: "merge" | "none";
  /** rollback-on-error where the device offers it: a failed load then leaves nothing behind. */
  readonly errorOption: "stop-on-error" | "rollback-on-error";
  /** How the `operation` attribute is written: qualified as RFC 6241 section 7.2 has it, or bare as Junos documents it. */
  readonly qualifiedOperation: boolean;
}

/** edit-config on the candidate. */
export function editOperation(configuration: XmlElement, options: EditOptions): XmlElement {
  const tree = options.qualifiedOperation ? qualifyOperations(configuration) : configuration;
  const declaration: Record<string, string> = options.qualifiedOperation ? { "xmlns:nc": NETCONF_NAMESPACE } : {};
  return element("edit-config", [
    datastore("target", "candidate"),
    element("default-operation", options.defaultOperation),
    element("error-option", options.errorOption),
    element("config", [tree], declaration),
  ]);
}

function qualifyOperations(node: XmlElement): XmlElement {
  const attributes = Object.fromEntries(
    Object.entries(node.attributes).map(([name, value]) => [name === "operation" ? "nc:operation" : name, value]),
  );
  return { ...node, attributes, children: node.children.map(qualifyOperations) };
}

/** Gives elements without a namespace that of their parent. */
export function inheritNamespace(node: XmlElement, inherited: string = NETCONF_NAMESPACE): XmlElement {
  const namespace = node.namespace === "" ? inherited : node.namespace;
  return { ...node, namespace, children: node.children.map((part) => inheritNamespace(part, namespace)) };
}
