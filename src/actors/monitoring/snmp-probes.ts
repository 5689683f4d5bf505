import { SignalboxError } from "../../errors.ts";
import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import type { Clock, SnmpClient } from "../ports.ts";
import { textSetting } from "./target-settings.ts";
import { active, down } from "./target-status.ts";

/** SNMPv2-MIB sysUpTime.0 (RFC 3418), IF-MIB ifName and ifOperStatus (RFC 2863). */
const SYS_UP_TIME = "1.3.6.1.2.1.1.3.0";
const IF_NAME = "1.3.6.1.2.1.31.1.1.1.1";
const IF_OPER_STATUS = "1.3.6.1.2.1.2.2.1.8";
const OPER_STATUS_WORDS = ["up", "down", "testing", "unknown", "dormant", "notPresent", "lowerLayerDown"];

const READINGS = 4;

/** Asks devices by SNMP. */
export class SnmpProbes {
  readonly #snmp: SnmpClient;
  readonly #clock: Clock;
  readonly #uptimeGapMs: number;
  readonly #stopping: AbortSignal;
  /** By device and community: index by interface name, as last seen. */
  readonly #indexes = new Map<string, ReadonlyMap<string, string>>();
  readonly #walks = new Map<string, Promise<ReadonlyMap<string, string>>>();

  constructor(options: { snmp: SnmpClient; clock: Clock; uptimeGapMs: number; stopping: AbortSignal }) {
    this.#snmp = options.snmp;
    this.#clock = options.clock;
    this.#uptimeGapMs = options.uptimeGapMs;
    this.#stopping = options.stopping;
  }

  /**
   * The agent answers and its time goes on. TimeTicks are hundredths of a second and some agents renew them only now and then, so a clock
   * that stands still is looked at again; one that went back has been restarted in between or wrapped, and is looked at again as well.
   * @throws SB_SNMP_TIMEOUT, SB_SNMP_FAILED, SB_SNMP_NO_INSTANCE
   */
  async uptime(target: MonitoringTarget): Promise<TargetStatus> {
    const device = textSetting(target, "device");
    const community = textSetting(target, "community");
    let before = await this.#readUptime(device, community);
    for (let reading = 1, gapMs = this.#uptimeGapMs; reading < READINGS; reading += 1, gapMs *= 4) {
      await this.#clock.sleep(gapMs, this.#stopping);
      const now = await this.#readUptime(device, community);
      if (now > before) return active;
      before = now;
    }
    throw new SignalboxError("SB_SNMP_FAILED", `The uptime of ${device} stands still at ${before}`, { device });
  }

  async #readUptime(device: string, community: string): Promise<number> {
    const [value] = await this.#snmp.get(device, community, [SYS_UP_TIME]);
    if (value !== undefined) return Number(value);
    throw new SignalboxError("SB_SNMP_NO_INSTANCE", `${device} has no sysUpTime`, { device, statement: SYS_UP_TIME });
  }

  /**
   * ifOperStatus of the interface of that name. The index is remembered; its name is read along with the status, because a device may give
   * its interfaces other indexes after a restart.
   * @throws SB_SNMP_TIMEOUT, SB_SNMP_FAILED
   */
  async interface(target: MonitoringTarget): Promise<TargetStatus> {
    const device = textSetting(target, "device");
    const community = textSetting(target, "community");
    const name = textSetting(target, "interface");
    const key = JSON.stringify([device, community]);
    let index = this.#indexes.get(key)?.get(name);
    for (let looks = 0; looks < 3; looks += 1) {
      if (index !== undefined) {
        const status = await this.#readInterface({ device, community, name, index });
        if (status !== undefined) return status;
      }
      index = (await this.#walk(key, device, community)).get(name);
      if (index === undefined) break;
    }
    const missing = `${device} has no interface ${name}`;
    return down(new SignalboxError("SB_SNMP_NO_INSTANCE", missing, { device, statement: name }).report);
  }

  /** Undefined when the index is not that interface's. */
  async #readInterface(asked: {
    device: string;
    community: string;
    name: string;
    index: string;
  }): Promise<TargetStatus | undefined> {
    const { device, community, name, index } = asked;
    const oids = [`${IF_NAME}.${index}`, `${IF_OPER_STATUS}.${index}`];
    const [found, status] = await this.#snmp.get(device, community, oids);
    if (found === undefined || String(found) !== name || status === undefined) return undefined;
    const code = Number(status);
    if (code === 1) return active;
    return down(`${name} of ${device} is ${OPER_STATUS_WORDS[code - 1] ?? `in state ${code}`}`);
  }

  /** Targets of a device that look for their interfaces at the same time share one walk. */
  #walk(key: string, device: string, community: string): Promise<ReadonlyMap<string, string>> {
    const underWay = this.#walks.get(key);
    if (underWay !== undefined) return underWay;
    const walk = this.#readNames(device, community)
      .then((names) => {
        this.#indexes.set(key, names);
        return names;
      })
      .finally(() => this.#walks.delete(key));
    this.#walks.set(key, walk);
    return walk;
  }

  async #readNames(device: string, community: string): Promise<ReadonlyMap<string, string>> {
    const names = new Map<string, string>();
    for (const [index, name] of await this.#snmp.column(device, community, IF_NAME)) names.set(String(name), index);
    return names;
  }
}
