import { SignalboxError } from "../errors.ts";
import { blockOf, lowestFreeBlock, numbersOf, numbersOfPart, partOf } from "./address-blocks.ts";
import type { Claim } from "./expand-request.ts";
import { parseCidr } from "./ipv4.ts";
import { invalidBody } from "./mistakes.ts";
import { type Body, poolKey, type ResourceView, type ViewedResource } from "./resource-view.ts";
import type { ClaimRule, PoolRule, TypeDefinition } from "./type-definition.ts";

/** What a block is taken for. */
export interface BlockRequest {
  readonly type: TypeDefinition;
  readonly field: string;
  readonly rule: ClaimRule;
  readonly body: Body;
}

/** A block as text, and the claim of all its addresses: none where another resource holds them. */
export interface TakenBlock {
  readonly block: string;
  readonly claim: Claim | undefined;
}

/**
 * Takes a block out of a pool: the one that the body names, the one that another resource holds for it, or the lowest free one.
 * @throws SB_INVALID_BODY, SB_UNIQUE_TAKEN, SB_POOL_EXHAUSTED
 */
export function takeBlock(
  request: BlockRequest,
  owner: ViewedResource,
  pool: PoolRule,
  view: ResourceView,
): TakenBlock {
  const { type, field, rule, body } = request;
  const length = Number(body[rule.length ?? ""]);
  if (!Number.isInteger(length) || length < 0 || length > 32)
    throw wrong(request, rule.length ?? field, "must be a prefix length from 0 to 32");
  const whole = blockOf(owner.body[pool.block?.network ?? ""], owner.body[pool.block?.length ?? ""]);
  if (whole === undefined)
    throw new SignalboxError("SB_INTERNAL", `${owner.type} ${owner.id} is no block of addresses`);
  const named = textOf(body[field]);
  const held = heldBlock(request, view);
  if (held !== undefined) {
    if (named !== undefined && named !== held) throw wrong(request, field, `must be ${held}, which is held back`);
    checkLength(request, held, length);
    return { block: held, claim: undefined };
  }
  const key = poolKey(owner.type, owner.id, rule.pool);
  if (named !== undefined) {
    const part = parseCidr(named);
    const run = part && numbersOfPart(whole, part);
    const pooled = partOf(whole, 0, whole.length);
    if (run === undefined)
      throw wrong(request, field, `${named} is no block within ${pooled} of ${owner.type} ${owner.id}`);
    checkLength(request, named, length);
    const claimed = view.claimed(key);
    if (numbersOf(run).some((number) => claimed.has(number)))
      throw blockTaken(type.type, field, named, `${owner.type} ${owner.id}`);
    return { block: named, claim: { pool: key, ...run, field, allocated: false } };
  }
  const count = 2 ** (32 - length);
  const number = rule.allocate ? lowestFreeBlock(whole.size, count, view.claimed(key)) : undefined;
  if (number === undefined)
    throw new SignalboxError("SB_POOL_EXHAUSTED", `no block of /${length} is left in ${owner.type} ${owner.id}`);
  return { block: partOf(whole, number, length), claim: { pool: key, number, count, field, allocated: true } };
}

function heldBlock({ type, field, rule, body }: BlockRequest, view: ResourceView): string | undefined {
  const id = textOf(body[rule.heldBy ?? ""]);
  if (id === undefined) return undefined;
  return textOf(view.get(type.fields[rule.heldBy ?? ""]?.relation ?? "", id)?.body[field]);
}

function checkLength(request: BlockRequest, block: string, length: number): void {
  const { length: wanted } = parseCidr(block) ?? {};
  if (wanted !== length) throw wrong(request, request.rule.length ?? "", `must be ${String(wanted)}, as of ${block}`);
}

function wrong({ type }: BlockRequest, field: string, detail: string): SignalboxError {
  return invalidBody(type.type, [{ pointer: `/${field}`, detail }]);
}

/** 409: the block that a client asked for is in use, or a part of it. */
function blockTaken(type: string, field: string, block: string, owner: string): SignalboxError {
  return new SignalboxError("SB_UNIQUE_TAKEN", `${field} ${block} of the ${type} is in use on ${owner}`, {
    fields: [{ pointer: `/${field}`, detail: `${block}, or a part of it, is in use on ${owner}` }],
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
