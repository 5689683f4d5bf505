import { readFile } from "node:fs/promises";
import type { JsonObject } from "../actors/gateway-api.ts";
import type { Json } from "../actors/ports.ts";
import { SignalboxError } from "../errors.ts";
import type { CliContext } from "./context.ts";
import type { FieldInfo, ResourceType } from "./gateway-client.ts";
import { readSecret, refuseSecrets } from "./secret-values.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The fields that a create or update sends: those of `--data`, then those of `--set` over them.
 * @param options.data JSON text, `@FILE`, or `-` for the standard input; the resource alone or in its envelope
 * @param options.set `field=value` each, `field.member=value` for a member of an object field; of a secret field where its value is
 * @throws SB_USAGE, also for a secret on the command line, which every user of the machine can read there
 */
export async function readFields(
  type: ResourceType,
  options: { data?: string | undefined; set: readonly string[] },
  { terminal, env }: Pick<CliContext, "terminal" | "env">,
): Promise<JsonObject> {
  const fields: Record<string, Json | undefined> =
    options.data === undefined ? {} : { ...(await readData(type, options.data, terminal)) };
  if (options.data !== undefined && options.data !== "-" && !options.data.startsWith("@")) refuseSecrets(type, fields);
  for (const assignment of options.set) {
    const [, name = "", source = ""] = /^([^=]+)=(.*)$/s.exec(assignment) ?? [];
    if (type.fields[name]?.secret === true && source !== "") {
      fields[name] = await readSecret(name, source, { terminal, env });
    } else assign(type, fields, assignment);
  }
  if (Object.keys(fields).length === 0) {
    throw usage("No field is given.", `Give --data JSON, --data @FILE, --data - or --set FIELD=VALUE.`);
  }
  return fields;
}

async function readData(type: ResourceType, data: string, terminal: Terminal): Promise<JsonObject> {
  const source = data === "-" ? "standard input" : data.startsWith("@") ? data.slice(1) : "--data";
  let text = data;
  if (data === "-") text = await terminal.input();
  else if (data.startsWith("@")) {
    text = await readFile(source, "utf8").catch((cause: unknown) => {
      throw usage(`${source} cannot be read: ${(cause as Error).message}.`, "Give the path of a JSON file after @.");
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw usage(`${source} is not JSON: ${(cause as Error).message}.`, `Give an object such as {"name": "a"}.`);
  }
  const object =
    isObject(value) && Object.keys(value).length === 1 && isObject(value[type.type]) ? value[type.type] : value;
  if (!isObject(object)) throw usage(`${source} is not a JSON object.`, `Give an object such as {"name": "a"}.`);
  return object;
}

function assign(type: ResourceType, fields: Record<string, Json | undefined>, assignment: string): void {
  const equals = assignment.indexOf("=");
  if (equals < 1) throw usage(`"${assignment}" sets nothing.`, "Write --set FIELD=VALUE.");
  const name = assignment.slice(0, equals);
  const text = assignment.slice(equals + 1);
  const field = type.fields[name];
  if (field !== undefined) {
    fields[name] = fieldValue(name, field, text);
    return;
  }
  const dot = name.indexOf(".");
  const outer = dot === -1 ? undefined : type.fields[name.slice(0, dot)];
  if (outer === undefined || !typesOf(outer).includes("object")) {
    const settable = Object.entries(type.fields).flatMap(([each, info]) => (info.permission.length > 0 ? [each] : []));
    throw usage(`${type.type} has no field "${name}".`, `Its fields are ${settable.sort().join(", ")}.`);
  }
  const object = name.slice(0, dot);
  const member = name.slice(dot + 1);
  const inner = outer.properties?.[member];
  const before = fields[object];
  fields[object] = {
    ...(isObject(before) ? before : {}),
    [member]: inner === undefined ? text : fieldValue(name, inner, text),
  };
}

/** The text as a value of the field's type; `null` where the field may be null. */
function fieldValue(name: string, field: FieldInfo, text: string): Json {
  const types = typesOf(field);
  if (text === "null" && types.includes("null")) return null;
  for (const type of types) {
    if (type === "string") return text;
    if (type === "integer" && /^-?[0-9]+$/.test(text)) return Number(text);
    if (type === "number" && text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
    if (type === "boolean" && (text === "true" || text === "false")) return text === "true";
    if (type === "object" || type === "array") {
      const value = parsed(text);
      if (type === "array" && Array.isArray(value)) return value;
      if (type === "array" && value === undefined && !/^[[{]/.test(text)) return text === "" ? [] : text.split(",");
      if (type === "object" && isObject(value)) return value;
    }
  }
  const wanted = types.filter((type) => type !== "null").join(" or ");
  const hint = wanted === "object" ? `Give JSON: --set '${name}={"a": "b"}'.` : `Give a value of type ${wanted}.`;
  throw usage(`${name} must be of type ${wanted}, not "${text}".`, hint);
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function typesOf(field: FieldInfo): readonly string[] {
  return typeof field.type === "string" ? [field.type] : field.type;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function usage(message: string, advice: string): SignalboxError {
  return new SignalboxError("SB_USAGE", message, { advice });
}
