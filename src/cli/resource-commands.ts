import { Command } from "commander";
import type { ResourceView } from "../actors/gateway-api.ts";
import { SignalboxError } from "../errors.ts";
import {
  askingGateway,
  type CliContext,
  clientOf,
  type GatewayOptions,
  governed,
  outputOption,
  secondsOption,
} from "./context.ts";
import { followTransitions, nextPosition } from "./follow-transitions.ts";
import type { GatewayClient, ResourceType } from "./gateway-client.ts";
import { readFields } from "./parse-fields.ts";
import {
  asJson,
  asTable,
  asYaml,
  cell,
  type OutputFormat,
  resourceTable,
  sorted,
  transitionLine,
} from "./render-output.ts";
import { ResourceTracker } from "./resource-tracker.ts";
import { waitUntilActive, waitUntilGone } from "./wait-for-resource.ts";

interface Common extends GatewayOptions {
  output: OutputFormat;
}
interface Waiting {
  wait?: boolean;
  timeout: number;
}
interface Writing extends Common, Waiting {
  data?: string;
  set: string[];
}

const columns = ["id", "name", "status", "orchestration_state", "operational_state"];

/** `signalbox <type> ...` for any resource type; what types there are the gateway says when a command runs. */
export function resourceProgram(context: CliContext, typeName: string, inherited: GatewayOptions): Command {
  const { terminal } = context;
  const program = governed(new Command(`signalbox ${typeName}`), terminal)
    .description(`Work with resources of the type ${typeName}.`)
    .helpCommand(false);
  const open = async (options: Common): Promise<{ client: GatewayClient; type: ResourceType }> => {
    const client = clientOf(context, options, inherited);
    return { client, type: await client.type(typeName) };
  };
  const command = (words: string, description: string) =>
    askingGateway(program.command(words))
      .description(description)
      .addOption(outputOption("table", ["table", "json", "yaml"]));
  const writing = (words: string, description: string) =>
    command(words, description)
      .option("--data <json>", "the fields as JSON, as @FILE, or - for the standard input")
      .option("--set <field=value>", "one field; can be repeated; of a secret @FILE, env:VARIABLE or -", collect, [])
      .option("--wait", "wait until it is ACTIVE")
      .addOption(secondsOption(600));
  const print = (type: ResourceType, resource: ResourceView, format: OutputFormat) => {
    const envelope = { [type.type]: sorted(resource) };
    terminal.out(format === "json" ? asJson(envelope) : format === "yaml" ? asYaml(envelope) : resourceTable(resource));
  };

  command("list", "list the resources")
    .option("--filter <field=value>", "only those with this value; can be repeated", collect, [])
    .option("--columns <names>", "columns of the table, separated by commas")
    .action(async (options: Common & { filter: string[]; columns?: string }) => {
      const { client, type } = await open(options);
      const shown = columnsOf(type, options.columns);
      const resources = await client.list(type, options.filter.map(pair));
      if (options.output === "table") {
        const rows = resources.map((resource) => shown.map((name) => cell(resource[name])));
        terminal.out(
          asTable(
            shown.map((name) => name.toUpperCase()),
            rows,
          ),
        );
        return;
      }
      const envelope = { [type.collection]: sorted(resources) };
      terminal.out(options.output === "json" ? asJson(envelope) : asYaml(envelope));
    });

  command("show <id|name>", "show one resource").action(async (which: string, options: Common) => {
    const { client, type } = await open(options);
    print(type, await find(client, type, which), options.output);
  });

  writing("create", "create a resource").action(async (options: Writing) => {
    const { client, type } = await open(options);
    const fields = await readFields(type, options, context);
    const made = await watching(client, options.wait === true, async (tracker) => {
      const resource = await client.create(type, fields);
      if (tracker === undefined) return resource;
      const id = String(resource.id);
      await waitUntilActive(tracker, type.type, id, { timeoutMs: options.timeout * 1000 });
      return await client.get(type, id);
    });
    print(type, made, options.output);
  });

  writing("update <id|name>", "change fields of a resource").action(async (which: string, options: Writing) => {
    const { client, type } = await open(options);
    const fields = await readFields(type, options, context);
    const id = String((await find(client, type, which)).id);
    const changed = await watching(client, options.wait === true, async (tracker) => {
      const resource = await client.update(type, id, fields);
      if (tracker === undefined || resource.status === "ACTIVE") return resource;
      await waitUntilActive(tracker, type.type, id, { timeoutMs: options.timeout * 1000 });
      return await client.get(type, id);
    });
    print(type, changed, options.output);
  });

  askingGateway(program.command("delete <id|name>"))
    .description("delete a resource")
    .option("--wait", "wait until it is gone")
    .addOption(secondsOption(600))
    .action(async (which: string, options: Common & Waiting) => {
      const { client, type } = await open(options);
      const id = String((await find(client, type, which)).id);
      await watching(client, options.wait === true, async (tracker) => {
        await client.remove(type, id);
        if (tracker !== undefined)
          await waitUntilGone(client, tracker, type, id, { timeoutMs: options.timeout * 1000 });
      });
      terminal.out(`${type.type} ${id} ${options.wait === true ? "is gone" : "is being deleted"}\n`);
    });

  command("retry <id|name>", "start the failed version of a resource again").action(
    async (which: string, options: Common) => {
      const { client, type } = await open(options);
      const { id } = await find(client, type, which);
      print(type, await client.retry(type, String(id)), options.output);
    },
  );

  command("watch [id|name]", "print transitions as they happen, until interrupted")
    .option("--from-start", "begin with the oldest transition that is kept")
    .action(async (which: string | undefined, options: Common & { fromStart?: boolean }) => {
      const { client, type } = await open(options);
      const { signal } = new AbortController();
      const id = which === undefined ? undefined : String((await find(client, type, which)).id);
      const from = options.fromStart === true ? 1 : await nextPosition(client, signal);
      for await (const transition of followTransitions(client, from, signal)) {
        if (transition.type !== type.type || (id !== undefined && transition.id !== id)) continue;
        if (options.output === "json") terminal.out(`${JSON.stringify(transition)}\n`);
        else if (options.output === "yaml") terminal.out(`---\n${asYaml(transition)}`);
        else terminal.out(`${transitionLine(transition)}\n`);
      }
    });

  return program;
}

