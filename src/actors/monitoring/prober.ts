import { asSignalboxError, type ErrorCode, SignalboxError } from "../../errors.ts";
import type { MonitoringTarget, TargetStatus } from "../../machines/resource/resource-types.ts";
import type { Clock, Controller, Logger, RouterConnector, Secrets, SnmpClient } from "../ports.ts";
import { probeCounter } from "./counter-probe.ts";
import { OperationalSessions } from "./operational-sessions.ts";
import { probeBgp } from "./router-probes.ts";
import { SnmpProbes } from "./snmp-probes.ts";
import { fqNameSetting, textSetting } from "./target-settings.ts";
import { active, down, unavailable, unavailableBecause } from "./target-status.ts";
import { VrrpProbes } from "./vrrp-probes.ts";

export interface ProberOptions {
  readonly snmp: SnmpClient;
  readonly connector: RouterConnector;
  readonly controller: Controller;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Throws when a login was sealed for another device than that at the address. */
  readonly mayLogIn?: (host: string, password: string) => void;
  /** How another resource is; undefined when it is not monitored or not there. */
  readonly statusOf: (type: string, id: string) => TargetStatus["verdict"] | undefined;
  /** Milliseconds between two readings of an uptime; 20 when not given. */
  readonly uptimeGapMs?: number;
  /** Milliseconds after the last question until a router's session is closed. */
  readonly idleMs?: number;
}

/** Nothing that a device does changes these. */
const HOPELESS: ReadonlySet<ErrorCode> = new Set(["SB_DEVICE_NOT_IN_LAB", "SB_CONFIG_INVALID"]);

/** What awaits and watches targets needs of a prober. */
export type TargetProber = Pick<Prober, "probe">;

/** Asks the outside how a target is. It keeps sessions, interface indexes, and answers about many targets at once. */
export class Prober {
  readonly #options: ProberOptions;
  readonly #snmp: SnmpProbes;
  readonly #sessions: OperationalSessions;
  readonly #vrrp: VrrpProbes;
  readonly #stopping = new AbortController();

  constructor(options: ProberOptions) {
    const { snmp, connector, clock, logger, uptimeGapMs, idleMs } = options;
    this.#options = options;
    this.#snmp = new SnmpProbes({ snmp, clock, uptimeGapMs: uptimeGapMs ?? 20, stopping: this.#stopping.signal });
    this.#sessions = new OperationalSessions({
      connector,
      clock,
      logger,
      ...(idleMs === undefined ? {} : { idleMs }),
    });
    this.#vrrp = new VrrpProbes({ sessions: this.#sessions, secrets: options.secrets, clock });
  }

  /**
   * How a target is now. What cannot be asked is `unavailable`, with the error's report as its reason.
   * @param options.maxAgeMs how old an answer may be that a device gave about many targets at once; 0 when not given
   * @throws SB_DEVICE_NOT_IN_LAB, SB_CONFIG_INVALID: asking again cannot help
   */
  async probe(target: MonitoringTarget, options: { readonly maxAgeMs?: number } = {}): Promise<TargetStatus> {
    try {
      return await this.#ask(target, options.maxAgeMs ?? 0);
    } catch (thrown) {
      const error = asSignalboxError(thrown);
      if (error.code === "SB_INTERNAL" && !this.#stopping.signal.aborted) {
        const fields = { target: target.name, kind: target.kind, error: error.message };
        this.#options.logger.error(fields, "asking a monitoring target failed unexpectedly");
      }
      if (HOPELESS.has(error.code)) throw error;
      return unavailableBecause(error);
    }
  }

  /** Closes the sessions that it opened, and waits for that. Probes under way and later ones answer `unavailable`. */
  async close(): Promise<void> {
    this.#stopping.abort(stoppedError());
    await this.#sessions.close();
  }

  async #ask(target: MonitoringTarget, maxAgeMs: number): Promise<TargetStatus> {
    if (this.#stopping.signal.aborted) throw stoppedError();
    const { host, password } = target.settings;
    if (typeof host === "string" && typeof password === "string") this.#options.mayLogIn?.(host, password);
    switch (target.kind) {
      case "snmp_uptime":
        return this.#snmp.uptime(target);
      case "snmp_interface":
        return this.#snmp.interface(target);
      case "vrrp_session":
        return this.#vrrp.probe(target, maxAgeMs);
      case "bgp_session":
        return probeBgp(target, this.#sessions, this.#options.secrets);
      case "igs_counter":
        return probeCounter(target, this.#sessions, this.#options.secrets);
      case "resource_status":
        return this.#resource(textSetting(target, "type"), textSetting(target, "id"));
      case "contrail_uve":
        return this.#uve(textSetting(target, "kind"), fqNameSetting(target, "fq_name"));
      default:
        throw new SignalboxError(
          "SB_PARAMETER_INVALID",
          `The monitoring target ${target.name} is of the unknown kind ${target.kind}`,
        );
    }
  }

  #resource(type: string, id: string): TargetStatus {
    const verdict = this.#options.statusOf(type, id);
    switch (verdict) {
      case "good":
        return active;
      case "bad":
        return down(`${type} ${id} is not up`);
      case "unavailable":
        return unavailable(`The monitoring of ${type} ${id} is unavailable`);
      case undefined:
        return unavailable(`${type} ${id} is not monitored yet`);
      default:
        return verdict satisfies never;
    }
  }

  async #uve(kind: string, fqName: readonly string[]): Promise<TargetStatus> {
    const view = await this.#options.controller.uve(kind, fqName);
    return view === undefined ? down(`The controller's analytics know no ${kind} ${fqName.join(":")}`) : active;
  }
}

function stoppedError(): SignalboxError {
  return new SignalboxError("SB_NOT_READY", "Monitoring is stopping");
}
