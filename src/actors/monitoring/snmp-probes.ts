import { SignalboxError } from "../../errors.ts";
import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import type { Clock, SnmpClient } from "../ports.ts";
import { textSetting } from "./target-settings.ts";
import { active, down } from "./target-status.ts";

/** SNMPv2-MIB sysUpTime.0 (RFC 3418), IF-MIB ifDescr, ifName and ifOperStatus (RFC 2863). */
const SYS_UP_TIME = "1.3.6.1.2.1.1.3.0";
const IF_DESCR = "1.3.6.1.2.1.2.2.1.2";
const IF_NAME = "1.3.6.1.2.1.31.1.1.1.1";
const IF_OPER_STATUS = "1.3.6.1.2.1.2.2.1.8";
const UP = 1;
const OPER_STATUS_WORDS = ["up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown"];

/**
 * Longest gap between two readings of an uptime, milliseconds; each is four times the one before. That is over five seconds in all: agents
 * renew theirs once a second, or less often.
 */
const LONGEST_GAP_MS = 1280;
const READINGS = 8;

/** TimeTicks: hundredths of a second, modulo 2^32 (RFC 2578 section 7.1.8), which comes round in 497 days. */
const TICKS = 2 ** 32;
const MS_PER_TICK = 10;
/** By how much an uptime may have run ahead of this machine's clock, milliseconds. */
const SLACK_MS = 5_000;

/** An uptime as it was read. */
interface Uptime {
  readonly ticks: number;
  /** By the monotonic clock, milliseconds. */
  readonly at: number;
}

/** Asks devices by SNMP. */
export class SnmpProbes {
  readonly #snmp: SnmpClient;
  readonly #clock: Clock;
  readonly #uptimeGapMs: number;
  readonly #stopping: AbortSignal;
  /** By device and community, as last seen. */
  readonly #uptimes = new Map<string, Uptime>();
  readonly #tables = new Map<string, InterfaceTable>();
  readonly #walks = new Map<string, Promise<InterfaceTable>>();

  constructor(options: { snmp: SnmpClient; clock: Clock; uptimeGapMs: number; stopping: AbortSignal }) {
    this.#snmp = options.snmp;
    this.#clock = options.clock;
    this.#uptimeGapMs = options.uptimeGapMs;
    this.#stopping = options.stopping;
  }

  /**
   * The agent answers and its time goes on, since the last look or while this one waits. One that stands still is read again, since agents
   * renew it now and then only; so is one that went back because the agent has been started again. One that has come round goes on.
   * @throws SB_SNMP_TIMEOUT, SB_SNMP_FAILED, SB_SNMP_NO_INSTANCE
   */
  async uptime(target: MonitoringTarget): Promise<TargetStatus> {
    const device = textSetting(target, "device");
    const community = textSetting(target, "community");
    const key = JSON.stringify([device, community]);
    let before = this.#uptimes.get(key);
    for (let reading = 0, gapMs = this.#uptimeGapMs; reading < READINGS; reading += 1) {
      if (reading > 0) {
        await this.#clock.sleep(gapMs, this.#stopping);
        gapMs = Math.min(LONGEST_GAP_MS, gapMs * 4);
      }
      const now = { ticks: await this.#readUptime(device, community), at: this.#clock.monotonic() };
      this.#uptimes.set(key, now);
      if (before !== undefined && hasGrown(before, now)) return active;
      before = now;
    }
    const text = `The uptime of ${device} stands still at ${before?.ticks ?? "nothing"}`;
    throw new SignalboxError("SB_SNMP_FAILED", text, { device });
  }

  async #readUptime(device: string, community: string): Promise<number> {
    const [value] = await this.#snmp.get(device, community, [SYS_UP_TIME]);
    const details = { device, statement: SYS_UP_TIME };
    if (value === undefined) throw new SignalboxError("SB_SNMP_NO_INSTANCE", `${device} has no sysUpTime`, details);
    const ticks = Number(value);
    if (value !== "" && Number.isInteger(ticks) && ticks >= 0) return ticks;
    throw new SignalboxError("SB_SNMP_FAILED", `The sysUpTime of ${device} is no number: ${String(value)}`, details);
  }