/**
 * The resource with that id, else the only one with that name.
 * @throws SB_NOT_FOUND; SB_USAGE when the name is not the name of one alone
 */
async function find(client: GatewayClient, type: ResourceType, which: string): Promise<ResourceView> {
  try {
    return await client.get(type, which);
  } catch (thrown) {
    const absent = thrown instanceof SignalboxError && thrown.code === "SB_NOT_FOUND";
    if (!absent || type.fields.name === undefined) throw thrown;
  }
  const named = await client.list(type, [["name", which]]);
  const [first, second] = named;
  if (first === undefined) {
    throw new SignalboxError("SB_NOT_FOUND", `There is no ${type.type} with the id or name "${which}".`, {
      advice: `signalbox ${type.type} list shows which there are.`,
    });
  }
  if (second === undefined) return first;
  throw new SignalboxError("SB_USAGE", `${named.length} resources of the type ${type.type} are called "${which}".`, {
    advice: `Give one of the ids ${named.map((each) => String(each.id)).join(", ")}.`,
  });
}

/** Runs an action with transitions tracked from before its request on, so that none is missed; or without. */
async function watching<T>(
  client: GatewayClient,
  track: boolean,
  action: (tracker: ResourceTracker | undefined) => Promise<T>,
): Promise<T> {
  if (!track) return await action(undefined);
  const leave = new AbortController();
  const tracker = new ResourceTracker();
  const from = await nextPosition(client, leave.signal);
  const following = (async () => {
    for await (const transition of followTransitions(client, from, leave.signal)) tracker.add(transition);
  })().catch((thrown: unknown) => tracker.fail(thrown));
  try {
    return await action(tracker);
  } finally {
    leave.abort();
    await following;
  }
}

function columnsOf(type: ResourceType, wanted: string | undefined): readonly string[] {
  const names = wanted === undefined ? columns : wanted.split(",").map((name) => name.trim());
  const known = names.filter((name) => type.fields[name] !== undefined);
  if (wanted !== undefined && known.length < names.length) {
    const unknown = names.filter((name) => !known.includes(name)).join(", ");
    throw new SignalboxError("SB_USAGE", `${type.type} has no field "${unknown}".`, {
      advice: `Its fields are ${Object.keys(type.fields).sort().join(", ")}.`,
    });
  }
  return known;
}

function pair(text: string): readonly [string, string] {
  const equals = text.indexOf("=");
  if (equals < 1)
    throw new SignalboxError("SB_USAGE", `"${text}" is no filter.`, { advice: "Write --filter FIELD=VALUE." });
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
