import { checkRights } from "./check-rights.ts";
import type { Expression } from "./expression.ts";
import type { FieldSchema } from "./field-schema.ts";
import { isFilter } from "./fill-params.ts";
import { isFunction } from "./functions.ts";
import type { Locate } from "./load-catalogue.ts";
import type { ClaimRule, HandlerTemplate, TypeDefinition, ValueTree } from "./type-definition.ts";

type Types = ReadonlyMap<string, TypeDefinition>;
type Path = readonly (string | number)[];
type Target = HandlerTemplate["targets"][number];
/** Dependents that an expression may name: those that are made, and those of which only the id is known. */
type Aliases = ReadonlyMap<string, "made" | "id">;
const none: Aliases = new Map();

/** How the routers of a pair are reached: parameters that the worker reads of every handler with router configuration. */
const ROUTER_PARAMS = ["primary", "secondary"].flatMap((role) =>
  ["ip", "port", "username", "password"].map((name) => `${role}_device_${name}`),
);

const LOGIN = ["host", "port", "username", "password"];

/** What the probe of each kind of target reads (src/actors/monitoring). */
const TARGET_SETTINGS: Readonly<Record<Target["kind"], readonly string[]>> = {
  snmp_uptime: ["device", "community"],
  snmp_interface: ["device", "community", "interface"],
  vrrp_session: [...LOGIN, "interface", "group", "want"],
  bgp_session: [...LOGIN, "peer", "instance"],
  igs_counter: [...LOGIN, "filter", "counter"],
  resource_status: ["type", "id"],
  contrail_uve: ["kind", "fq_name"],
};

/**
 * Checks what a type says about others: relations that lead somewhere, fields that exist, parameters that are declared.
 * @returns one line for each mistake: `file:line: cause`
 */
export function checkTypes(type: TypeDefinition, types: Types, locate: Locate): string[] {
  const checker = new TypeChecker(type, types, locate);
  checker.run();
  return checker.mistakes;
}

class TypeChecker {
  readonly mistakes: string[] = [];
  private readonly type: TypeDefinition;
  private readonly types: Types;
  private readonly locate: Locate;

  constructor(type: TypeDefinition, types: Types, locate: Locate) {
    this.type = type;
    this.types = types;
    this.locate = locate;
  }

  run(): void {
    const { type } = this;
    if (type.parent !== undefined) this.known(type.parent, ["parent"]);
    for (const [name, field] of Object.entries(type.fields)) {
      this.field(field, ["fields", name]);
    }
    for (const { path, what } of checkRights(type, this.types)) this.mistake(path, what);
    for (const [name, { conditions }] of type.belonging)
      conditions.forEach(({ value, kind, wanted }, at) => {
        const path = ["fields", name, "belongs_to", at];
        if (value !== undefined) this.knownNow(value, [...path, "value"], none, false);
        this.knownNow(wanted, [...path, kind], none, false);
      });
    for (const step of type.derive) {
      this.fieldExists(step.field, ["derive", step.field]);
      if (step.kind === "value") this.tree(step.value, ["derive", step.field], this.coming());
      else this.claim(step.field, step.claim);
    }
    this.pools();
    this.dependents();
    type.changes.forEach((rule, at) => {
      this.expression(rule.target, ["changes", at, "target"], none);
      const target = this.known(rule.type, ["changes", at, "type"]);
      for (const [where, values] of [
        ["set", rule.set],
        ["on_delete", rule.onDelete ?? {}],
      ] as const) {
        for (const [field, value] of Object.entries(values)) {
          const path = ["changes", at, where, field];
          if (target && !(field in target.fields)) this.mistake(path, `${rule.type} has no field ${field}`);
          this.tree(value, path, none);
        }
      }
    });
    type.uniqueTogether.forEach((fields, at) => {
      for (const field of fields) this.fieldExists(field, ["unique_together", at]);
    });
    type.constraints.forEach(([field, { value, kind, wanted }], at) => {
      const path = ["constraints", at];
      this.fieldExists(field.split(".")[0] ?? "", [...path, "field"]);
      if (value !== undefined) this.knownNow(value, [...path, "value"], none, false);
      this.knownNow(wanted, [...path, kind], none, false);
    });
    if (type.noOverlap !== undefined) {
      this.fieldExists(type.noOverlap.field, ["no_overlap", "field"]);
      if (this.fieldOf(type, type.noOverlap.within, ["no_overlap", "within"])?.relation === undefined)
        this.mistake(["no_overlap", "within"], `${type.noOverlap.within} is no relation`);
    }
    type.uniqueAmong.forEach((fields, at) => {
      for (const field of fields) {
        const schema = this.fieldOf(type, field, ["unique_among", at]);
        if (schema !== undefined && schema.unique !== true)
          this.mistake(["unique_among", at], `${field} is not unique by itself`);
      }
    });
    type.checks.forEach((rule, at) => {
      if (rule.when) this.fieldExists(rule.when.field, ["checks", at, "when"]);
      for (const [where, fields] of [
        ["require", rule.require],
        ["forbid", rule.forbid],
        ["distinct", rule.distinct],
        ["fixed", rule.fixed],
      ] as const) {
        for (const field of fields) this.fieldExists(field, ["checks", at, where]);
      }
    });
    this.template(type.stackTemplate, "heat_worker", ["stack"]);
    this.template(type.monitoringTemplate, "monitoring_worker", ["monitoring"]);
    for (const handler of Object.values(type.handlers)) this.handler(handler);
  }

