import type { Expression } from "./expression.ts";
import type { FieldSchema } from "./field-schema.ts";
import { fieldsLookedUp } from "./fields-read.ts";
import type { TypeDefinition, ValueTree } from "./type-definition.ts";

type Types = ReadonlyMap<string, TypeDefinition>;
type Nested = Omit<FieldSchema, "writable">;

export interface RightsMistake {
  readonly path: readonly (string | number)[];
  readonly what: string;
}

/**
 * Checks that each field that clients set, and that refers to a resource or names an owner, says who may set it and what it must belong to.
 * What a type does not say nobody would decide.
 */
export function checkRights(type: TypeDefinition, types: Types): RightsMistake[] {
  const lookedUp = lookedUpFields(type, types);
  return Object.entries(type.fields).flatMap(([name, field]) => {
    const targets = targetsOf(field);
    const isOwner = namesOwner(name, field);
    const mistakes: string[] = [];
    const rule = type.belonging.get(name);
    const isClients = field.writable.length > 0;
    if (!isClients && (field.setBy !== undefined || rule !== undefined)) {
      mistakes.push(`no client sets ${name}: it has no set_by and no belongs_to`);
    } else if (isClients && (targets.length > 0 || isOwner || lookedUp.has(name))) {
      if (field.setBy === undefined || rule === undefined) {
        const why = isOwner ? "names an owner" : `refers to ${targets.length > 0 ? targets.join(", ") : "a resource"}`;
        mistakes.push(`${name} ${why}: say who may set it (set_by) and what it must belong to (belongs_to)`);
      } else mistakes.push(...ruleMistakes({ type, types, name, field, targets, isOwner }, rule.to));
    }
    if (isClients && field.setBy !== undefined) mistakes.push(...settersMistakes(type, name, field));
    return mistakes.map((what) => ({ path: ["fields", name], what }));
  });
}

/** The types that values of a field refer to, at any depth. */
export function targetsOf(field: Nested): string[] {
  const own = field.relation ?? field.refers_to;
  const inner = [...(field.items ? [field.items] : []), ...Object.values(field.properties ?? {})];
  return [...new Set([...(own === undefined ? [] : [own]), ...inner.flatMap(targetsOf)])];
}

/** The field says whose a resource is, or was. */
export function namesOwner(name: string, { owner }: Nested): boolean {
  return name === "tenant_id" || owner === true;
}

interface Ruled {
  readonly type: TypeDefinition;
  readonly types: Types;
  readonly name: string;
  readonly field: FieldSchema;
  readonly targets: readonly string[];
  readonly isOwner: boolean;
}

function ruleMistakes({ types, name, field, targets, isOwner }: Ruled, to: string): string[] {
  const isInfrastructure = (target: string) => types.get(target)?.infrastructure === true;
  if (isOwner !== (to === "caller"))
    return [
      isOwner ? `${name} names an owner: it belongs_to the caller` : `${name} names no owner: it belongs to no caller`,
    ];
  if (to === "any" && Object.values(field.setBy ?? {}).includes("member"))
    return [`members may not name any resource there is: ${name} belongs_to tenant or operators, or has conditions`];
  if (to === "tenant" && targets.some(isInfrastructure))
    return [`${name} refers to infrastructure, which is no tenant's: it belongs_to operators, or has conditions`];
  if (to === "operators" && !(targets.length > 0 && targets.every(isInfrastructure)))
    return [`${name} refers to what is no infrastructure: it belongs_to the tenant, or has conditions`];
  return [];
}

/** Every operation has its role, and in a type that only operators write no other. */
function settersMistakes(type: TypeDefinition, name: string, { setBy = {}, writable }: FieldSchema): string[] {
  const mistakes: string[] = [];
  for (const operation of ["create", "update"] as const) {
    const role = setBy[operation];
    const isWritable = writable.includes(operation);
    if (isWritable && role === undefined) mistakes.push(`set_by of ${name} does not say who sets it at ${operation}`);
    if (!isWritable && role !== undefined)
      mistakes.push(`set_by of ${name} names ${operation}, when no client sets it`);
    if (role === "member" && type.infrastructure)
      mistakes.push(
        `${type.type} is infrastructure, which members do not write: set_by of ${name} is operator or admin`,
      );
  }
  return mistakes;
}

/** Fields whose values are looked up without being declared: by the type's own expressions, or by those of others (`holder`). */
function lookedUpFields(type: TypeDefinition, types: Types): ReadonlySet<string> {
  const found = new Set<string>();
  for (const expression of expressionsOf(type)) for (const field of fieldsLookedUp(expression)) found.add(field);
  for (const other of types.values())
    for (const expression of expressionsOf(other)) for (const field of held(expression, type.type)) found.add(field);
  return found;
}

/** The fields of a type that an expression finds a resource by: `holder(=type, =field, ...)`. */
function held(expression: Expression, type: string): string[] {
  if (expression.kind === "call") {
    const [of, field] = expression.args;
    const isHolder = expression.name === "holder" && of?.kind === "constant" && of.value === type;
    const own = isHolder && field?.kind === "constant" && field.value !== null ? [field.value] : [];
    return [...own, ...expression.args.flatMap((argument) => held(argument, type))];
  }
  if (expression.kind === "concat") return expression.parts.flatMap((part) => held(part, type));
  if (expression.kind === "if")
    return [expression.left, expression.right, expression.then, expression.otherwise].flatMap((each) =>
      held(each, type),
    );
  return [];
}

function expressionsOf(type: TypeDefinition): Expression[] {
  const trees = [
    ...type.derive.flatMap((step) => (step.kind === "value" ? [step.value] : [])),
    ...type.dependents.flatMap(({ fields }) => Object.values(fields)),
    ...type.changes.flatMap(({ set, onDelete }) => [...Object.values(set), ...Object.values(onDelete ?? {})]),
  ];
  const plain = [
    ...type.derive.flatMap((step) =>
      step.kind === "claim" && step.claim.owner.kind === "found" ? [step.claim.owner.id] : [],
    ),
    ...type.dependents.flatMap(({ when }) => (when === undefined ? [] : [when])),
    ...type.changes.map(({ target }) => target),
    ...Object.values(type.handlers).flatMap(({ params }) => params.map(({ value }) => value)),
  ];
  return [...plain, ...trees.flatMap(expressionsIn)];
}

function expressionsIn(tree: ValueTree): Expression[] {
  if (tree.kind === "expression") return [tree.expression];
  if (tree.kind === "list") return tree.items.flatMap(expressionsIn);
  return tree.kind === "object" ? Object.values(tree.members).flatMap(expressionsIn) : [];
}
