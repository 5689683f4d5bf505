import { posix } from "node:path";
import { Errors } from "typebox/value";
import { type Document, isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { SignalboxError } from "../errors.ts";
import { checkTypes } from "./check-types.ts";
import { type Expression, ExpressionSyntaxError, parseExpression } from "./expression.ts";
import type { FieldSchema } from "./field-schema.ts";
import { fieldsRead } from "./fields-read.ts";
import { schemaMistake } from "./schema-mistake.ts";
import type {
  BelongingCondition,
  BelongingRule,
  ClaimRule,
  DeriveStep,
  HandlerTemplate,
  PoolRule,
  TypeDefinition,
  ValueTree,
} from "./type-definition.ts";
import { type ConditionFile, type FieldFile, nestedField, type TypeFile, typeFile } from "./type-file.ts";

/** All resource types, by type and by collection. */
export interface Catalogue {
  readonly types: ReadonlyMap<string, TypeDefinition>;
  readonly byCollection: ReadonlyMap<string, TypeDefinition>;
}

export interface SourceFile {
  /** Path relative to the templates folder, as it appears in errors. */
  readonly path: string;
  readonly text: string;
}

/** Says where in a YAML file something stands. */
export type Locate = (path: readonly (string | number)[]) => string;

/**
 * Builds the catalogue from the texts of all `type.yaml` files.
 * @throws SB_CATALOGUE_INVALID with every mistake as `file:line: cause`, one a line
 */
export function loadCatalogue(files: readonly SourceFile[]): Catalogue {
  const mistakes: string[] = [];
  const loaded: Array<{ definition: TypeDefinition; locate: Locate }> = [];
  for (const file of files) {
    const result = loadType(file, mistakes);
    if (result) loaded.push(result);
  }
  const types = new Map<string, TypeDefinition>();
  const byCollection = new Map<string, TypeDefinition>();
  for (const { definition, locate } of loaded) {
    if (types.has(definition.type)) mistakes.push(`${locate(["type"])}: type ${definition.type} is defined twice`);
    const { type: other } = byCollection.get(definition.collection) ?? definition;
    if (other !== definition.type)
      mistakes.push(`${locate(["collection"])}: ${definition.collection} is the collection of ${other} already`);
    types.set(definition.type, definition);
    byCollection.set(definition.collection, definition);
  }
  if (mistakes.length === 0)
    for (const { definition, locate } of loaded) mistakes.push(...checkTypes(definition, types, locate));
  if (mistakes.length > 0) {
    throw new SignalboxError(
      "SB_CATALOGUE_INVALID",
      `the catalogue has mistakes (${mistakes.length}):\n  ${mistakes.join("\n  ")}`,
    );
  }
  return { types, byCollection };
}

function loadType(file: SourceFile, mistakes: string[]): { definition: TypeDefinition; locate: Locate } | undefined {
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines, uniqueKeys: true });
  for (const error of document.errors) {
    mistakes.push(`${file.path}:${error.linePos?.[0].line ?? 1}: ${error.message.split("\n")[0]}`);
  }
  if (document.errors.length > 0) return undefined;
  const locate: Locate = (path) => `${file.path}:${lineOf(document, lines, path)}`;
  const data: unknown = document.toJS();
  const before = mistakes.length;
  for (const error of Errors(typeFile, data)) {
    if (error.keyword === "additionalProperties" || error.keyword === "anyOf") continue;
    const path = error.instancePath
      .split("/")
      .slice(1)
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const what =
      error.keyword === "boolean"
        ? `unknown key "${path.at(-1)}"`
        : `${path.join(".") || "the file"} ${schemaMistake(error)}`;
    mistakes.push(`${locate(path)}: ${what}`);
  }
  if (mistakes.length > before) return undefined;
  const builder = new TypeBuilder(data as TypeFile, locate, mistakes);
  const definition = builder.build();
  return mistakes.length > before ? undefined : { definition, locate };
}

/** One role is that of all operations that the field can be set by. */
function settersOf(
  setBy: NonNullable<FieldFile["set_by"]>,
  writable: NonNullable<FieldFile["writable"]>,
): NonNullable<FieldSchema["setBy"]> {
  if (typeof setBy !== "string") return setBy as NonNullable<FieldSchema["setBy"]>;
  return Object.fromEntries(writable.map((operation) => [operation, setBy]));
}

/** The line of the deepest node that exists on the path. */
function lineOf(document: Document, lines: LineCounter, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = document.getIn(path.slice(0, length - 1), true) ?? document.contents;
    if (isMap(parent)) {
      const pair = parent.items.find(
        (item) => isScalar(item.key) && String(item.key.value) === String(path[length - 1]),
      );
      if (pair && isScalar(pair.key) && pair.key.range) return lines.linePos(pair.key.range[0]).line;
    }
    const node = document.getIn(path.slice(0, length), true);
    if (typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range)) {
      return lines.linePos(Number(node.range[0])).line;
    }
  }
  return 1;
}

