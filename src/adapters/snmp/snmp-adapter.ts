import type { Logger, SnmpClient, SnmpValue } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { DeviceLane } from "./device-lane.ts";
import { checkCredential, type SnmpCredential } from "./snmp-credential.ts";
import { addressText, SnmpSession } from "./snmp-session.ts";

interface AgentAddress {
  readonly host: string;
  readonly port: number;
}

export interface SnmpAdapterOptions {
  /** Where a device's agent is reached. */
  readonly addressBook: (device: string) => AgentAddress | Promise<AgentAddress>;
  /** What stands behind each community's name. */
  readonly communities: Readonly<Record<string, SnmpCredential>>;
  /** Milliseconds until a request is sent again or given up; 2000 when not given. */
  readonly timeoutMs?: number;
  /** How often an unanswered request is sent again; 1 when not given. */
  readonly retries?: number;
  /** Instances asked for in one request; 32 when not given, which fits one Ethernet frame. */
  readonly maxBatch?: number;
  readonly logger: Logger;
}

/** Instances asked for by one GETBULK. */
const REPETITIONS = 25;

/**
 * SNMP over UDP: v2c (RFC 1901) and v3 with its user-based security (RFC 3414).
 * Trades latency for gentleness: a device sees one request at a time, gets that wait for it are merged into one.
 */
export class SnmpAdapter implements SnmpClient {
  readonly #options: SnmpAdapterOptions;
  readonly #lanes = new Map<string, DeviceLane>();
  /** By device and community. */
  readonly #sessions = new Map<string, SnmpSession>();
  #closed: SignalboxError | undefined;

  /** @throws SB_CONFIG_INVALID when a credential cannot work, naming its community */
  constructor(options: SnmpAdapterOptions) {
    for (const [name, credential] of Object.entries(options.communities)) checkCredential(name, credential);
    this.#options = options;
  }

  /** @throws SB_CONFIG_INVALID for an unknown community, SB_SNMP_TIMEOUT, SB_SNMP_FAILED */
  async get(device: string, community: string, oids: readonly string[]): Promise<ReadonlyArray<SnmpValue | undefined>> {
    const asked = oids.map((oid) => checkedOid(device, oid));
    this.#credential(community);
    if (asked.length === 0) return [];
    const readings = await this.#lane(device).get(community, asked);
    return asked.map((oid) => readings.get(oid));
  }

  /** @throws SB_CONFIG_INVALID for an unknown community, SB_SNMP_TIMEOUT, SB_SNMP_FAILED */
  async column(device: string, community: string, oid: string): Promise<ReadonlyMap<string, SnmpValue>> {
    const column = checkedOid(device, oid);
    this.#credential(community);
    const prefix = `${column}.`;
    const rows = new Map<string, SnmpValue>();
    for (let after = column; ; ) {
      const from = after;
      // Each step queues anew, so that a long table does not hold up the gets of others.
      const found = await this.#lane(device).run(async () =>
        (await this.#session(device, community)).following(from, REPETITIONS),
      );
      for (const { oid: instance, value } of found) {
        if (!instance.startsWith(prefix)) return rows;
        if (!follows(instance, after)) {
          throw new SignalboxError(
            "SB_SNMP_FAILED",
            `The SNMP agent of ${device} goes in circles: ${instance} comes after ${after}`,
            { device },
          );
        }
        rows.set(instance.slice(prefix.length), value);
        after = instance;
      }
      if (after === from) return rows;
    }
  }

  /** Ends all sessions; requests that wait or are in flight fail. */
  async close(): Promise<void> {
    this.#closed ??= new SignalboxError("SB_SNMP_FAILED", "The SNMP client is closed", { transient: true });
    for (const lane of this.#lanes.values()) lane.end(this.#closed);
    for (const session of this.#sessions.values()) session.close();
    this.#lanes.clear();
    this.#sessions.clear();
  }

  #lane(device: string): DeviceLane {
    if (this.#closed) throw this.#closed;
    let lane = this.#lanes.get(device);
    if (!lane) {
      const read = async (community: string, oids: readonly string[]) =>
        (await this.#session(device, community)).get(oids);
      lane = new DeviceLane(read, this.#options.maxBatch ?? 32);
      this.#lanes.set(device, lane);
    }
    return lane;
  }

  async #session(device: string, community: string): Promise<SnmpSession> {
    const address = await this.#options.addressBook(device);
    if (this.#closed) throw this.#closed;
    const key = JSON.stringify([device, community]);
    let session = this.#sessions.get(key);
    if (session && session.address !== addressText(address)) {
      session.close();
      session = undefined;
    }
    if (!session) {
      session = new SnmpSession({
        device,
        ...address,
        credential: this.#credential(community),
        timeoutMs: this.#options.timeoutMs ?? 2000,
        retries: this.#options.retries ?? 1,
      });
      this.#sessions.set(key, session);
      this.#options.logger.debug({ device, address: session.address, community }, "SNMP session made");
    }
    return session;
  }

  #credential(community: string): SnmpCredential {
    const credential = Object.hasOwn(this.#options.communities, community)
      ? this.#options.communities[community]
      : undefined;
    if (!credential) throw new SignalboxError("SB_CONFIG_INVALID", `The SNMP community ${community} is not configured`);
    return credential;
  }
}

function checkedOid(device: string, oid: string): string {
  const text = oid.replace(/^\./, "");
  if (!/^[0-2](\.\d+)+$/.test(text))
    throw new SignalboxError("SB_SNMP_FAILED", `"${oid}" is not an object identifier`, { device });
  return text;
}

/** Whether `later` comes after `earlier` in the order of RFC 3416 section 4.2.2. */
function follows(later: string, earlier: string): boolean {
  const a = later.split(".");
  const b = earlier.split(".");
  for (const [at, part] of a.entries()) {
    const other = b[at];
    if (other === undefined) return true;
    if (part !== other) return Number(part) > Number(other);
  }
  return false;
}
