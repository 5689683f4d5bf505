import type { Expression } from "./expression.ts";
import type { TypeSchema } from "./field-schema.ts";
import type { Handler } from "./resource-view.ts";

/** A resource type, loaded and checked: everything that `templates/<type>/type.yaml` says. */
export interface TypeDefinition extends TypeSchema {
  /** Fields computed when a resource is created, in order. */
  readonly derive: readonly DeriveStep[];
  /** Pools of numbers that a resource of this type owns, by name. */
  readonly pools: Readonly<Record<string, PoolRule>>;
  /** Resources created along with one of this type. */
  readonly dependents: readonly DependentRule[];
  /** Other resources that get a new version along with one of this type, or when its creation is complete. */
  readonly changes: readonly ChangeRule[];
  /** Field values that must go together. */
  readonly checks: readonly CheckRule[];
  /** Fields whose values together no two resources of the type share; one that is not set shares nothing. */
  readonly uniqueTogether: ReadonlyArray<readonly string[]>;
  /** Unique fields that share their values: what one resource has in any of them no other has in any of them. */
  readonly uniqueAmong: ReadonlyArray<readonly string[]>;
  /** What values must be like beside one another, by field (`primary.ip_address`). */
  readonly constraints: ReadonlyArray<readonly [field: string, condition: BelongingCondition]>;
  /** Blocks of addresses in this field do not overlap among the resources of the type that have the same resource in `within`. */
  readonly noOverlap: { readonly field: string; readonly within: string } | undefined;
  /** What the fields that refer to a resource or name an owner must belong to, by field. */
  readonly belonging: ReadonlyMap<string, BelongingRule>;
  /** Name of the stack template of a resource; null: none. */
  readonly stackTemplate: Expression | null;
  readonly monitoringTemplate: Expression | null;
  readonly handlers: Readonly<Record<string, HandlerTemplate>>;
}

/** A field that is computed, or a number that is taken from another resource's pool. */
export type DeriveStep =
  | { readonly kind: "value"; readonly field: string; readonly value: ValueTree }
  | { readonly kind: "claim"; readonly field: string; readonly claim: ClaimRule };

/** Numbers, addresses or blocks of addresses that a resource gives out: one number or address for each bit of a bitmap. */
export interface PoolRule {
  /** The field with the bitmap; set = not to be had. */
  readonly bitmap: string;
  /** How many numbers there are, from bit 0 on. Undefined: as many as there are addresses. */
  readonly size: number | undefined;
  /** The number of bit 0. */
  readonly first: number;
  /** The pool gives out addresses: the field with their ranges, in order (`start`, `end`). */
  readonly addresses: string | undefined;
  /** The pool gives out blocks of addresses: the fields with the first address and the prefix length of what they are cut from. */
  readonly block: { readonly network: string; readonly length: string } | undefined;
  /** The field that counts what is left, where the bitmap is recorded. */
  readonly left: string | undefined;
  /**
   * The bitmap shows what is given out: each claim, and its end, is a new version of the owner. Which numbers can be had follows from the
   * claims alone, of which the bitmap tells a little later.
   */
  readonly recorded: boolean;
}

export interface ClaimRule {
  readonly pool: string;
  readonly owner: ClaimOwner;
  /** Take the lowest free number when the client names none. */
  readonly allocate: boolean;
  /** The field holds the number as text. */
  readonly text: boolean;
  /** The field with the prefix length of the block to take; of pools that give out blocks. */
  readonly length: string | undefined;
  /** When this relation is set, the resource there holds the block already: the field becomes what its field is, and nothing is taken. */
  readonly heldBy: string | undefined;
}

/** The resource that owns the pool: one that a relation names, or one that is looked for. */
export type ClaimOwner =
  | { readonly kind: "relation"; readonly field: string }
  | { readonly kind: "found"; readonly type: string; readonly id: Expression };

/** A value of YAML in which every text is an expression. */
export type ValueTree =
  | { readonly kind: "expression"; readonly expression: Expression }
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "list"; readonly items: readonly ValueTree[] }
  | { readonly kind: "object"; readonly members: Readonly<Record<string, ValueTree>> };

export interface DependentRule {
  readonly alias: string;
  readonly type: string;
  readonly fields: Readonly<Record<string, ValueTree>>;
  /** Fields whose default is not wanted. */
  readonly omit: readonly string[];
  /** Ready at once: no jobs, and this status. */
  readonly status: string | undefined;
  /** Planned before the resource itself, which builds on it and which it does not see yet. */
  readonly before: boolean;
  /** It is made only when this has a value; undefined: always. */
  readonly when: Expression | undefined;
}

