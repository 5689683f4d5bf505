import { element, type XmlElement } from "../../xml/element.ts";
import type { ConfigNode } from "./config-node.ts";
import { scramble } from "./secret-scramble.ts";

const XML_NAME = /^[A-Za-z_][A-Za-z0-9._-]*$/;

/**
 * Writes a tree as Junos XML: list entries with their key element first, repeated elements for lists of values,
 * empty elements for flags.
 * @param namespace of every element, "" for none
 */
export function renderXml(root: ConfigNode, namespace = ""): XmlElement[] {
  const make = (name: string, content: string | XmlElement[], node: ConfigNode) =>
    element(name, content, node.inactive ? { inactive: "inactive" } : {}, namespace);
  /** A word that is no XML name is the value or key of its statement, which is repeated for each of them. */
  const opaque = (node: ConfigNode): XmlElement[] => {
    const keys = node.children.filter((child) => !XML_NAME.test(child.name));
    const others = node.children.filter((child) => !keys.includes(child));
    return [
      ...(others.length > 0 || keys.length === 0 ? [make(node.name, others.flatMap(render), node)] : []),
      ...keys.map((key) => {
        const deactivated = key.inactive || node.inactive;
        const content =
          key.children.length === 0
            ? key.name
            : [element("name", key.name, {}, namespace), ...key.children.flatMap(render)];
        return make(node.name, content, { ...key, inactive: deactivated });
      }),
    ];
  };
  const render = (node: ConfigNode): XmlElement[] => {
    const { statement, name } = node;
    switch (statement.kind) {
      case "flag":
        return [make(name, "", node)];
      case "leaf":
      case "leaf-list": {
        const value = statement.secret ? scramble(node.value) : node.value;
        const inner = statement.valueElement;
        return [make(name, inner === undefined ? value : [element(inner, value, {}, namespace)], node)];
      }
      case "list": {
        const key = element(statement.key ?? "name", node.value, {}, namespace);
        return [make(name, [key, ...node.children.flatMap(render)], node)];
      }
      case "container":
        return [make(name, node.children.flatMap(render), node)];
      case "word":
        return opaque(node);
    }
  };
  return root.children.flatMap(render);
}
