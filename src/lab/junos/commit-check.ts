import { effectiveConfiguration, undefinedGroups } from "./apply-groups.ts";
import { asNumberOf, type ConfigNode, childNode, childNodes, editPath, leafValue, shownWords } from "./config-node.ts";
import { inSubnet, parseIpv4 } from "./ipv4-prefix.ts";
import type { RpcErrorFields } from "./rpc-failure.ts";

/** A statement with the words of the path that leads to it. */
interface Located {
  readonly node: ConfigNode;
  readonly path: readonly string[];
}

const below = (parent: Located, ...names: string[]): Located[] =>
  names.reduce<Located[]>(
    (at, name) =>
      at.flatMap((each) =>
        childNodes(each.node, name).map((node) => ({ node, path: [...each.path, ...shownWords(node)] })),
      ),
    [parent],
  );

function problem(at: readonly string[], statement: readonly string[], message: string): RpcErrorFields {
  return {
    tag: "operation-failed",
    type: "protocol",
    path: editPath(at),
    badElement: statement.join(" "),
    message,
  };
}

/** By candidate: a commit checks what was validated before it. */
const checked = new WeakMap<ConfigNode, readonly RpcErrorFields[]>();

/**
 * What the daemons say of a candidate at commit: statements that name what is not defined, and values that
 * contradict each other. Empty when it can be committed.
 */
export function checkConfiguration(candidate: ConfigNode): readonly RpcErrorFields[] {
  const found = checked.get(candidate) ?? check(candidate);
  checked.set(candidate, found);
  return found;
}

function check(candidate: ConfigNode): RpcErrorFields[] {
  const missingGroups = undefinedGroups(candidate).map(({ group, path }) =>
    problem(path.flatMap(shownWords), ["apply-groups", group], `group '${group}' is not defined`),
  );
  if (missingGroups.length > 0) return missingGroups;
  const root: Located = { node: effectiveConfiguration(candidate), path: [] };
  return [
    ...checkInterfaces(root),
    ...checkInstances(root),
    ...checkPolicies(root),
    ...checkFirewall(root),
    ...checkServices(root),
  ];
}

const names = (found: readonly Located[]): Set<string> => new Set(found.map((each) => each.node.value));

function filterNames(root: Located, family: string): Set<string> {
  return new Set([
    ...names(below(root, "firewall", "filter")),
    ...names(below(root, "firewall", "family", family, "filter")),
  ]);
}

function checkInterfaces(root: Located): RpcErrorFields[] {
  const errors: RpcErrorFields[] = [];
  const serviceSets = names(below(root, "services", "service-set"));
  for (const physical of below(root, "interfaces", "interface")) {
    const vlans = new Map<string, string>();
    for (const unit of below(physical, "unit")) {
      const vlan = leafValue(unit.node, "vlan-id");
      const other = vlan === undefined ? undefined : vlans.get(vlan);
      if (vlan !== undefined && other !== undefined) {
        errors.push(
          problem(
            unit.path,
            ["vlan-id", vlan],
            `duplicate VLAN-ID ${vlan} on interface ${physical.node.value} (unit ${other})`,
          ),
        );
      }
      if (vlan !== undefined) vlans.set(vlan, unit.node.value);
      for (const family of ["inet", "inet6"]) {
        for (const inet of below(unit, "family", family)) {
          const filters = filterNames(root, family);
          for (const direction of ["input", "output", "input-list", "output-list"]) {
            for (const used of below(inet, "filter", direction)) {
              if (filters.has(used.node.value)) continue;
              const message = `Referenced filter '${used.node.value}' is not defined`;
              errors.push(problem([...inet.path, "filter"], shownWords(used.node), message));
            }
          }
          for (const used of ["input", "output"].flatMap((way) => below(inet, "service", way, "service-set"))) {
            if (serviceSets.has(used.node.value)) continue;
            const message = `Referenced service-set '${used.node.value}' is not defined`;
            errors.push(problem(used.path.slice(0, -2), shownWords(used.node), message));
          }
          for (const address of below(inet, "address")) errors.push(...checkVrrp(address));
        }
      }
    }
  }
  return errors;
}

function checkVrrp(address: Located): RpcErrorFields[] {
  const subnet = parseIpv4(address.node.value);
  return below(address, "vrrp-group").flatMap((group) => {
    const virtuals = below(group, "virtual-address");
    if (virtuals.length === 0) {
      return [problem(address.path, shownWords(group.node), `vrrp-group ${group.node.value} has no virtual-address`)];
    }
    return virtuals.flatMap((virtual) => {
      const ip = parseIpv4(virtual.node.value);
      if (ip && subnet && inSubnet(ip, subnet)) return [];
      const message = `virtual address ${virtual.node.value} does not share the subnet of interface address ${address.node.value}`;
      return [problem(group.path, shownWords(virtual.node), message)];
    });
  });
}

function checkInstances(root: Located): RpcErrorFields[] {
  const errors: RpcErrorFields[] = [];
  const policies = names(below(root, "policy-options", "policy-statement"));
  const mainAs = asNumberOf(childNode(root.node, "routing-options"), "autonomous-system");
  const owners = new Map<string, string>();
  for (const instance of below(root, "routing-instances", "instance")) {
    for (const port of below(instance, "interface")) {
      const owner = owners.get(port.node.value);
      if (owner !== undefined) {
        const message = `RT Instance: Interface ${port.node.value} already configured under instance ${owner}`;
        errors.push(problem(instance.path, shownWords(port.node), message));
      }
      owners.set(port.node.value, instance.node.value);
    }
    const ownAs = asNumberOf(childNode(instance.node, "routing-options"), "autonomous-system");
    for (const options of below(instance, "routing-options")) {
      for (const used of ["instance-import", "instance-export"].flatMap((name) => below(options, name))) {
        if (policies.has(used.node.value)) continue;
        const message = `Policy error: Policy ${used.node.value} referenced but not defined`;
        errors.push(problem(options.path, shownWords(used.node), message));
      }
    }
    errors.push(...checkBgp(instance, policies, ownAs ?? mainAs));
  }
  errors.push(...checkBgp(root, policies, mainAs));
  return errors;
}

