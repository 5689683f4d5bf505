import { ROLES, type Role } from "../actors/cluster/shares.ts";
import { SignalboxError } from "../errors.ts";

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export type Timing = "instant" | "realistic";

/** What the command line says about a system to start; everything else is in the configuration. */
export interface SystemOptions {
  /** Configuration file. */
  config?: string;
  /** Directory of the embedded stores. */
  data?: string;
  http: HostPort;
  /** What the process does; everything when not given. */
  roles?: readonly Role[];
  /** Also start the simulated devices, and serve their pages under /lab. */
  lab: boolean;
  /** Directory with base configurations of the simulated routers. */
  labConfig?: string;
  /** How long the simulated devices take: no time, or what real ones take. */
  timing: Timing;
  /** Store secrets as they are: for comparisons with captured documents, never for real devices. */
  plainSecrets: boolean;
  /** What to log; when not given, what the configuration says. */
  logLevel?: string;
  /** WebSocket of a Stately inspector that is told of every transition. */
  inspectStately?: string;
}

export interface RunningSystem {
  /** Where its gateway is reached. */
  url: string;
  /** Reads files again that may have changed; not there when none are read again. */
  reload?(): Promise<void>;
  /** Finishes what is running and closes everything. */
  stop(): Promise<void>;
}

export type StartSystem = (options: SystemOptions) => Promise<RunningSystem>;

export interface LabOptions {
  labConfig?: string;
  /** Pairs of routers (1). */
  pairs?: number;
  timing: Timing;
  data?: string;
  http: HostPort;
  /** Whoever reaches the address may change the lab; without it that has to be a loopback address. */
  open?: boolean;
}

/** Starts the simulated devices alone, with their HTTP API. */
export type StartLab = (options: LabOptions) => Promise<RunningSystem>;

export interface AdoptionOptions {
  /** Configuration file. */
  config?: string;
  /** Directory of the embedded stores. */
  data?: string;
  /** Without it nothing is changed. */
  confirmed: boolean;
}

/** The log that is there, and what became of the documents. */
export interface AdoptionReport {
  /** Why the documents do not belong to the log; undefined when they do. */
  readonly reason: string | undefined;
  /** seq of the log's last record. */
  readonly position: number;
  readonly resources: number;
  /** Where the log is. */
  readonly store: string;
  /** Documents that were deleted; undefined when nothing was done. */
  readonly deleted: number | undefined;
}

/** Goes on with the event log that is there. */
export type AdoptLog = (options: AdoptionOptions) => Promise<AdoptionReport>;

/** What starts something or opens the stores, loaded only when a command needs it. */
export interface Starters {
  readonly startSystem: StartSystem;
  readonly startLab: StartLab;
  readonly adoptPresentLog: AdoptLog;
}

/** Where the data of a system lives when nobody says otherwise. */
export const DEFAULT_DATA = ".signalbox";

/** Where `up` listens and where clients look when nothing else is said; the port is Gohan's. */
export const DEFAULT_ADDRESS: HostPort = { host: "127.0.0.1", port: 9091 };

/**
 * Reads a list of roles such as `worker,monitor`.
 * @throws SB_USAGE
 */
export function parseRoles(text: string): Role[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.find((name) => !ROLES.some((role) => role === name));
  if (unknown !== undefined) {
    throw new SignalboxError("SB_USAGE", `"${unknown}" is no role.`, {
      advice: `Give one or more of ${ROLES.join(",")}; everything when --role is left out.`,
    });
  }
  return ROLES.filter((role) => names.includes(role));
}

/**
 * Reads HOST:PORT, also [IPv6]:PORT and PORT alone.
 * @throws SB_USAGE
 */
export function parseHostPort(text: string): HostPort {
  const found = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):)?([0-9]{1,5})$/.exec(text);
  const port = Number(found?.[3] ?? Number.NaN);
  if (found === null || !(port <= 65_535)) {
    throw new SignalboxError("SB_USAGE", `"${text}" is not an address to listen on.`, {
      advice: "Give HOST:PORT, such as 127.0.0.1:9091; port 0 takes any free one.",
    });
  }
  return { host: found[1] ?? found[2] ?? DEFAULT_ADDRESS.host, port };
}
