import {
  type ConfigNode,
  childNode,
  childNodes,
  identityText,
  sameIdentity,
  withChild,
  withoutChildren,
} from "./config-node.ts";

/** A part of an applied group that matches a node of the configuration. */
interface Source {
  readonly group: string;
  readonly node: ConfigNode;
}

/** By configuration: trees are never changed, and each one is checked, committed and looked at. */
const known = new WeakMap<ConfigNode, ConfigNode>();

/** The configuration that is in effect: groups applied, what is inactive left out, group definitions gone. */
export function effectiveConfiguration(root: ConfigNode): ConfigNode {
  const effective = known.get(root) ?? withGroups(root);
  known.set(root, effective);
  return effective;
}

function withGroups(root: ConfigNode): ConfigNode {
  const groups = new Map(
    childNodes(root, "groups")
      .filter((group) => !group.inactive)
      .map((group) => [group.value, group]),
  );
  return resolve(
    withoutChildren(root, (child) => child.name === "groups"),
    [],
    groups,
    [],
  );
}

/** @param above parts of the groups applied above that match this node, nearest first */
function resolve(
  node: ConfigNode,
  above: readonly Source[],
  groups: ReadonlyMap<string, ConfigNode>,
  path: readonly ConfigNode[],
): ConfigNode {
  const own = childNodes(node, "apply-groups").flatMap((applied): Source[] => {
    const group = groups.get(applied.value);
    const start: Source[] = group && !applied.inactive ? [{ group: applied.value, node: group }] : [];
    return path.reduce((at, child) => matchingParts(at, child), start);
  });
  const except = new Set(childNodes(node, "apply-groups-except").map((each) => each.value));
  const sources = [...own, ...above.filter((source) => !except.has(source.group))];
  if (sources.length === 0 && !node.children.some((child) => child.inactive || child.children.length > 0)) return node;
  let merged = withoutChildren(node, (child) => child.inactive);
  for (const source of sources) {
    for (const child of source.node.children) {
      if (!isWildcard(child) && child.name !== "apply-groups" && !child.inactive) merged = inherit(merged, child);
    }
  }
  const children = merged.children.map((child) =>
    child.children.length === 0 && sources.length === 0
      ? child
      : resolve(child, matchingParts(sources, child), groups, [...path, child]),
  );
  return { ...merged, children };
}

/** Adds a statement of a group unless the node has its own; list entries and containers are filled on the way down. */
function inherit(node: ConfigNode, child: ConfigNode): ConfigNode {
  if (childNode(node, child.name, child.statement.kind === "leaf" ? undefined : child.value)) return node;
  // A list of values that is configured here hides the group's.
  if (child.statement.kind === "leaf-list" && node.children.some((each) => each.name === child.name && ownList(each))) {
    return node;
  }
  const bare: ConfigNode = { ...child, children: [] };
  inherited.add(bare);
  return withChild(node, bare);
}

/** Nodes that came from a group in the resolution under way. */
const inherited = new WeakSet<ConfigNode>();
const ownList = (node: ConfigNode): boolean => !inherited.has(node);

const isWildcard = (node: ConfigNode): boolean => /^<.*>$/.test(node.value);

/** Does the group's node stand for this one? `<*>` matches every name, `<ge-*>` those that begin so. */
function matchesNode(pattern: ConfigNode, node: ConfigNode): boolean {
  if (pattern.name !== node.name) return false;
  if (!isWildcard(pattern)) return sameIdentity(pattern, node);
  const glob = pattern.value.slice(1, -1).replace(/[.+^${}()|\\]/g, "\\$&");
  return new RegExp(`^${glob.replaceAll("*", ".*").replaceAll("?", ".")}$`).test(node.value);
}

function matchingParts(sources: readonly Source[], child: ConfigNode): Source[] {
  return sources.flatMap(({ group, node }) =>
    node.children.filter((each) => matchesNode(each, child)).map((each) => ({ group, node: each })),
  );
}

/** The names of applied groups that are not defined, each with the path at which it is applied. */
export function undefinedGroups(root: ConfigNode): Array<{ group: string; path: readonly ConfigNode[] }> {
  const defined = new Set(childNodes(root, "groups").map(identityText));
  const found: Array<{ group: string; path: readonly ConfigNode[] }> = [];
  const walk = (node: ConfigNode, path: readonly ConfigNode[]) => {
    for (const child of node.children) {
      if (child.name === "apply-groups" && !child.inactive) {
        if (!defined.has(`groups ${JSON.stringify(child.value)}`)) found.push({ group: child.value, path });
      } else if (child.children.length > 0) walk(child, [...path, child]);
    }
  };
  walk(root, []);
  return found;
}