  /** What a field, its items and its members refer to. */
  private field(field: Omit<FieldSchema, "writable">, path: Path): void {
    if (field.relation !== undefined) this.known(field.relation, [...path, "relation"]);
    if (field.refers_to !== undefined) this.known(field.refers_to, [...path, "refers_to"]);
    if (field.pattern !== undefined && !isPattern(field.pattern))
      this.mistake([...path, "pattern"], `${field.pattern} is no regular expression`);
    if (field.items) this.field(field.items, [...path, "items"]);
    for (const [name, member] of Object.entries(field.properties ?? {}))
      this.field(member, [...path, "properties", name]);
  }

  private pools(): void {
    for (const [pool, { bitmap, size, addresses, block, left, recorded }] of Object.entries(this.type.pools)) {
      const at = ["pools", pool];
      if ([size, addresses, block].filter((each) => each !== undefined).length !== 1)
        this.mistake(at, "a pool has either a size, addresses or a block");
      if (left !== undefined && !recorded) this.mistake([...at, "left"], "only a recorded pool counts what is left");
      if (block !== undefined && !recorded) this.mistake([...at, "block"], "a pool that is a block is recorded");
      for (const [key, field] of Object.entries({ bitmap, addresses, left }))
        if (field !== undefined) this.fieldExists(field, [...at, key]);
      for (const [key, field] of Object.entries(block ?? {})) this.fieldExists(field, [...at, "block", key]);
    }
  }

  private dependents(): void {
    const aliases = new Map<string, "made">();
    this.type.dependents.forEach((rule, at) => {
      if (aliases.has(rule.alias)) this.mistake(["dependents", at, "as"], `there are two dependents ${rule.alias}`);
      const target = this.known(rule.type, ["dependents", at, "type"]);
      if (rule.when !== undefined) this.knownNow(rule.when, ["dependents", at, "when"], aliases, false);
      for (const [field, value] of Object.entries(rule.fields)) {
        const path = ["dependents", at, "fields", field];
        if (target && !(field in target.fields)) this.mistake(path, `${rule.type} has no field ${field}`);
        this.tree(value, path, aliases);
      }
      aliases.set(rule.alias, "made");
      if (rule.before && !(this.type.dependents[at - 1]?.before ?? true))
        this.mistake(["dependents", at, "before"], "dependents that come before the resource come first in the list");
    });
  }