class TypeBuilder {
  private readonly file: TypeFile;
  private readonly locate: Locate;
  private readonly mistakes: string[];

  constructor(file: TypeFile, locate: Locate, mistakes: string[]) {
    this.file = file;
    this.locate = locate;
    this.mistakes = mistakes;
  }

  build(): TypeDefinition {
    const file = this.file;
    return {
      type: file.type,
      collection: file.collection,
      title: file.title,
      ...(file.parent === undefined ? {} : { parent: file.parent }),
      infrastructure: file.infrastructure ?? false,
      fields: this.fields(),
      derive: Object.entries(file.derive ?? {}).map(([field, value]) => this.deriveStep(field, value)),
      pools: this.pools(),
      dependents: (file.dependents ?? []).map((rule, at) => ({
        alias: rule.as,
        type: rule.type,
        fields: this.trees(rule.fields, ["dependents", at, "fields"]),
        omit: rule.omit ?? [],
        status: rule.status,
        before: rule.before ?? false,
        when: rule.when === undefined ? undefined : this.expression(rule.when, ["dependents", at, "when"]),
      })),
      changes: (file.changes ?? []).map((rule, at) => ({
        target: this.expression(rule.target, ["changes", at, "target"]),
        type: rule.type,
        when: rule.when as "create" | "complete",
        set: this.trees(rule.set, ["changes", at, "set"]),
        onDelete: rule.on_delete === undefined ? undefined : this.trees(rule.on_delete, ["changes", at, "on_delete"]),
      })),
      uniqueTogether: file.unique_together ?? [],
      uniqueAmong: file.unique_among ?? [],
      belonging: this.belonging(),
      constraints: (file.constraints ?? []).map(({ field, ...condition }, at) => {
        const [name = ""] = field.split(".");
        return [field, this.condition(name, condition, ["constraints", at])] as const;
      }),
      noOverlap: file.no_overlap,
      checks: (file.checks ?? []).map((rule) => ({
        when: rule.when,
        require: rule.require ?? [],
        forbid: rule.forbid ?? [],
        distinct: rule.distinct ?? [],
        fixed: rule.fixed ?? [],
      })),
      stackTemplate: file.stack === undefined ? null : this.expression(file.stack, ["stack"]),
      monitoringTemplate: file.monitoring === undefined ? null : this.expression(file.monitoring, ["monitoring"]),
      handlers: Object.fromEntries(Object.keys(file.handlers ?? {}).map((name) => [name, this.handler(name)])),
    };
  }

  private fields(): Record<string, FieldSchema> {
    const fields: Record<string, FieldSchema> = {};
    for (const [name, field] of Object.entries(this.file.fields)) {
      this.checkNested(field.items, ["fields", name, "items"]);
      for (const [member, schema] of Object.entries(field.properties ?? {})) {
        this.checkNested(schema, ["fields", name, "properties", member]);
      }
      const { set_by: setBy, belongs_to: _belonging, writable = [], ...schema } = field;
      fields[name] = {
        ...(schema as Omit<FieldSchema, "writable">),
        writable,
        ...(setBy === undefined ? {} : { setBy: settersOf(setBy, writable) }),
      };
    }
    return fields;
  }

  private belonging(): ReadonlyMap<string, BelongingRule> {
    const rules = new Map<string, BelongingRule>();
    for (const [name, { belongs_to: to }] of Object.entries(this.file.fields)) {
      if (to === undefined) continue;
      const conditions = Array.isArray(to)
        ? to.map((condition, at) => this.condition(name, condition, ["fields", name, "belongs_to", at]))
        : [];
      rules.set(name, { to: Array.isArray(to) ? "conditions" : (to as BelongingRule["to"]), conditions });
    }
    return rules;
  }

  private condition(field: string, file: ConditionFile, path: readonly (string | number)[]): BelongingCondition {
    const { value: valueText, in: list, equals, at, says } = file;
    const wantedText = list ?? equals;
    if (wantedText === undefined || (list !== undefined && equals !== undefined))
      this.mistake(path, "a condition has either `in` or `equals`");
    const value = valueText === undefined ? undefined : this.expression(valueText, [...path, "value"]);
    const kind = list === undefined ? "equals" : "in";
    const wanted = this.expression(wantedText ?? "=", [...path, kind]);
    const read = [value, wanted].flatMap((each) => (each === undefined ? [] : [...fieldsRead(each)]));
    return { value, kind, wanted, at, says, reads: new Set([field, ...read]) };
  }

