import type { Command } from "commander";
import type { SealedReport } from "../actors/secrets/sealed-report.ts";
import { askingGateway, type CliContext, clientOf, type GatewayOptions, outputOption } from "./context.ts";
import { asJson, asTable, asYaml, type OutputFormat } from "./render-output.ts";

interface Options extends GatewayOptions {
  output: OutputFormat;
  dryRun?: boolean;
  purge?: boolean;
}

/** `signalbox reseal`: changes the key that secrets are sealed with, or tells what is sealed with which. */
export function secretCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  askingGateway(program.command("reseal"))
    .description("seal every secret with the present key, and count what is sealed with which")
    .option("--dry-run", "only count")
    .option("--purge", "take records out of the log that another key has sealed and that nothing needs any more")
    .addOption(outputOption("table", ["table", "json", "yaml"]))
    .action(async ({ output, dryRun, purge, ...gateway }: Options) => {
      const client = clientOf(context, gateway, program.opts<GatewayOptions>());
      const report =
        dryRun === true
          ? await client.json<SealedReport>("GET", "/signalbox/v1/secrets")
          : await client.json<SealedReport>("POST", `/signalbox/v1/secrets/reseal?purge=${purge === true}`);
      if (output === "json") terminal.out(asJson(report));
      else if (output === "yaml") terminal.out(asYaml(report));
      else terminal.out(textOf(report));
      if (report.left.length > 0) context.exitCode = 1;
    });
}

function textOf({ key, keys, needed, inHistory, resealed, purged, left }: SealedReport): string {
  const ids = [...new Set([key, ...Object.keys(keys)])];
  const rows = ids.map((id) => {
    const { records = 0, documents = 0, history = 0 } = keys[id] ?? {};
    return [id, id === key ? "seals" : "opens", String(records), String(documents), String(history)];
  });
  const advice = [
    needed.length > 0 ? `Still needed: ${needed.join(", ")}.` : "No other key is needed.",
    ...(inHistory.length > 0
      ? [`In older records only: ${inHistory.join(", ")}. --purge takes those records out of the log.`]
      : []),
  ];
  return [
    `${resealed.secrets} secrets of ${resealed.resources} resources sealed anew, ${purged} records purged.\n\n`,
    asTable(["KEY", "", "RECORDS", "DOCUMENTS", "HISTORY"], rows),
    `\n${advice.join("\n")}\n`,
    ...left.map((line) => `Not done: ${line}.\n`),
  ].join("");
}
