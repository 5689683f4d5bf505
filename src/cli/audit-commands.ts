import { createReadStream } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import type { AuditHead } from "../actors/audit/audit-chain.ts";
import type { AuditPage, AuditView } from "../actors/audit/audit-view.ts";
import { type AuditExportHead, type ExportedEntry, verifyAudit } from "../actors/audit/verify-audit.ts";
import { SignalboxError } from "../errors.ts";
import { askingGateway, type CliContext, clientOf, type GatewayOptions, outputOption } from "./context.ts";
import { readLines } from "./read-lines.ts";
import { asJson, asTable, asYaml, type OutputFormat } from "./render-output.ts";

interface ListOptions extends GatewayOptions {
  output: OutputFormat;
  tenant?: string;
  type?: string;
  who?: string;
  action?: string;
  outcome?: string;
  since?: string;
  until?: string;
  limit?: string;
}

/** The parameters of the gateway's audit, as options. */
const FILTERS = {
  tenant: "only what concerns this tenant",
  type: "only what was asked of resources of this type",
  who: "only what this caller asked",
  action: "only this",
  outcome: "only accepted or refused",
  since: "not before this time, such as 2026-11-21T18:05:05Z",
  until: "not after this time",
  limit: "as many at most (100)",
} as const;

/** `signalbox audit list|export|verify`: who did what, and whether what is kept of it is whole. */
export function auditCommands(program: Command, context: CliContext): void {
  const { terminal } = context;
  const client = (options: GatewayOptions) => clientOf(context, options, program.opts<GatewayOptions>());
  const audit = program.command("audit").description("show who did what, and check that nothing of it was changed");
  audit.helpCommand(false);

  const list = askingGateway(audit.command("list")).description("print who did what, the newest first");
  for (const [name, description] of Object.entries(FILTERS)) list.option(`--${name} <value>`, description);
  list.addOption(outputOption("table", ["table", "json", "yaml"])).action(async ({ output, ...given }: ListOptions) => {
    const query = new URLSearchParams();
    for (const name of Object.keys(FILTERS) as Array<keyof typeof FILTERS>) {
      const value = given[name];
      if (value !== undefined) query.set(name, value);
    }
    const path = `/signalbox/v1/audit?${query}`;
    const page = await client(given).json<{ audit: AuditPage["entries"]; next: string | null }>("GET", path);
    if (output === "json") terminal.out(asJson(page.audit));
    else if (output === "yaml") terminal.out(asYaml(page.audit));
    else terminal.out(asTable(["TIME", "WHO", "FROM", "ACTION", "OUTCOME", "WHAT", "COUNT"], page.audit.map(rowOf)));
    if (page.next !== null) terminal.err("There are more: narrow it with --since and --until, or raise --limit.\n");
  });

  askingGateway(audit.command("export"))
    .description("print all that is kept as NDJSON, the newest first; `audit verify --file` checks it later")
    .action(async (options: GatewayOptions) => {
      for await (const line of client(options).auditExport()) terminal.out(`${JSON.stringify(line)}\n`);
    });

  askingGateway(audit.command("verify"))
    .description("check the hash chain: no entry is changed and none is missing")
    .option("--file <file>", "an export, instead of what the gateway has")
    .option(
      "--anchor <index:hash>",
      "an entry of the chain that was written down earlier: the chain must still have it",
      parseAnchor,
    )
    .action(async ({ file, anchor, ...options }: GatewayOptions & { file?: string; anchor?: AuditHead }) => {
      const lines = file === undefined ? client(options).auditExport() : readExport(file);
      const { begin, entries } = await opened(lines, file ?? "the gateway");
      const verdict = await verifyAudit(begin, entries, anchor);
      for (const fault of verdict.faults) terminal.err(`${fault}\n`);
      const { head, unlinked } = verdict;
      const before = unlinked === 0 ? "" : `, ${unlinked} of them from before the chain`;
      terminal.out(`${verdict.entries} entries${before}; anchor ${head.index}:${head.hash}\n`);
      if (verdict.faults.length > 0) context.exitCode = 1;
      terminal.out(verdict.faults.length === 0 ? "The chain is whole.\n" : "The chain is BROKEN.\n");
    });
}

function rowOf({ time, by, action, outcome, error, type, id, name, target, count }: AuditView): string[] {
  const resource = type === null ? [] : [type, name === "" ? (id ?? "") : name];
  const what = [...resource, target ?? ""].filter((word) => word !== "").join(" ");
  const who = by === null ? "" : by.name;
  return [
    new Date(time).toISOString(),
    who,
    by?.from ?? "",
    action,
    error === null ? outcome : `${outcome}: ${error}`,
    what,
    String(count),
  ];
}

function parseAnchor(text: string): AuditHead {
  const match = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text);
  if (match === null) throw new InvalidArgumentError("Give an index and a hash, as audit verify prints them.");
  return { index: Number(match[1]), hash: String(match[2]) };
}

async function* readExport(file: string): AsyncGenerator<unknown> {
  try {
    for await (const line of readLines(createReadStream(file))) yield JSON.parse(line);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new SignalboxError("SB_USAGE", `${file} cannot be read as an export of the audit: ${message}`, {
      cause,
      advice: "Give a file that `signalbox audit export` has written.",
    });
  }
}

/** @throws SB_USAGE when the lines are no export */
async function opened(lines: AsyncIterable<unknown>, source: string) {
  const iterator = lines[Symbol.asyncIterator]();
  const first = await iterator.next();
  const begin = (first.done === true ? undefined : first.value) as Partial<AuditExportHead> | undefined;
  if (typeof begin?.head?.index !== "number" || typeof begin.sweptTo !== "number") {
    throw new SignalboxError("SB_USAGE", `${source} does not begin as an export of the audit does`, {
      advice: "Give a file that `signalbox audit export` has written.",
    });
  }
  const entries = { [Symbol.asyncIterator]: () => iterator } as AsyncIterable<ExportedEntry>;
  return { begin: begin as AuditExportHead, entries };
}