  private claim(field: string, rule: ClaimRule): void {
    const { owner, pool } = rule;
    const path = ["derive", field];
    if (owner.kind === "found") {
      this.knownNow(owner.id, [...path, "of"], none, false);
      if (this.known(owner.type, [...path, "type"]) === undefined) return;
    }
    const type = owner.kind === "found" ? owner.type : this.type.fields[owner.field]?.relation;
    if (type === undefined && owner.kind === "relation")
      this.mistake(path, `${owner.field} is no relation, so it owns no pool`);
    else if (!(pool in (this.types.get(type ?? "")?.pools ?? {}))) this.mistake(path, `${type} has no pool ${pool}`);
    else if (this.types.get(type ?? "")?.pools[pool]?.addresses !== undefined && this.clientsSet(field))
      this.mistake(path, `${field} takes an address, which clients cannot choose: it must not be writable`);
    this.blockClaim(field, rule, this.types.get(type ?? "")?.pools[pool]?.block !== undefined);
  }

  /** What only the claim of a block says: the field with its length, and the resource that may hold it already. */
  private blockClaim(field: string, { pool, length, heldBy }: ClaimRule, isBlock: boolean): void {
    const path = ["derive", field];
    if (isBlock && length === undefined) this.mistake(path, `${pool} gives out blocks: the claim needs a length`);
    if (!isBlock && (length ?? heldBy) !== undefined) this.mistake(path, `${pool} gives out no blocks`);
    if (length !== undefined) this.fieldExists(length, [...path, "length"]);
    const holder = heldBy === undefined ? undefined : this.fieldOf(this.type, heldBy, [...path, "held_by"]);
    if (holder === undefined) return;
    const held = this.types.get(holder.relation ?? "");
    if (held === undefined) this.mistake([...path, "held_by"], `${heldBy} is no relation, so nothing is held there`);
    else this.fieldOf(held, field, [...path, "held_by"]);
  }

  private clientsSet(field: string): boolean {
    return (this.type.fields[field]?.writable ?? []).length > 0;
  }

  /** The dependents as the derived fields of the resource see them: before any is made, but with an id. */
  private coming(): Aliases {
    return new Map(this.type.dependents.map(({ alias }) => [alias, "id"]));
  }

  /** The expression that names a handler. A constant one must name one of that kind: else the type would do nothing, unnoticed. */
  private template(expression: Expression | null, handler: HandlerTemplate["handler"], path: Path): void {
    if (expression === null) return;
    this.expression(expression, path, none);
    if (expression.kind !== "constant" || typeof expression.value !== "string") return;
    const found = this.type.handlers[expression.value];
    if (found === undefined) this.mistake(path, `there is no handler ${expression.value}`);
    else if (found.handler !== handler) this.mistake(path, `${found.name} is a ${found.handler}, not a ${handler}`);
  }

  private handler(handler: HandlerTemplate): void {
    const at: Path = ["handlers", handler.name];
    for (const { param, value } of handler.params) this.expression(value, [...at, "params", param], none);
    const params = new Set(handler.params.map(({ param }) => param));
    const missing = handler.routers === undefined ? [] : ROUTER_PARAMS.filter((name) => !params.has(name));
    if (missing.length > 0) this.mistake([...at, "routers"], `routers needs the parameters ${missing.join(", ")}`);
    for (const name of Object.keys(handler.routers?.constants ?? {}))
      if (params.has(name)) this.mistake([...at, "routers", "with", name], `${name} is a parameter already`);
    const aliases = new Set(["project", "item"]);
    handler.objects.forEach((object, index) => {
      const path = [...at, "objects", index];
      if (object.each !== undefined && !params.has(object.each))
        this.mistake([...path, "each"], `there is no parameter ${object.each}`);
      const { alias, action: _action, kind: _kind, ...texts } = object;
      if (aliases.has(alias) || params.has(alias)) this.mistake([...path, "as"], `the name ${alias} is taken`);
      this.params(texts, path, params, aliases);
      if (object.action === "reference") this.listEntry(object.data, [...path, "data"], handler);
      aliases.add(object.alias);
    });
    if (params.has("outputs")) this.mistake([...at, "params", "outputs"], "the name outputs is taken");
    const known = new Set([...aliases, "outputs"]);
    this.distinct(handler.outputs, "key", [...at, "outputs"]);
    this.distinct(handler.targets, "name", [...at, "targets"]);
    for (const [index, output] of handler.outputs.entries()) {
      this.params(output.value, [...at, "outputs", index, "value"], params, aliases);
    }
    handler.targets.forEach((target, index) => {
      const path = [...at, "targets", index];
      if (target.when !== undefined && !params.has(target.when))
        this.mistake([...path, "when"], `there is no parameter ${target.when}`);
      if (target.each !== undefined && !params.has(target.each))
        this.mistake([...path, "each"], `there is no parameter ${target.each}`);
      this.params(target.name, [...path, "name"], params, aliases);
      this.target(target, [...path, "settings"]);
      this.params(target.settings, [...path, "settings"], params, known);
      this.ownOutputs(target.settings, [...path, "settings"]);
    });
  }

