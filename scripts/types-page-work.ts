import type { TypeFile } from "../src/catalogue/type-file.ts";

type Handlers = NonNullable<TypeFile["handlers"]>;
type Handler = Handlers[string];

const watched: Readonly<Record<string, string>> = {
  snmp_uptime: "answers SNMP",
  snmp_interface: "interface is up, by SNMP",
  vrrp_session: "VRRP group is in its state, by NETCONF",
  bgp_session: "BGP session is established, by NETCONF",
  resource_status: "another resource is up",
  contrail_uve: "the controller's analytics know it",
};

/** What a type does besides having fields: on devices, in monitoring, with numbers, with other resources. One line each. */
export function workLines(file: TypeFile, files: readonly TypeFile[]): string[] {
  const handlers = Object.entries(file.handlers ?? {});
  const heat = handlers.filter(([, { handler }]) => handler === "heat_worker");
  const monitoring = handlers.filter(([, { handler }]) => handler === "monitoring_worker");
  return [
    `**On devices:** ${heat.length === 0 ? "nothing." : `${chosen(file.stack, heat)}${heat.map(onDevices).join(" ")}`}`,
    `**Monitors:** ${monitoring.length === 0 ? "nothing." : `${chosen(file.monitoring, monitoring)}${monitoring.map(monitors).join(" ")}`}`,
    ...allocations(file),
    ...dependents(file),
    ...changes(file),
    ...checks(file),
    ...referrers(file, files),
  ];
}

/** When there is a choice, the expression that makes it. */
function chosen(expression: string | undefined, handlers: ReadonlyArray<[string, Handler]>): string {
  if (expression === undefined || expression === `=${handlers[0]?.[0]}`) return "";
  return `by \`${expression}\`: `;
}

function onDevices([name, { routers, objects = [] }]: [string, Handler]): string {
  const parts = [
    ...(routers === undefined
      ? []
      : [
          `the configuration of \`${routers.file}\` on both routers of a pair${routers.in_turn === true ? ", the primary first" : ""}`,
        ]),
    ...objects.map(({ action, kind, each }) => {
      const many = each === undefined ? "" : ` for each of \`${each}\``;
      if (action === "find") return `needs the controller's ${kind}`;
      return action === "reference"
        ? `a reference between objects of the controller${many}`
        : `the controller's ${kind}${many}`;
    }),
  ];
  return `\`${name}\`: ${parts.length === 0 ? "nothing" : parts.join("; ")}.`;
}

function monitors([name, { targets = [] }]: [string, Handler]): string {
  const parts = targets.map(({ name: target, kind, each, when }) => {
    const condition = when === undefined ? "" : `, when \`${when}\``;
    const many = each === undefined ? "" : ` for each of \`${each}\``;
    return `\`${target}\` (${kind}: ${watched[kind] ?? kind}${many}${condition})`;
  });
  return `\`${name}\`: ${parts.length === 0 ? "nothing" : parts.join(", ")}.`;
}

function allocations(file: TypeFile): string[] {
  const owned = Object.entries(file.pools ?? {}).map(([name, { bitmap, size, first = 0, addresses }]) => {
    const numbers = size === undefined ? `the addresses of \`${addresses}\`` : `${size} numbers from ${first} on`;
    return `owns the pool \`${name}\`: ${numbers}, in \`${bitmap}\``;
  });
  const claimed = Object.entries(file.derive ?? {}).flatMap(([field, rule]) => {
    if (typeof rule !== "object" || rule === null || !("claim" in rule)) return [];
    const { claim, of } = rule as { claim: string; of: string };
    return [`takes \`${field}\` from the pool \`${claim}\` of \`${of}\``];
  });
  const all = [...owned, ...claimed];
  return all.length === 0 ? [] : [`**Allocations:** ${all.join("; ")}.`];
}

function dependents(file: TypeFile): string[] {
  const made = (file.dependents ?? []).map(({ as, type, before, status }) => {
    const how = [...(before === true ? ["before it"] : []), ...(status === undefined ? [] : [`at once ${status}`])];
    return `${link(type)} (\`${as}\`${how.length === 0 ? "" : `, ${how.join(", ")}`})`;
  });
  return made.length === 0 ? [] : [`**Made along with it:** ${made.join(", ")}.`];
}

function changes(file: TypeFile): string[] {
  const made = (file.changes ?? []).map(({ target, type, when, set, on_delete: onDelete }) => {
    const fields = Object.keys(set).map((field) => `\`${field}\``);
    const back = onDelete === undefined ? "" : ", and back when it is deleted";
    return `${fields.join(", ")} of the ${link(type)} \`${target}\`, ${when === "create" ? "when it is created" : "when it is complete"}${back}`;
  });
  return made.length === 0 ? [] : [`**Changes others:** ${made.join("; ")}.`];
}

function checks(file: TypeFile): string[] {
  const names = (fields: readonly string[]) => fields.map((field) => `\`${field}\``).join(", ");
  const made = (file.checks ?? []).map(({ when, require = [], forbid = [], distinct = [] }) => {
    const rules = [
      ...(require.length === 0 ? [] : [`needs ${names(require)}`]),
      ...(forbid.length === 0 ? [] : [`has no ${names(forbid)}`]),
      ...(distinct.length === 0 ? [] : [`${names(distinct)} are different`]),
    ];
    return `${when === undefined ? "" : `with \`${when.field}\` ${when.equals} `}${rules.join(" and ")}`;
  });
  return made.length === 0 ? [] : [`**Rules:** ${made.join("; ")}.`];
}

function referrers(file: TypeFile, files: readonly TypeFile[]): string[] {
  const found = files.filter((other) => JSON.stringify(other.fields).match(`"(relation|refers_to)":"${file.type}"`));
  return found.length === 0 ? [] : [`**Named by:** ${found.map(({ type }) => link(type)).join(", ")}.`];
}

function link(type: string): string {
  return `[${type}](#${type})`;
}
