import { readFile } from "node:fs/promises";
import type { Json } from "../actors/ports.ts";
import { SignalboxError } from "../errors.ts";

export interface ScenarioRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly body?: Json;
  /** The id by which later bodies and paths of the scenario refer to what this request creates. */
  readonly creates?: string;
}

export interface Scenario {
  readonly requests: readonly ScenarioRequest[];
}

const methods = ["GET", "POST", "PUT", "DELETE"];

/**
 * Reads a scenario file: a JSON object with `requests`; what else is in it is not looked at.
 * @throws SB_USAGE naming the file and the request that is wrong
 */
export async function readScenario(file: string): Promise<Scenario> {
  const wrong = (message: string) =>
    new SignalboxError("SB_USAGE", `${file}: ${message}`, {
      advice:
        'A scenario is {"requests": [{"method": "POST", "path": "/v2.0/networks", "body": {...}, "creates": "<id>"}]}.',
    });
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw wrong(`${(cause as Error).message}.`);
  }
  const requests = (content as { requests?: unknown } | null)?.requests;
  if (!Array.isArray(requests)) throw wrong("there is no list of requests.");
  for (const [index, request] of requests.entries()) {
    const { method, path, creates } = (request ?? {}) as Record<string, unknown>;
    if (!methods.includes(String(method)))
      throw wrong(`request ${index}: method must be one of ${methods.join(", ")}.`);
    if (typeof path !== "string" || !path.startsWith("/")) throw wrong(`request ${index}: path must begin with "/".`);
    if (creates !== undefined && (typeof creates !== "string" || creates === "")) {
      throw wrong(`request ${index}: creates must be an id.`);
    }
  }
  return { requests: requests as ScenarioRequest[] };
}

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;

/**
 * A request with the ids of the scenario replaced by the real ones, in its path and anywhere in its body: a text that is an
 * id, and a UUID inside a text or as the name of a member.
 */
export function withRealIds(request: ScenarioRequest, ids: ReadonlyMap<string, string>): ScenarioRequest {
  const text = (value: string): string => ids.get(value) ?? value.replace(uuid, (found) => ids.get(found) ?? found);
  const json = (value: Json | undefined): Json | undefined => {
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) return value.map((item: Json) => json(item) ?? null);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [text(name), json(member)]));
  };
  const [path = "", query] = request.path.split("?", 2);
  const segments = path.split("/").map(text).join("/");
  const body = json(request.body);
  return {
    ...request,
    path: query === undefined ? segments : `${segments}?${text(query)}`,
    ...(body === undefined ? {} : { body }),
  };
}
