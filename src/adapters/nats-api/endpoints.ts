import type { StreamPermit } from "../../actors/access/stream-permits.ts";
import type { WriteAction } from "../../actors/audit/audit-view.ts";
import type { GatewayApi, RequestOptions, ResourceView } from "../../actors/gateway-api.ts";
import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { openEnvelope } from "../api/envelope.ts";
import { listQuery } from "../api/list-query.ts";
import { pointingInto } from "../api/pointing-into.ts";
import { auditEndpoint } from "./audit-endpoint.ts";
import { isPage, openList } from "./list-body.ts";
import { replayPage } from "./replay-page.ts";
import { openId, openReplay, openUpdate } from "./request-bodies.ts";
import { type Subjects, type Verb, verbs } from "./subjects.ts";

export interface EndpointCall {
  /** The parsed body; undefined when there is none. */
  readonly body: unknown;
  /** The key by which the client sends the request again. Read only where it means something, so that only there it can be wrong. */
  readonly key: () => RequestOptions;
  /** The versions that the sender has seen, where it names them. */
  readonly versions: () => Pick<RequestOptions, "onlyVersions">;
  /** Says the version of what is answered. */
  readonly tag: (version: number | undefined) => void;
  /** The largest answer, in bytes. */
  readonly answerBytes: number;
  /** The gateway as the sender has it. */
  readonly api: GatewayApi;
  /** The sender's right to a stream; undefined where nobody needs a token. */
  readonly openStream: (() => StreamPermit) | undefined;
}

/** One subject on which requests are served. */
export interface ApiEndpoint {
  readonly name: string;
  readonly subject: string;
  /** Where the schemas of request and answer are; a micro service has texts only. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What it does to resources of which type, where it changes something. */
  readonly does?: { readonly type: string; readonly action: WriteAction };
  /** Does what is asked for and gives the answer. Throws SignalboxErrors. */
  readonly call: (request: EndpointCall) => Promise<object>;
}

/** Most transitions of one page. */
const PAGE = 1000;

/** Every operation on every type, the replay of transitions, and who did what. */
export function endpointsOf(types: readonly TypeSchema[], subjects: Subjects, publicUrl: string): ApiEndpoint[] {
  const base = publicUrl.replace(/\/+$/, "");
  const calls = types.flatMap((schema) =>
    verbs.map((verb) => ({
      name: `${verb}_${verb === "list" ? schema.collection : schema.type}`,
      subject: subjects.request(schema.collection, verb),
      metadata: metadataOf(base, schema, verb),
      ...(verb === "get" || verb === "list" ? {} : { does: { type: schema.type, action: verb } }),
      call: callOf(schema, verb),
    })),
  );
  const replay: ApiEndpoint = {
    name: "replay_events",
    subject: subjects.replay,
    metadata: {
      answer: `${base}/openapi.json#/components/schemas/Transition`,
      stream: subjects.stream,
      live: subjects.event("*", "*"),
    },
    call: async ({ api, body, answerBytes, openStream }) => {
      const page = openReplay(body, PAGE);
      const permit = openStream?.();
      try {
        return await replayPage(api, { ...page, bytes: answerBytes, ...(permit && { signal: permit.signal }) });
      } finally {
        permit?.release();
      }
    },
  };
  return [...calls, replay, auditEndpoint(subjects, base)];
}

function metadataOf(base: string, { type, collection }: TypeSchema, verb: Verb): Record<string, string> {
  const component = (name: string) => `${base}/openapi.json#/components/schemas/${name}`;
  return {
    type,
    collection,
    schemas: `${base}/gohan/v0.1/schemas`,
    ...(verb === "create" || verb === "update" ? { request: component(`${type}_${verb}`) } : {}),
    ...(verb === "delete" ? {} : { answer: component(type) }),
    error: component("Problem"),
  };
}

function callOf(schema: TypeSchema, verb: Verb): ApiEndpoint["call"] {
  const { type, collection } = schema;
  const answer = ({ api, tag }: EndpointCall, resource: ResourceView) => {
    tag(api.versionOf(resource));
    return { [type]: resource };
  };
  switch (verb) {
    case "create":
      return async (request) => {
        const fields = openEnvelope(request.body, type);
        const options = request.key();
        return answer(request, await pointingInto(type, () => request.api.create(type, fields, options)));
      };
    case "get":
      return async (request) => answer(request, await request.api.get(type, openId(request.body)));
    case "list":
      return async ({ api, body }) => {
        const request = openList(body);
        const { resources, total } = await api.list(type, listQuery(schema, request));
        return { [collection]: resources, ...(isPage(request) ? { total } : {}) };
      };
    case "update":
      return async (request) => {
        const { id, fields } = openUpdate(request.body, type);
        const options = { ...request.key(), ...request.versions() };
        return answer(request, await pointingInto(type, () => request.api.update(type, id, fields, options)));
      };
    case "delete":
      return async ({ api, body, versions }) => {
        await api.remove(type, openId(body), versions());
        return {};
      };
    case "retry":
      return async (request) =>
        answer(request, await request.api.retry(type, openId(request.body), request.versions()));
    default:
      return verb satisfies never;
  }
}
