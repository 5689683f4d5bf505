import type { Command } from "commander";
import { askingGateway, type CliContext, clientOf, type GatewayOptions, outputOption } from "./context.ts";
import { asJson, asTable, asYaml, cell, type OutputFormat } from "./render-output.ts";

interface Options extends GatewayOptions {
  output: OutputFormat;
}

/** `signalbox documents get|watch`: the documents that other programs read. */
export function documentCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const inherited = () => program.opts<GatewayOptions>();
  const documents = program
    .command("documents")
    .description("show the stored documents, or follow their writes")
    .helpCommand(false);

  askingGateway(documents.command("get [prefix]"))
    .description("print the documents whose keys start with the prefix")
    .addOption(outputOption("table", ["table", "json", "yaml", "ndjson"]))
    .action(async (prefix: string | undefined, options: Options) => {
      const client = clientOf(context, options, inherited());
      const found = await client.documents(prefix ?? "");
      if (options.output === "json") terminal.out(asJson(found));
      else if (options.output === "yaml") terminal.out(asYaml(found));
      else if (options.output === "ndjson") for (const { key, value } of found) terminal.out(line({ key, value }));
      else {
        const rows = found.map(({ key, value, revision }) => [key, String(revision), cell(value)]);
        terminal.out(asTable(["KEY", "REVISION", "VALUE"], rows));
      }
    });

  askingGateway(documents.command("watch [prefix]"))
    .description("print every write below the prefix as it is made, until interrupted; value null is a delete")
    .option("--from-start", "begin with the oldest write that is kept")
    .addOption(outputOption("ndjson", ["ndjson", "json", "yaml", "table"]))
    .action(async (prefix: string | undefined, options: Options & { fromStart?: boolean }) => {
      const client = clientOf(context, options, inherited());
      const { signal } = new AbortController();
      for await (const { key, value } of client.watchDocuments(prefix ?? "", options.fromStart === true, signal)) {
        if (options.output === "yaml") terminal.out(`---\n${asYaml({ key, value })}`);
        else if (options.output === "table") terminal.out(`${key}  ${value === null ? "(deleted)" : cell(value)}\n`);
        else terminal.out(line({ key, value }));
      }
    });
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