  private pools(): Record<string, PoolRule> {
    const pools = Object.entries(this.file.pools ?? {}).map(([name, rule]) => [
      name,
      {
        bitmap: rule.bitmap,
        size: rule.size,
        first: rule.first ?? 0,
        addresses: rule.addresses,
        block: rule.block,
        left: rule.left,
        recorded: rule.recorded ?? false,
      },
    ]);
    return Object.fromEntries(pools) as Record<string, PoolRule>;
  }

  private checkNested(schema: unknown, path: readonly (string | number)[]): void {
    if (schema === undefined) return;
    for (const error of Errors(nestedField, schema)) {
      if (error.keyword === "additionalProperties") continue;
      const inner = error.instancePath.split("/").slice(1);
      const what =
        error.keyword === "boolean"
          ? `unknown key "${inner.at(-1)}"`
          : `${[...path, ...inner].join(".")} ${schemaMistake(error)}`;
      this.mistake([...path, ...inner], what);
    }
    const nested = schema as FieldSchema;
    this.checkNested(nested.items, [...path, "items"]);
    for (const [member, inner] of Object.entries(nested.properties ?? {}))
      this.checkNested(inner, [...path, "properties", member]);
  }

  private deriveStep(field: string, value: unknown): DeriveStep {
    const path = ["derive", field];
    if (typeof value === "object" && value !== null && "claim" in value) {
      const { claim, of, type, allocate, text, length, held_by: heldBy, ...rest } = value as Record<string, unknown>;
      const unknownKey = Object.keys(rest)[0];
      if (unknownKey !== undefined) this.mistake([...path, unknownKey], `unknown key "${unknownKey}"`);
      if (typeof claim !== "string" || typeof of !== "string")
        this.mistake(path, "a claim names a pool and `of`, the field with its owner");
      const rule: ClaimRule = {
        pool: String(claim),
        owner:
          type === undefined
            ? { kind: "relation", field: String(of) }
            : { kind: "found", type: String(type), id: this.expression(String(of), [...path, "of"]) },
        allocate: allocate !== false,
        text: text === true,
        length: length === undefined ? undefined : String(length),
        heldBy: heldBy === undefined ? undefined : String(heldBy),
      };
      return { kind: "claim", field, claim: rule };
    }
    return { kind: "value", field, value: this.tree(value, path) };
  }

  private handler(name: string): HandlerTemplate {
    const file = this.file.handlers?.[name];
    const path = ["handlers", name];
    return {
      name,
      handler: (file?.handler ?? "heat_worker") as HandlerTemplate["handler"],
      params: Object.entries(file?.params ?? {}).map(([param, text]) => ({
        param,
        value: this.expression(text, [...path, "params", param]),
      })),
      routers:
        file?.routers === undefined
          ? undefined
          : {
              // A file of another type's folder goes by one name, whoever names it.
              file: posix.normalize(`${this.file.type}/${file.routers.file}`),
              constants: file.routers.with ?? {},
              roles: ["primary", "secondary"],
              inTurn: file.routers.in_turn ?? false,
            },
      objects: (file?.objects ?? []).map((object) => ({
        alias: object.as,
        action: object.action as "ensure" | "find" | "reference",
        kind: object.kind,
        uuid: object.uuid,
        fqName: object.fq_name,
        parent: object.parent === undefined ? undefined : { kind: object.parent.kind, fqName: object.parent.fq_name },
        data: object.data,
        each: object.each,
        from: object.from,
      })),
      outputs: (file?.outputs ?? []).map((output) => ({ ...output, json: output.json ?? false })),
      targets: (file?.targets ?? []).map((target) => ({
        name: target.name,
        kind: target.kind as HandlerTemplate["targets"][number]["kind"],
        settings: target.settings,
        each: target.each,
        when: target.when,
        publish: target.publish ?? true,
      })),
    };
  }

  private trees(values: Record<string, unknown>, path: readonly (string | number)[]): Record<string, ValueTree> {
    return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, this.tree(value, [...path, key])]));
  }

  private tree(value: unknown, path: readonly (string | number)[]): ValueTree {
    if (typeof value === "string") return { kind: "expression", expression: this.expression(value, path) };
    if (Array.isArray(value)) return { kind: "list", items: value.map((item, at) => this.tree(item, [...path, at])) };
    if (typeof value === "object" && value !== null) {
      return { kind: "object", members: this.trees(value as Record<string, unknown>, path) };
    }
    return { kind: "literal", value };
  }

  private expression(text: string, path: readonly (string | number)[]): Expression {
    try {
      return parseExpression(text);
    } catch (error) {
      if (!(error instanceof ExpressionSyntaxError)) throw error;
      this.mistake(path, error.message);
      return { kind: "constant", value: null };
    }
  }

  private mistake(path: readonly (string | number)[], what: string): void {
    this.mistakes.push(`${this.locate(path)}: ${what}`);
  }
}
