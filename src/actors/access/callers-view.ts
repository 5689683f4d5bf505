import type { TypeSchema } from "../../catalogue/field-schema.ts";
import type { Body, ResourceView, ViewedResource } from "../../catalogue/resource-view.ts";
import { type Caller, isOperator, tenantKey } from "./caller.ts";
import { belongingOf, mayRead, ownerFields, type TypeClass, typeClasses } from "./rights.ts";

type Kinds = ReadonlyMap<string, { readonly class: TypeClass; readonly owners: readonly string[] }>;

/** What one caller sees of the resources of all types. */
export class CallersSight {
  readonly caller: Caller;
  readonly #types: Kinds;

  constructor(types: readonly TypeSchema[], caller: Caller) {
    this.caller = caller;
    this.#types = kindsOf(types);
  }

  /** An unknown type is refused by whoever looks it up. */
  classOf(type: string): TypeClass {
    return this.#types.get(type)?.class ?? "tenant";
  }

  sees(type: string, body: Body): boolean {
    const { caller } = this;
    if (!mayRead(caller, this.classOf(type), belongingOf(caller, body))) return false;
    if (isOperator(caller)) return true;
    const owners = (this.#types.get(type)?.owners ?? []).map((field) => tenantKey(body[field]));
    return owners.every((owner) => owner === undefined || owner === caller.tenant);
  }

  /** It is another tenant's, and the caller no operator. */
  isForeign(body: Body): boolean {
    return !isOperator(this.caller) && belongingOf(this.caller, body) === "foreign";
  }

  /**
   * The resources that requests of the caller may lead to: what tenants have and the caller does not see is not there. What operators have
   * built on stays: no field that a tenant sets leads there, and what operators offer is made of it.
   */
  over(view: ResourceView): ResourceView {
    return isOperator(this.caller) ? view : new CallersView(view, this);
  }
}

const known = new WeakMap<readonly TypeSchema[], Kinds>();

function kindsOf(types: readonly TypeSchema[]): Kinds {
  const found = known.get(types);
  if (found !== undefined) return found;
  const classes = typeClasses(types);
  const kinds = new Map(
    types.map((type) => [type.type, { class: classes.get(type.type) ?? "tenant", owners: ownerFields(type) }] as const),
  );
  known.set(types, kinds);
  return kinds;
}

class CallersView implements ResourceView {
  readonly #below: ResourceView;
  readonly #sight: CallersSight;

  constructor(below: ResourceView, sight: CallersSight) {
    this.#below = below;
    this.#sight = sight;
  }

  get(type: string, id: string): ViewedResource | undefined {
    const found = this.#below.get(type, id);
    return found !== undefined && this.#isThere(found) ? found : undefined;
  }

  referrers(type: string, id: string): readonly ViewedResource[] {
    return this.#below.referrers(type, id).filter((referrer) => this.#isThere(referrer));
  }

  /** What is taken is taken, whoever sees by whom. */
  claimed(pool: string): ReadonlySet<number> {
    return this.#below.claimed(pool);
  }

  holder(type: string, field: string, value: string): string | undefined {
    const id = this.#below.holder(type, field, value);
    return id !== undefined && this.get(type, id) !== undefined ? id : undefined;
  }

  #isThere({ type, body }: ViewedResource): boolean {
    return this.#sight.classOf(type) === "infrastructure" || this.#sight.sees(type, body);
  }
}
