import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { auditCommands } from "./audit-commands.ts";
import { askingGateway, type CliContext, type GatewayOptions, governed } from "./context.ts";
import { documentCommands } from "./document-commands.ts";
import { logCommands } from "./log-commands.ts";
import { resourceProgram } from "./resource-commands.ts";
import { secretCommands } from "./secret-commands.ts";
import { systemCommands } from "./system-commands.ts";
import type { Starters } from "./system-options.ts";
import { exitCodeOf, showError, type Terminal } from "./terminal.ts";

export interface CliOptions {
  /** Arguments without the program's own name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  readonly loadStarters: () => Promise<Starters>;
}

/**
 * Runs the command line to its end. Answers the exit code: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 timeout.
 * Commands that serve until interrupted end the process by themselves.
 */
export async function run(options: CliOptions): Promise<number> {
  const { terminal } = options;
  const context: CliContext = { ...options, exitCode: 0 };
  try {
    await programOf(context).parseAsync(options.argv, { from: "user" });
    return context.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2;
    showError(terminal, thrown);
    return exitCodeOf(thrown);
  }
}

function programOf(context: CliContext): Command {
  const program = askingGateway(governed(new Command("signalbox"), context.terminal))
    .description("Orchestrates network services: resources in, configured and watched devices out.")
    .usage("[options] <command | resource type> ...")
    .version(version(), "-V, --version", "print the version")
    .enablePositionalOptions()
    .passThroughOptions()
    .helpCommand(false)
    .argument("[type]", "a resource type, such as gw_interface")
    .argument("[words...]", "list, show, create, update, delete, retry or watch, and what they take")
    .addHelpText("after", help)
    .action(async (type: string | undefined, words: string[], options: GatewayOptions) => {
      if (type === undefined) program.help({ error: true });
      else await resourceProgram(context, type, options).parseAsync(words, { from: "user" });
    });
  systemCommands(program, context);
  documentCommands(program, context);
  secretCommands(program, context);
  auditCommands(program, context);
  logCommands(program, context);
  return program;
}

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

const help = `
Resources:
  signalbox <type> list                        list the resources of a type
  signalbox <type> show <id|name>              show one
  signalbox <type> create --set field=value    create one (or --data JSON|@FILE|-)
  signalbox <type> update <id|name> --set ...  change fields
  signalbox <type> delete <id|name>            delete one
  signalbox <type> retry <id|name>             start a failed one again
  signalbox <type> watch [id|name]             print transitions as they happen
  signalbox <type> --help                      what these take

Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 conflict, 5 timeout.`;