function checkBgp(instance: Located, policies: ReadonlySet<string>, localAs: string | undefined): RpcErrorFields[] {
  const errors: RpcErrorFields[] = [];
  const checkPolicyNames = (at: Located) => {
    for (const used of [...below(at, "import"), ...below(at, "export")]) {
      if (policies.has(used.node.value)) continue;
      const message = `Policy error: Policy ${used.node.value} referenced but not defined`;
      errors.push(problem(at.path, shownWords(used.node), message));
    }
  };
  for (const bgp of below(instance, "protocols", "bgp")) {
    checkPolicyNames(bgp);
    for (const group of below(bgp, "group")) {
      checkPolicyNames(group);
      for (const neighbor of below(group, "neighbor")) {
        checkPolicyNames(neighbor);
        const inherit = (name: string) =>
          [neighbor, group, bgp].map((each) => leafValue(each.node, name)).find((value) => value !== undefined);
        const where = `Error in neighbor ${neighbor.node.value} of group ${group.node.value}`;
        const internal =
          inherit("type") === "internal" || (inherit("type") === undefined && inherit("peer-as") === localAs);
        if (!internal && inherit("peer-as") === undefined) {
          const message = `${where}: peer AS number must be configured for an external peer`;
          errors.push(problem(group.path, shownWords(neighbor.node), message));
        }
        const ownAs = [neighbor, group, bgp].some((each) => asNumberOf(each.node, "local-as") !== undefined);
        if (localAs === undefined && !ownAs) {
          const message = `${where}: local AS number must be configured`;
          errors.push(problem(group.path, shownWords(neighbor.node), message));
        }
      }
    }
  }
  return errors;
}

function checkPolicies(root: Located): RpcErrorFields[] {
  const errors: RpcErrorFields[] = [];
  const policies = names(below(root, "policy-options", "policy-statement"));
  const prefixLists = names(below(root, "policy-options", "prefix-list"));
  for (const policy of below(root, "policy-options", "policy-statement")) {
    for (const term of [policy, ...below(policy, "term")]) {
      for (const used of below(term, "from", "policy")) {
        // A policy may be an expression: (A && B).
        if (policies.has(used.node.value) || /[()&|!\s]/.test(used.node.value)) continue;
        const message = `Policy error: Policy ${used.node.value} referenced but not defined`;
        errors.push(problem(term.path, ["from", ...shownWords(used.node)], message));
      }
      for (const used of below(term, "from", "prefix-list")) {
        if (prefixLists.has(used.node.value)) continue;
        const message = `Policy error: prefix-list ${used.node.value} referenced but not defined`;
        errors.push(problem(term.path, ["from", ...shownWords(used.node)], message));
      }
    }
  }
  return errors;
}

function checkFirewall(root: Located): RpcErrorFields[] {
  const errors: RpcErrorFields[] = [];
  const prefixLists = names(below(root, "policy-options", "prefix-list"));
  const policers = names(below(root, "firewall", "policer"));
  const colored = names(below(root, "firewall", "three-color-policer"));
  const refer = (term: Located, used: Located, known: ReadonlySet<string>, what: string) => {
    if (known.has(used.node.value)) return;
    const statement = used.path.slice(term.path.length);
    errors.push(problem(term.path, statement, `Referenced ${what} '${used.node.value}' is not defined`));
  };
  const filters = [
    ...below(root, "firewall", "filter"),
    ...below(root, "firewall", "family", "inet", "filter"),
    ...below(root, "firewall", "family", "inet6", "filter"),
  ];
  for (const filter of filters) {
    for (const term of below(filter, "term")) {
      for (const name of ["source-prefix-list", "destination-prefix-list", "prefix-list"]) {
        for (const used of below(term, "from", name)) refer(term, used, prefixLists, "prefix-list");
      }
      for (const used of below(term, "then", "policer")) refer(term, used, policers, "policer");
      for (const rate of ["single-rate", "two-rate"]) {
        for (const used of below(term, "then", "three-color-policer", rate)) {
          refer(term, used, colored, "three-color-policer");
        }
      }
    }
  }
  return errors;
}

function checkServices(root: Located): RpcErrorFields[] {
  const errors: RpcErrorFields[] = [];
  const rules = names(below(root, "services", "nat", "rule"));
  const pools = names(below(root, "services", "nat", "pool"));
  for (const set of below(root, "services", "service-set")) {
    for (const used of below(set, "nat-rules")) {
      if (rules.has(used.node.value)) continue;
      errors.push(problem(set.path, shownWords(used.node), `Referenced NAT rule '${used.node.value}' is not defined`));
    }
  }
  for (const term of below(root, "services", "nat", "rule", "term")) {
    const translated = childNode(childNode(term.node, "then"), "translated");
    for (const name of ["source-pool", "destination-pool"]) {
      const pool = leafValue(translated, name);
      if (pool === undefined || pools.has(pool)) continue;
      errors.push(
        problem([...term.path, "then", "translated"], [name, pool], `Referenced NAT pool '${pool}' is not defined`),
      );
    }
  }
  return errors;
}
