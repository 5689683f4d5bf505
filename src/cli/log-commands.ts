import type { Command } from "commander";
import type { CliContext } from "./context.ts";
import type { AdoptionReport } from "./system-options.ts";

interface Options {
  config?: string;
  data?: string;
  yes?: boolean;
}

/** `signalbox log adopt`: goes on with the event log that is there when the one that the documents were written from is lost. */
export function logCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const log = program
    .command("log")
    .description("look after the event log of a system that is stopped")
    .helpCommand(false);
  log
    .command("adopt")
    .description("go on with the log that is there, and let its documents be written anew; all processes are stopped")
    .option("--config <file>", "configuration file, as that of `up`")
    .option("--data <dir>", "directory of the data, as that of `up`")
    .option("--yes", "do it; without it nothing is changed")
    .action(async ({ config, data, yes }: Options) => {
      const { adoptPresentLog } = await context.loadStarters();
      const report = await adoptPresentLog({
        ...(config === undefined ? {} : { config }),
        ...(data === undefined ? {} : { data }),
        confirmed: yes === true,
      });
      terminal.out(textOf(report));
      // Asked, not done.
      if (report.deleted === undefined) context.exitCode = 1;
    });
}

function textOf({ reason, position, resources, store, deleted }: AdoptionReport): string {
  const log = `The log in ${store} has ${resources} resources and ends with record ${position}.\n`;
  const fit =
    reason === undefined ? "The documents belong to it.\n" : `The documents do not belong to it: ${reason}.\n`;
  if (deleted !== undefined) {
    return `${log}${fit}It is adopted: ${deleted} documents are deleted, and the next start writes those of this log.\n`;
  }
  return [
    log,
    fit,
    "With --yes the documents are deleted and written anew from this log. Resources that it does not know are gone for good,\n",
    "while what they have configured stays on routers and controller and is nobody's any more: restore the log if there is a backup.\n",
  ].join("");
}
