import { type Command, InvalidArgumentError, Option } from "commander";
import { MOST_LAB_PAIRS } from "../lab/lab-devices.ts";
import { GatewayClient } from "./gateway-client.ts";
import type { OutputFormat } from "./render-output.ts";
import { DEFAULT_ADDRESS, parseHostPort, type Starters } from "./system-options.ts";
import type { Terminal } from "./terminal.ts";

/** What every command works with. */
export interface CliContext {
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Loads what starts a system: only commands that need it pay for it. */
  readonly loadStarters: () => Promise<Starters>;
  /** Set by a command that ends without an error but not with success. */
  exitCode: number;
}

/** Which gateway, and how the two know each other. */
export interface GatewayOptions {
  url?: string;
  ca?: string;
  cert?: string;
  key?: string;
}

/** The gateway that the options name, the first that do, or the environment; else the one on this machine. */
export function clientOf(context: CliContext, ...options: readonly GatewayOptions[]): GatewayClient {
  const fallback = `http://${DEFAULT_ADDRESS.host}:${DEFAULT_ADDRESS.port}`;
  const { env } = context;
  const first = (name: keyof GatewayOptions) => options.map((each) => each[name]).find((each) => each !== undefined);
  return new GatewayClient(first("url") ?? givenUrl(context) ?? fallback, givenToken(context), {
    ca: first("ca") ?? (env.SIGNALBOX_CA || undefined),
    certificate: first("cert") ?? (env.SIGNALBOX_CERT || undefined),
    key: first("key") ?? (env.SIGNALBOX_CERT_KEY || undefined),
  });
}

/** The options of every command that asks a gateway. */
export function askingGateway(command: Command): Command {
  return command
    .addOption(urlOption())
    .option(
      "--ca <file>",
      "who signs the gateway's certificate (default: SIGNALBOX_CA, else those that are well known)",
    )
    .option("--cert <file>", "certificate to show to the gateway (default: SIGNALBOX_CERT)")
    .option("--key <file>", "the key of that certificate (default: SIGNALBOX_CERT_KEY)");
}

/** Never an option of the command line: every user of the machine can read those. */
export function givenToken({ env }: CliContext): string | undefined {
  return env.SIGNALBOX_TOKEN || env.OS_TOKEN || undefined;
}

export function givenUrl(context: CliContext): string | undefined {
  const url = context.env.SIGNALBOX_URL;
  return url === undefined || url === "" ? undefined : url;
}

function urlOption(): Option {
  return new Option("--url <url>", "the gateway (default: SIGNALBOX_URL, else http://127.0.0.1:9091)");
}

export function outputOption(preset: OutputFormat, choices: readonly OutputFormat[]): Option {
  return new Option("-o, --output <format>", "how to print").choices(choices).default(preset);
}

export function timingOption(preset: "instant" | "realistic"): Option {
  return new Option("--timing <timing>", "how long simulated devices take")
    .choices(["instant", "realistic"])
    .default(preset);
}

export function pairsOption(): Option {
  return new Option("--pairs <n>", "pairs of simulated routers").default(1).argParser((text) => {
    const pairs = Number(text);
    if (!/^\d{1,3}$/.test(text) || pairs < 1 || pairs > MOST_LAB_PAIRS) {
      throw new InvalidArgumentError(`Give a number of pairs from 1 to ${MOST_LAB_PAIRS}.`);
    }
    return pairs;
  });
}

export function httpOption(preset: string): Option {
  return new Option("--http <host:port>", "address of the gateway")
    .default(parseHostPort(preset), preset)
    .argParser(parseHostPort);
}

export function secondsOption(preset: number): Option {
  return new Option("--timeout <seconds>", "how long to wait").default(preset).argParser((text) => {
    const seconds = Number(text);
    if (text.trim() === "" || !(seconds > 0 && seconds <= 86_400)) {
      throw new InvalidArgumentError("Give a number of seconds from 1 to 86400.");
    }
    return seconds;
  });
}

/** Option values that were given, without the ones that were not: for optional properties that may not be undefined. */
export function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** Makes a command report to the terminal and never end the process by itself. */
export function governed(command: Command, terminal: Terminal): Command {
  return command
    .exitOverride()
    .showHelpAfterError("Add --help to see what the command takes.")
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    });
}
