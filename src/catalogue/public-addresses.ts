import { SignalboxError } from "../errors.ts";
import { blockOf, lowestFreeBlock, numbersOfPart, partOf } from "./address-blocks.ts";
import { bitmapOf, countFree } from "./bitmap.ts";
import { type Ipv4Cidr, parseCidr } from "./ipv4.ts";
import { poolKey, type ResourceView, type ViewedResource } from "./resource-view.ts";

/** Bitmaps of addresses are padded to whole words of so many bits. */
const WORD = 32;

/** The functions of expressions about public addresses: pools of them, and the blocks that are cut from those. */
export const publicAddressFunctions: Readonly<
  Record<string, (args: readonly unknown[], view: ResourceView) => unknown>
> = {
  /** block_pool(ha_router id, address, length): bitmap of a block that overlaps none of the router pair's public_ip_pools. */
  block_pool: ([router, address, length], view) => {
    const block = blockOf(address, length);
    if (block === undefined)
      throw invalid(
        "subnet_ip",
        `must be the first address of a block of /${String(length)}, such as 203.0.113.0 of /24`,
      );
    const other = poolsOf("ha_router", router, view).find((pool) => overlap(blockOfPool(pool), block));
    if (other !== undefined)
      throw invalid("subnet_ip", `${partOf(block, 0, block.length)} overlaps public_ip_pool ${other.id}`);
    const size = Math.ceil(block.size / WORD) * WORD;
    return bitmapOf(
      size,
      Array.from({ length: size - block.size }, (_, at) => block.size + at),
    );
  },
  /** addresses_free(bitmap): how many addresses of the pool are free. */
  addresses_free: ([bitmap]) => countFree(String(bitmap)),
  /**
   * public_ip_pool_of(internet_gateway id, length, cidr, suspended_public_ip id, tenant): the public_ip_pool of the gateway's service and router
   * pair that the block comes from: the one of the suspended_public_ip, the one around the cidr, or the lowest that has room.
   */
  public_ip_pool_of: ([gateway, length, cidr, suspended, tenant], view) => {
    const { service, router } = placeOf(String(gateway), view);
    const minimal = Number(service?.body["minimal_submask_length"] ?? 0);
    if (Number(length) < minimal)
      throw invalid(
        "submask_length",
        `must be at least ${minimal}: internet_service ${service?.id} gives out no larger blocks`,
      );
    const pools = poolsOf("internet_service", service?.id, view)
      .filter(({ body }) => body["ha_router_id"] === router)
      .sort((a, b) => (blockOfPool(a)?.network ?? 0) - (blockOfPool(b)?.network ?? 0));
    if (typeof suspended === "string" && suspended !== "") return poolOfSuspended(suspended, tenant, pools, view);
    const of = `internet_service ${service?.id} on ha_router ${String(router)}`;
    if (typeof cidr === "string" && cidr !== "") {
      const part = parseCidr(cidr);
      const around = part && pools.find((pool) => within(blockOfPool(pool), part));
      if (around === undefined) throw invalid("cidr", `${cidr} is no block within a public_ip_pool of ${of}`);
      return around.id;
    }
    for (const pool of pools) {
      const claimed = view.claimed(poolKey("public_ip_pool", pool.id, "address"));
      const size = blockOfPool(pool)?.size ?? 0;
      if (lowestFreeBlock(size, 2 ** (32 - Number(length)), claimed) !== undefined) return pool.id;
    }
    const which = pools.map(({ id }) => `public_ip_pool ${id}`).join(", ");
    throw new SignalboxError(
      "SB_POOL_EXHAUSTED",
      pools.length === 0
        ? `there is no public_ip_pool of ${of}`
        : `no block of /${String(length)} is left in ${which} of ${of}`,
    );
  },
  /** public_ip_around(internet_gateway id, destination): the gateway's public_ip that contains the block or address; null when there is none. */
  public_ip_around: ([gateway, destination], view) => {
    const text = String(destination);
    const part = parseCidr(text.includes("/") ? text : `${text}/32`);
    const found = view
      .referrers("internet_gateway", String(gateway))
      .find(
        ({ type, body, markedForDeletion }) =>
          type === "public_ip" &&
          !markedForDeletion &&
          part !== undefined &&
          within(parseCidr(String(body["cidr"])), part),
      );
    return found?.id ?? null;
  },
};

function placeOf(gateway: string, view: ResourceView): { service: ViewedResource | undefined; router: unknown } {
  const body = view.get("internet_gateway", gateway)?.body ?? {};
  return {
    service: view.get("internet_service", String(body["internet_service_id"])),
    router: view.get("ha_interface", String(body["downlink_interface_id"]))?.body["ha_router_id"],
  };
}

/** The public_ip_pools that refer to a resource. */
function poolsOf(type: string, id: unknown, view: ResourceView): ViewedResource[] {
  return view
    .referrers(type, String(id))
    .filter((other) => other.type === "public_ip_pool" && !other.markedForDeletion);
}

/** What is held back goes to the tenant that had it, through a gateway of the same service. */
function poolOfSuspended(id: string, tenant: unknown, pools: readonly ViewedResource[], view: ResourceView): string {
  const suspended = view.get("suspended_public_ip", id)?.body ?? {};
  const { previous_tenant_id: previous, ip_pool_id: pool } = suspended;
  if (typeof previous === "string" && previous !== "" && previous !== tenant)
    throw invalid("suspended_public_ip_id", "is held back for another tenant");
  if (!pools.some((each) => each.id === pool))
    throw invalid("suspended_public_ip_id", "is held back in a pool of another service or router pair");
  return String(pool);
}

function blockOfPool({ body }: ViewedResource): Ipv4Cidr | undefined {
  return blockOf(body["subnet_ip"], body["submask_length"]);
}

function within(block: Ipv4Cidr | undefined, part: Ipv4Cidr): boolean {
  return block !== undefined && numbersOfPart(block, part) !== undefined;
}

/** Of two aligned blocks that overlap one contains the other. */
function overlap(a: Ipv4Cidr | undefined, b: Ipv4Cidr): boolean {
  return a !== undefined && (within(a, b) || within(b, a));
}

function invalid(field: string, detail: string): SignalboxError {
  return new SignalboxError("SB_INVALID_BODY", `${field} ${detail}`, { fields: [{ pointer: `/${field}`, detail }] });
}
