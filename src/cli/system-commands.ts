import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { type Command, Option } from "commander";
import { ROLES, type Role } from "../actors/cluster/shares.ts";
import {
  askingGateway,
  type CliContext,
  clientOf,
  type GatewayOptions,
  given,
  givenToken,
  givenUrl,
  httpOption,
  pairsOption,
  secondsOption,
  timingOption,
} from "./context.ts";
import { timingSummary } from "./demo-report.ts";
import { GatewayClient } from "./gateway-client.ts";
import { asJson, sorted } from "./render-output.ts";
import { LAB_ROUTERS } from "./replay-recorder.ts";
import { runReplay, startOwnSystem } from "./replay-run.ts";
import { readScenario } from "./scenario-file.ts";
import { stopGracefully, untilStopped } from "./stop-gracefully.ts";
import { DEFAULT_ADDRESS, type HostPort, type LabOptions, parseRoles, type Timing } from "./system-options.ts";

/** The project's own scenario: a VPN gateway from the bare devices to its static route. */
const DEMO_SCENARIO = fileURLToPath(new URL("../../templates/_demo/vpn_gateway.json", import.meta.url));
const HOME = `${DEFAULT_ADDRESS.host}:${DEFAULT_ADDRESS.port}`;

interface UpOptions {
  config?: string;
  role?: Role[];
  data?: string;
  http: HostPort;
  lab?: boolean;
  labConfig?: string;
  timing: Timing;
  plainSecrets?: boolean;
  logLevel?: string;
  inspectStately?: string;
}
type ReplayOptions = Omit<UpOptions, "config" | "lab" | "role" | "inspectStately"> &
  GatewayOptions & {
    logLevel: string;
    out?: string;
    exit?: boolean;
    timeout: number;
  };

/** `signalbox up|demo|replay|lab`: the commands that start something. */
export function systemCommands(program: Command, context: CliContext): void {
  const { terminal } = context;

  program
    .command("up")
    .description("start the gateway and its workers, until interrupted")
    .option("--config <file>", "configuration file")
    .option("--data <dir>", "directory of the data")
    .addOption(httpOption(HOME))
    .addOption(new Option("--role <roles>", `what this process does, of ${ROLES.join(",")}`).argParser(parseRoles))
    .option("--lab", "also start simulated devices, and send all device connections to them")
    .option("--lab-config <dir>", "directory with base configurations of the simulated routers")
    .addOption(timingOption("instant"))
    .option("--plain-secrets", "store secrets unsealed; never with real devices")
    .addOption(logLevelOption())
    .option("--inspect-stately <url>", "tell a Stately inspector of every transition, such as ws://localhost:8080")
    .action(async (options: UpOptions) => {
      const { startSystem } = await context.loadStarters();
      const { lab, plainSecrets, role: roles, ...rest } = options;
      const system = await startSystem({
        ...rest,
        ...(roles === undefined ? {} : { roles }),
        lab: lab === true,
        plainSecrets: plainSecrets === true,
      });
      const { reload } = system;
      stopGracefully(terminal, () => system.stop(), undefined, reload && (() => reload()));
      terminal.out(`Signalbox is up at ${system.url}\n`);
      if (roles?.includes("gateway") ?? true) {
        terminal.out(`See it at ${system.url}/ui/\nTry: signalbox network list --url ${system.url}\n`);
      }
      await untilStopped();
    });

  program
    .command("lab")
    .description("start the simulated devices alone, until interrupted")
    .addOption(pairsOption())
    .option("--lab-config <dir>", "directory with base configurations of the simulated routers")
    .option("--data <dir>", "directory of the data")
    .addOption(httpOption(`${DEFAULT_ADDRESS.host}:9092`))
    .option("--open", "let everybody who reaches the address change the lab")
    .addOption(timingOption("instant"))
    .action(async (options: LabOptions) => {
      const { startLab } = await context.loadStarters();
      const lab = await startLab(options);
      stopGracefully(terminal, () => lab.stop());
      terminal.out(`The lab is up at ${lab.url}\n`);
      await untilStopped();
    });

  askingGateway(replaying(program.command("replay <file>"), "instant", "127.0.0.1:0"))
    .description("send the requests of a scenario file, one at a time, each when the one before is ACTIVE")
    .action(async (file: string, options: ReplayOptions) => {
      const scenario = await readScenario(file);
      // Until it has ended well it has not; an interruption leaves with this too.
      context.exitCode = 1;
      const inherited = program.opts<GatewayOptions>();
      const url = options.url ?? inherited.url ?? givenUrl(context);
      const system = url === undefined ? await startOwnSystem(context, own(options)) : undefined;
      const client =
        system === undefined
          ? clientOf(context, options, inherited)
          : new GatewayClient(system.url, givenToken(context));
      const { ok } = await endingWith(system, options.exit === true, () =>
        runReplay(context, { client, scenario, ...runOf(options) }),
      );
      context.exitCode = ok ? 0 : 1;
      if (system !== undefined && options.exit !== true) {
        terminal.out(`The gateway stays up at ${system.url} until interrupted.\n`);
        await untilStopped();
      }
    });

  replaying(program.command("demo"), "realistic", HOME)
    .description("start a gateway with simulated devices, build a VPN gateway and show what came of it")
    .action(async (options: ReplayOptions) => {
      const scenario = await readScenario(DEMO_SCENARIO);
      context.exitCode = 1;
      const http = await freeAddress(options.http);
      const system = await startOwnSystem(context, { ...own(options), http });
      terminal.out(`Signalbox and its lab are up at ${system.url}\nWatch it at ${system.url}/ui/\n`);
      const client = new GatewayClient(system.url);
      const { ok } = await endingWith(system, options.exit === true, async () => {
        const outcome = await runReplay(context, { client, scenario, ...runOf(options) });
        await showOutcome(context, client);
        terminal.out(`\nSeconds from POST to ACTIVE, beside those of the original system:\n\n`);
        terminal.out(timingSummary(outcome.timings));
        return outcome;
      });
      context.exitCode = ok ? 0 : 1;
      if (options.exit !== true) {
        terminal.out(`\nIt stays up until interrupted; ${system.url}/openapi.json describes its API, `);
        terminal.out(`and ${system.url}/ui/ shows it. Try:\n`);
        terminal.out(`  signalbox gw_interface list --url ${system.url}\n`);
        terminal.out(`  signalbox documents get /state/ --url ${system.url}\n`);
        await untilStopped();
      }
    });
}