  /**
   * ifOperStatus of the interface of that name. Its index is remembered; the name is read along with the status, because a device may give
   * its interfaces other indexes after a restart.
   * @throws SB_SNMP_TIMEOUT, SB_SNMP_FAILED
   */
  async interface(target: MonitoringTarget): Promise<TargetStatus> {
    const device = textSetting(target, "device");
    const community = textSetting(target, "community");
    const name = textSetting(target, "interface");
    const key = JSON.stringify([device, community]);
    let table = this.#tables.get(key);
    for (let looks = 0; looks < 3; looks += 1) {
      if (table?.indexes.has(name)) {
        const status = await this.#readInterface({ device, community, name }, table);
        if (status !== undefined) return status;
      }
      table = await this.#walk(key, device, community);
      if (!table.indexes.has(name)) break;
    }
    const missing = table?.indexes.has(name)
      ? `${device} does not tell the state of its interface ${name}`
      : `${device} has no interface ${name}`;
    return down(new SignalboxError("SB_SNMP_NO_INSTANCE", missing, { device, statement: name }).report);
  }

  /** Undefined when no index is that interface's any more. Of several, as when a row is left of a card that is gone, one that is up counts. */
  async #readInterface(
    { device, community, name }: { device: string; community: string; name: string },
    table: InterfaceTable,
  ): Promise<TargetStatus | undefined> {
    const indexes = table.indexes.get(name) ?? [];
    const oids = indexes.flatMap((index) => [`${table.column}.${index}`, `${IF_OPER_STATUS}.${index}`]);
    const values = await this.#snmp.get(device, community, oids);
    const codes = indexes.flatMap((_, at) => {
      const [found, status] = [values[2 * at], values[2 * at + 1]];
      return found !== undefined && String(found) === name && status !== undefined ? [status] : [];
    });
    const [code] = codes;
    if (code === undefined) return undefined;
    if (codes.some((each) => Number(each) === UP)) return active;
    const word = OPER_STATUS_WORDS[Number(code) - 1] ?? `in a state that is none (${String(code)})`;
    return down(`${name} of ${device} is ${word}`);
  }

  /** Targets of a device that look for their interfaces at the same time share one walk. */
  #walk(key: string, device: string, community: string): Promise<InterfaceTable> {
    const underWay = this.#walks.get(key);
    if (underWay !== undefined) return underWay;
    const walk = this.#readTable(device, community)
      .then((table) => {
        this.#tables.set(key, table);
        return table;
      })
      .finally(() => this.#walks.delete(key));
    this.#walks.set(key, walk);
    return walk;
  }

  /** By ifName; by ifDescr where the agent has no ifXTable. */
  async #readTable(device: string, community: string): Promise<InterfaceTable> {
    for (const column of [IF_NAME, IF_DESCR]) {
      const indexes = new Map<string, string[]>();
      for (const [index, value] of await this.#snmp.column(device, community, column)) {
        const name = String(value);
        if (name !== "") indexes.set(name, [...(indexes.get(name) ?? []), index]);
      }
      if (indexes.size > 0) return { column, indexes };
    }
    return { column: IF_NAME, indexes: new Map() };
  }
}

/** The interfaces of a device. */
interface InterfaceTable {
  /** The column that their names are in. */
  readonly column: string;
  /** Indexes by name. */
  readonly indexes: ReadonlyMap<string, readonly string[]>;
}

function hasGrown(before: Uptime, now: Uptime): boolean {
  if (now.ticks > before.ticks) return true;
  if (now.ticks === before.ticks) return false;
  // It has come round when it is where the time that has passed brings it; else the agent has been started again.
  const grownMs = (now.ticks + TICKS - before.ticks) * MS_PER_TICK;
  return grownMs <= now.at - before.at + SLACK_MS;
}
