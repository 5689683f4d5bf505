import type { Json } from "../../actors/ports.ts";
import { ApiError } from "./api-error.ts";
import { type ConfigApi, schemaOf } from "./config-api.ts";
import { asTexts, isObject, type JsonObject } from "./json-value.ts";
import { KINDS } from "./kinds.ts";
import type { ObjectStore, StoredObject, WireParts } from "./object-store.ts";
import { uveOf } from "./uves.ts";

export interface ApiCall {
  readonly method: string;
  readonly url: URL;
  /** The parsed body; undefined without one. */
  readonly body: unknown;
}

export interface ApiAnswer {
  readonly status: number;
  /** JSON, or text as the controller gives it with an error. */
  readonly body?: Json;
  /** Whether stored objects are different now. */
  readonly changed?: boolean;
}

/**
 * Answers one request of the configuration API or of analytics.
 * @param beforeChange called with the kind before anything of it is changed; may throw
 * @throws ApiError
 */
export function routeCall(
  call: ApiCall,
  api: ConfigApi,
  store: ObjectStore,
  baseUrl: string,
  beforeChange: (kind: string) => void,
): ApiAnswer {
  const { method, url } = call;
  const path = decodedPath(url);
  const [first = "", second, third, fourth, ...rest] = path;
  if (first === "analytics" && second === "uves" && rest.length === 0)
    return method === "GET" ? uve(store, third ?? "", fourth ?? "") : notAllowed(method);
  if (second !== undefined && third === undefined) return onObject(first, second);
  if (second !== undefined) throw new ApiError(404, `Not found: '${url.pathname}'`);
  if (first === "fqname-to-id" && method === "POST") {
    const { type, fq_name: fqName } = bodyOf(call);
    const name = asTexts(fqName);
    if (typeof type !== "string" || !name) throw new ApiError(400, "Bad Request: type and fq_name are needed");
    return { status: 200, body: { uuid: api.lookUp(type.replaceAll("_", "-"), name).uuid } };
  }
  if (first === "id-to-fqname" && method === "POST") {
    const object = store.byUuid(String(bodyOf(call).uuid));
    if (!object) throw new ApiError(404, `UUID ${String(bodyOf(call).uuid)} not found`);
    return { status: 200, body: { fq_name: [...object.fqName], type: object.kind } };
  }
  if (first === "ref-update" && method === "POST") {
    const body = bodyOf(call);
    beforeChange(String(body.type));
    return { status: 200, body: { uuid: api.updateRef(body).uuid }, changed: true };
  }
  return onCollection(first);

  function onObject(kind: string, uuid: string): ApiAnswer {
    schemaOf(kind);
    if (method === "GET")
      return { status: 200, body: { [kind]: store.wire(api.require(kind, uuid), baseUrl, leftOut(url)) } };
    if (method === "PUT") {
      beforeChange(kind);
      const object = api.update(kind, uuid, named(kind));
      return { status: 200, body: { [kind]: { uuid, href: `${baseUrl}/${kind}/${object.uuid}` } }, changed: true };
    }
    if (method === "DELETE") {
      beforeChange(kind);
      api.remove(kind, uuid);
      return { status: 200, body: {}, changed: true };
    }
    return notAllowed(method);
  }

  function onCollection(plural: string): ApiAnswer {
    const kind = Object.keys(KINDS).find((candidate) => `${candidate}s` === plural);
    if (kind === undefined) throw new ApiError(404, `Not found: '${url.pathname}'`);
    if (method === "GET") return { status: 200, body: { [plural]: list(kind) } };
    if (method !== "POST") return notAllowed(method);
    beforeChange(kind);
    const object = api.create(kind, named(kind));
    return { status: 200, body: { [kind]: summary(object) }, changed: true };
  }

  function named(kind: string): JsonObject {
    const body = bodyOf(call)[kind];
    if (!isObject(body)) throw new ApiError(400, `Bad Request: the body must have an object "${kind}"`);
    return body;
  }

  function summary(object: StoredObject): JsonObject {
    const wire = store.wire(object, baseUrl, { children: true, backRefs: true });
    const keys = ["fq_name", "uuid", "name", "href", "parent_type", "parent_uuid", "parent_href"];
    return Object.fromEntries(keys.flatMap((key) => (wire[key] === undefined ? [] : [[key, wire[key]]])));
  }

  function list(kind: string): Json[] {
    const wanted = (key: string) => url.searchParams.get(key)?.split(",");
    const parents = wanted("parent_id");
    const parentNames = wanted("parent_fq_name_str");
    const uuids = wanted("obj_uuids");
    const detail = url.searchParams.get("detail")?.toLowerCase() === "true";
    return store
      .all(kind)
      .filter((object) => !parents || parents.includes(object.parent?.uuid ?? ""))
      .filter((object) => !parentNames || parentNames.includes(object.fqName.slice(0, -1).join(":")))
      .filter((object) => !uuids || uuids.includes(object.uuid))
      .map((object): Json => {
        if (detail) return { [kind]: store.wire(object, baseUrl) };
        return { href: `${baseUrl}/${kind}/${object.uuid}`, fq_name: [...object.fqName], uuid: object.uuid };
      });
  }
}

/** What the server leaves out when the query says so (vnc_cfg_api_server: exclude_children, exclude_back_refs). */
function leftOut({ searchParams }: URL): WireParts {
  const says = (name: string) => searchParams.get(name)?.toLowerCase() === "true";
  return { children: says("exclude_children"), backRefs: says("exclude_back_refs") };
}

/** Analytics answers 200 with an empty object for what it does not know. */
function uve(store: ObjectStore, kind: string, name: string): ApiAnswer {
  const object = store.find(kind, name.split(":"));
  return { status: 200, body: (object && uveOf(store, object)) ?? {} };
}

function bodyOf(call: ApiCall): JsonObject {
  if (!isObject(call.body)) throw new ApiError(400, "Bad Request: the body must be a JSON object");
  return call.body;
}

function decodedPath(url: URL): string[] {
  try {
    return url.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    throw new ApiError(400, `Bad Request: '${url.pathname}'`);
  }
}

function notAllowed(method: string): never {
  throw new ApiError(405, `Method not allowed: ${method}`);
}