function replaying(command: Command, timing: Timing, http: string): Command {
  return command
    .option("--out <dir>", "write documents.ndjson, timeline.ndjson and routers/*.compare there")
    .option("--exit", "leave when done: with 0 when everything is ACTIVE and UP, else with 1")
    .option("--data <dir>", "directory of the data (default: a fresh one that is removed again)")
    .addOption(httpOption(http))
    .addOption(timingOption(timing))
    .option("--lab-config <dir>", "directory with base configurations of the simulated routers")
    .option("--plain-secrets", "store secrets unsealed; never with real devices")
    .addOption(secondsOption(600))
    .addOption(logLevelOption("warn"));
}

/** Without a preset the configuration says what to log, unless the option is given. */
function logLevelOption(preset?: string): Option {
  const option = new Option("--log-level <level>", "what to log").choices(["debug", "info", "warn", "error"]);
  return preset === undefined ? option : option.default(preset);
}

function own(options: ReplayOptions) {
  const { http, timing, logLevel } = options;
  return {
    http,
    timing,
    logLevel,
    ...given({ labConfig: options.labConfig, data: options.data }),
    plainSecrets: options.plainSecrets === true,
  };
}

function runOf(options: ReplayOptions) {
  const quietMs = options.timing === "realistic" ? 3000 : 1000;
  return { ...given({ out: options.out }), timeoutMs: options.timeout * 1000, quietMs };
}

/** Runs an action and stops the system after it when asked to, and in any case when the action fails. */
async function endingWith<T>(
  system: { stop(): Promise<void> } | undefined,
  always: boolean,
  action: () => Promise<T>,
): Promise<T> {
  try {
    const result = await action();
    if (always) await system?.stop();
    return result;
  } catch (thrown) {
    await system?.stop();
    throw thrown;
  }
}

async function showOutcome(context: CliContext, client: GatewayClient): Promise<void> {
  const { terminal } = context;
  for (const name of LAB_ROUTERS) {
    const text = await client.text(`/lab/routers/${name}/compare`);
    if (text !== undefined) terminal.out(`\n${name}# show | compare\n${text.trimEnd()}\n`);
  }
  const type = await client.type("gw_interface");
  for (const resource of await client.list(type)) {
    terminal.out(`\n$ signalbox gw_interface show --output json ${String(resource.id)}\n`);
    terminal.out(asJson({ [type.type]: sorted(resource) }));
  }
}

/** The address when it is free, else any free port of the same host: a demo should not fail for a port. */
async function freeAddress(wanted: HostPort): Promise<HostPort> {
  const free = await new Promise<boolean>((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(wanted.port, wanted.host, () => probe.close(() => resolve(true)));
  });
  return free ? wanted : { host: wanted.host, port: 0 };
}
