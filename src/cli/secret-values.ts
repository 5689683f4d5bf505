import { readFile } from "node:fs/promises";
import type { Json } from "../actors/ports.ts";
import { SignalboxError } from "../errors.ts";
import type { CliContext } from "./context.ts";
import type { ResourceType } from "./gateway-client.ts";

const ENVIRONMENT = "env:";

/**
 * The value of a secret field: from `@FILE` (without the line's end), from `env:NAME`, or with `-` from the prompt or the standard input.
 * @throws SB_USAGE when it is the secret itself, without repeating it
 */
export async function readSecret(
  field: string,
  source: string,
  { terminal, env }: Pick<CliContext, "terminal" | "env">,
): Promise<string> {
  if (source === "-") {
    const given = terminal.password === undefined ? terminal.input() : terminal.password(`${field}: `);
    return nonEmpty(field, withoutLineEnd(await given), "the standard input");
  }
  if (source.startsWith("@")) {
    const path = source.slice(1);
    const text = await readFile(path, "utf8").catch((cause: unknown) => {
      throw usage(
        `${path} cannot be read: ${(cause as Error).message}.`,
        "Give the path of a file with the secret after @.",
      );
    });
    return nonEmpty(field, withoutLineEnd(text), path);
  }
  if (source.startsWith(ENVIRONMENT)) {
    const name = source.slice(ENVIRONMENT.length);
    return nonEmpty(field, env[name] ?? "", `the environment variable ${name}`);
  }
  throw onCommandLine(field);
}

/** @throws SB_USAGE when fields that stood on the command line have a secret among them */
export function refuseSecrets(type: ResourceType, fields: Readonly<Record<string, Json | undefined>>): void {
  for (const [name, value] of Object.entries(fields)) {
    if (type.fields[name]?.secret === true && typeof value === "string" && value !== "") throw onCommandLine(name);
  }
}

function onCommandLine(field: string): SignalboxError {
  return usage(
    `${field} is a secret, and every user of the machine can read the command line.`,
    `Give --set ${field}=@FILE, --set ${field}=env:VARIABLE, --set ${field}=- for a prompt or the standard input, or --data @FILE.`,
  );
}

function nonEmpty(field: string, value: string, where: string): string {
  if (value === "") throw usage(`${where} has nothing for ${field}.`, `Put the secret there.`);
  return value;
}

function withoutLineEnd(text: string): string {
  return text.replace(/\r?\n$/, "");
}

function usage(message: string, advice: string): SignalboxError {
  return new SignalboxError("SB_USAGE", message, { advice });
}