  /** A list is shared, and its entries carry no mark: the key of an entry says whose it is, so it must be the resource's own id. */
  private listEntry(data: unknown, path: Path, handler: HandlerTemplate): void {
    const { list, key, entry } = (data ?? {}) as Partial<Record<string, unknown>>;
    if (typeof list !== "string" || typeof key !== "string" || typeof entry !== "object" || entry === null) {
      this.mistake(path, "a reference needs the data list, key and entry");
      return;
    }
    const value = (entry as Readonly<Record<string, unknown>>)[key];
    const own = handler.params.some(({ param, value: from }) => value === `$${param}` && isOwnId(from));
    if (!own)
      this.mistake(
        [...path, "entry"],
        `${key}, the key of the entry, must be a parameter that is .id: it says whose it is`,
      );
  }

  private target({ kind, settings }: Target, path: Path): void {
    for (const name of TARGET_SETTINGS[kind]) {
      if (!(name in settings)) this.mistake(path, `${kind} needs the setting ${name}`);
    }
    const { type } = settings;
    if (kind === "resource_status" && typeof type === "string" && !type.includes("$")) this.known(type, path);
  }

  /** Each `${outputs.key}` in the settings of a target is an output of a stack of the type. */
  private ownOutputs(settings: Target["settings"], path: Path): void {
    const keys = new Set(Object.values(this.type.handlers).flatMap(({ outputs }) => outputs.map(({ key }) => key)));
    for (const [name, tree] of Object.entries(settings))
      for (const [, key = ""] of JSON.stringify(tree).matchAll(/\$\{outputs\.(\w+)/g))
        if (!keys.has(key)) this.mistake([...path, name], `no stack of the type has the output ${key}`);
  }

  private distinct<K extends string>(list: ReadonlyArray<Readonly<Record<K, string>>>, key: K, path: Path): void {
    for (const [at, { [key]: name }] of list.entries())
      if (list.findIndex((other) => other[key] === name) < at)
        this.mistake([...path, at, key], `the ${key} ${name} is there twice`);
  }

  /** Every `$name` in the texts of the tree is a parameter or an object made before. */
  private params(tree: unknown, path: Path, params: ReadonlySet<string>, aliases: ReadonlySet<string>): void {
    if (typeof tree === "string") {
      for (const match of tree.matchAll(/\$\{?([A-Za-z_]\w*)(?:[\w.]*\|(\w+))?/g)) {
        const name = match[1] ?? "";
        if (match[2] !== undefined && !isFilter(match[2])) this.mistake(path, `unknown filter ${match[2]}`);
        if (!params.has(name) && !aliases.has(name))
          this.mistake(path, `$${name} is neither a parameter nor an object made before`);
      }
    } else if (typeof tree === "object" && tree !== null) {
      for (const [key, value] of Object.entries(tree))
        this.params(value, [...path, Array.isArray(tree) ? Number(key) : key], params, aliases);
    }
  }

  private tree(tree: ValueTree, path: Path, aliases: Aliases): void {
    if (tree.kind === "expression") this.expression(tree.expression, path, aliases);
    if (tree.kind === "list") for (const [at, item] of tree.items.entries()) this.tree(item, [...path, at], aliases);
    if (tree.kind === "object")
      for (const [key, value] of Object.entries(tree.members)) this.tree(value, [...path, key], aliases);
  }

  private expression(expression: Expression, path: Path, aliases: Aliases, item = false): void {
    switch (expression.kind) {
      case "constant":
        return;
      case "member":
        this.member(expression, path, aliases);
        return;
      case "call":
        if (!isFunction(expression.name)) this.mistake(path, `unknown function ${expression.name}()`);
        for (const argument of expression.args) this.knownNow(argument, path, aliases, item);
        return;
      case "concat":
        for (const part of expression.parts) this.knownNow(part, path, aliases, item);
        return;
      case "each":
        this.knownNow(expression.list, path, aliases, item);
        this.expression(expression.item, path, aliases, true);
        return;
      case "if":
        for (const part of [expression.left, expression.right]) this.knownNow(part, path, aliases, item);
        for (const part of [expression.then, expression.otherwise]) this.expression(part, path, aliases, item);
        return;
      case "path":
        this.path(expression, path, aliases, item);
        return;
      default:
        expression satisfies never;
    }
  }

  private member({ alias, field }: Extract<Expression, { kind: "member" }>, path: Path, aliases: Aliases): void {
    const known = aliases.get(alias);
    if (known === undefined) this.mistake(path, `@${alias} is no dependent made before`);
    else if (known === "id" && field.join(".") !== "id")
      this.mistake(path, `of @${alias} only the id is known before it is made`);
  }

  /** An expression that is worked out when a version is planned: an output is known only when a job runs. */
  private knownNow(expression: Expression, path: Path, aliases: Aliases, item: boolean): void {
    this.expression(expression, path, aliases, item);
    if (expression.kind === "path" && expression.tail.kind === "output")
      this.mistake(path, `the output ${expression.tail.key} cannot be used inside another expression`);
  }

  private path(expression: Extract<Expression, { kind: "path" }>, path: Path, aliases: Aliases, item: boolean): void {
    let here: TypeDefinition | undefined = item ? undefined : this.type;
    for (const step of expression.steps) {
      if (step.kind === "computed") {
        this.expression(step.field, path, aliases, item);
        return; // Which type it leads to is known only when it is evaluated.
      }
      if (step.kind === "cast") {
        if (here && step.field === "item") this.mistake(path, "there is no item outside of each");
        else if (here) this.fieldOf(here, step.field, path);
        here = this.known(step.type, path);
      } else {
        if (here === undefined) {
          this.mistake(path, `a list item has no relations: write (${step.field} as <type>)`);
          return;
        }
        const field = this.fieldOf(here, step.field, path);
        if (field === undefined) return;
        if (field.relation === undefined) {
          this.mistake(path, `${step.field} of ${here.type} is no relation`);
          return;
        }
        here = this.known(field.relation, path);
      }
      if (here === undefined) return;
    }
    const [name] = expression.tail.kind === "field" ? expression.tail.field : [];
    if (here !== undefined && name !== undefined) this.fieldOf(here, name, path);
    if (here === undefined && expression.tail.kind === "output") this.mistake(path, "a list item has no outputs");
    if (here !== undefined && expression.tail.kind === "output") {
      const { key } = expression.tail;
      const outputs = Object.values(here.handlers).flatMap((handler) => handler.outputs.map((output) => output.key));
      if (!outputs.includes(key)) this.mistake(path, `no template of ${here.type} has an output ${key}`);
    }
  }

  private fieldOf(type: TypeDefinition, field: string, path: Path) {
    const schema = Object.hasOwn(type.fields, field) ? type.fields[field] : undefined;
    if (schema === undefined) this.mistake(path, `${type.type} has no field ${field}`);
    return schema;
  }

  private fieldExists(field: string, path: Path): void {
    this.fieldOf(this.type, field, path);
  }

  private known(type: string, path: Path): TypeDefinition | undefined {
    const found = this.types.get(type);
    if (found === undefined) this.mistake(path, `unknown type ${type}`);
    return found;
  }

  private mistake(path: Path, what: string): void {
    this.mistakes.push(`${this.locate(path)}: ${what}`);
  }
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text, "u") instanceof RegExp;
  } catch {
    return false;
  }
}

function isOwnId(expression: Expression): boolean {
  if (expression.kind !== "path" || expression.steps.length > 0) return false;
  return expression.tail.kind === "field" && expression.tail.field.join(".") === "id";
}