export interface ChangeRule {
  /** Path to the id, or list of ids, of the resources to change. */
  readonly target: Expression;
  readonly type: string;
  readonly when: "create" | "complete";
  readonly set: Readonly<Record<string, ValueTree>>;
  /** What is set when the resource is deleted. */
  readonly onDelete: Readonly<Record<string, ValueTree>> | undefined;
}

export interface CheckRule {
  /** Checked only for resources whose field has this value; without one: any value. */
  readonly when: { readonly field: string; readonly equals?: string } | undefined;
  readonly require: readonly string[];
  readonly forbid: readonly string[];
  /** Fields of which no two may have the same value. */
  readonly distinct: readonly string[];
  /** Fields that cannot be changed. */
  readonly fixed: readonly string[];
}

/**
 * What a field must belong to. `tenant`: its target is of the resource's own tenant or shared; `operators`: any that operators provide;
 * `caller`: it names an owner, of a tenant's caller its own tenant; `any`: whatever there is, which only operators may name. With conditions
 * each of them holds besides what holds for every reference.
 */
export interface BelongingRule {
  readonly to: "tenant" | "operators" | "caller" | "any" | "conditions";
  readonly conditions: readonly BelongingCondition[];
}

/** Each value of a field (of a list: each item) is in a list, or is equal to another value. */
export interface BelongingCondition {
  /** Undefined: the field itself. */
  readonly value: Expression | undefined;
  readonly kind: "in" | "equals";
  readonly wanted: Expression;
  /** Of a list of objects: the member that is wrong. */
  readonly at: string | undefined;
  /** What it must be, in words: "must be ..." */
  readonly says: string;
  /** Own fields that it reads. */
  readonly reads: ReadonlySet<string>;
}

export interface HandlerTemplate {
  readonly name: string;
  readonly handler: Handler;
  readonly params: ReadonlyArray<{ readonly param: string; readonly value: Expression }>;
  /** Router configuration: the file that is rendered for each router. */
  readonly routers: RouterTemplate | undefined;
  /** Controller objects, in the order in which they are made. */
  readonly objects: readonly ObjectTemplate[];
  readonly outputs: readonly OutputTemplate[];
  readonly targets: readonly TargetTemplate[];
}

export interface RouterTemplate {
  /** Path of the nunjucks file, relative to the templates folder. */
  readonly file: string;
  /** Variables of the file that are the same for every resource of the type: so types share a file. */
  readonly constants: Readonly<Record<string, string>>;
  readonly roles: readonly ["primary", "secondary"];
  /** The primary commits before the secondary begins to: of routers with equal VRRP priorities the one that was there first stays master. */
  readonly inTurn: boolean;
}

/** A text with `$param` and `${object.field}` in it, or plain data that holds such texts. */
export type ParamTree = unknown;

export interface ObjectTemplate {
  readonly alias: string;
  /** `ensure`: make and own it; `find`: it must exist; `reference`: an attribute on a reference between two objects. */
  readonly action: "ensure" | "find" | "reference";
  readonly kind: string;
  readonly uuid: ParamTree;
  readonly fqName: ParamTree;
  readonly parent: { readonly kind: string; readonly fqName: ParamTree } | undefined;
  readonly data: ParamTree;
  /** Make one for each item of this list parameter. */
  readonly each: string | undefined;
  readonly from: { readonly kind: string; readonly uuid: ParamTree } | undefined;
}

export interface OutputTemplate {
  readonly key: string;
  readonly description: string;
  readonly value: ParamTree;
  /** The value appears as JSON text. */
  readonly json: boolean;
}

export const TARGET_KINDS = [
  "snmp_uptime",
  "snmp_interface",
  "vrrp_session",
  "bgp_session",
  "igs_counter",
  "resource_status",
  "contrail_uve",
] as const;
export type TargetKind = (typeof TARGET_KINDS)[number];

export interface TargetTemplate {
  /** With `each` a text that may name `$item`. */
  readonly name: string;
  readonly kind: TargetKind;
  /** Settings of the kind: texts may name parameters with `$`. */
  readonly settings: Readonly<Record<string, ParamTree>>;
  /** One target for each item of this list parameter. */
  readonly each: string | undefined;
  /** The target exists only when this parameter is true. */
  readonly when: string | undefined;
  /** False: the monitoring document names it only while it is not as wanted. */
  readonly publish: boolean;
}
