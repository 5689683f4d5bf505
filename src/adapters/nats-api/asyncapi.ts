import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { openFields } from "../api/list-query.ts";
import { openApiDocument } from "../api/openapi.ts";
import { auditChannels, auditMessages, auditOperations, auditRequestSchemas } from "./asyncapi-audit.ts";
import { eventChannels, eventMessages, eventOperations, eventSchemas } from "./asyncapi-events.ts";
import { type Subjects, type Verb, verbs } from "./subjects.ts";

type Part = { readonly [word: string]: unknown };

/** The whole API on NATS as an AsyncAPI 3.0 document, built from nothing but the resource types. */
export function asyncApiDocument(types: readonly TypeSchema[], subjects: Subjects): Part {
  const each = (part: (schema: TypeSchema, verb: Verb) => Part): Part =>
    Object.assign({}, ...types.flatMap((schema) => verbs.map((verb) => part(schema, verb))));
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Signalbox on NATS",
      version: "2.0.0",
      description:
        "Every operation of the REST API as request and reply, and the transitions of all resources as a feed. " +
        `The service ${subjects.namespace} is found by $SRV.PING, $SRV.INFO and $SRV.STATS. ` +
        "An answer with the header Nats-Service-Error-Code is an error; its body is a problem (RFC 9457).",
    },
    defaultContentType: "application/json",
    servers: { nats: { host: "127.0.0.1:4222", protocol: "nats", description: "Where the gateway is connected" } },
    channels: {
      ...each((schema, verb) => channelOf(schema, verb, subjects)),
      replies: { address: null, description: "The inbox that a request names", messages: replyMessages(types) },
      ...eventChannels(subjects),
      ...auditChannels(subjects),
    },
    operations: {
      ...each((schema, verb) => operationOf(schema, verb, subjects)),
      ...eventOperations(subjects),
      ...auditOperations(subjects),
    },
    components: {
      schemas: {
        ...resourceSchemas(types),
        ...eventSchemas(),
        ...auditRequestSchemas(),
        ...headerSchemas(),
        ...bodySchemas(types),
      },
      messages: { ...each(requestMessage), ...answerMessages(types), ...eventMessages(), ...auditMessages() },
    },
  };
}

/** `create_gw_interface`, `list_gw_interfaces`: the same names as in the OpenAPI document and of the endpoints. */
function nameOf({ type, collection }: TypeSchema, verb: Verb): string {
  return `${verb}_${verb === "list" ? collection : type}`;
}

const summaries: Readonly<Record<Verb, (schema: TypeSchema) => string>> = {
  create: ({ type }) => `Create a ${type}; answered when the creation is committed`,
  get: ({ type }) => `Show a ${type}`,
  list: ({ collection }) => `List ${collection}`,
  update: ({ type }) => `Change the fields that are given of a ${type}`,
  delete: ({ type }) => `Delete a ${type}; it is gone when its jobs are done`,
  retry: ({ type }) => `Start the failed version of a ${type} again`,
};

function channelOf(schema: TypeSchema, verb: Verb, subjects: Subjects): Part {
  const name = nameOf(schema, verb);
  return {
    [name]: {
      address: subjects.request(schema.collection, verb),
      messages: { request: reference("messages", name) },
    },
  };
}

function operationOf(schema: TypeSchema, verb: Verb, subjects: Subjects): Part {
  const name = nameOf(schema, verb);
  return {
    [name]: {
      action: "receive",
      summary: summaries[verb](schema),
      tags: [{ name: schema.type }],
      channel: { $ref: `#/channels/${name}` },
      messages: [{ $ref: `#/channels/${name}/messages/request` }],
      bindings: { nats: { queue: `${subjects.namespace}-gateway` } },
      reply: replyOf(answerOf(schema, verb)),
    },
  };
}

/** An answer of that name, or an error, in the inbox that the request names. */
function replyOf(answer: string): Part {
  return {
    channel: { $ref: "#/channels/replies" },
    messages: [{ $ref: `#/channels/replies/messages/${answer}` }, { $ref: "#/channels/replies/messages/problem" }],
  };
}

function answerOf({ type, collection }: TypeSchema, verb: Verb): string {
  if (verb === "list") return collection;
  return verb === "delete" ? "deleted" : type;
}

function requestMessage(schema: TypeSchema, verb: Verb): Part {
  const { type, collection } = schema;
  const payloads: Readonly<Record<Verb, Part>> = {
    create: envelope(type, reference("schemas", `${type}_create`)),
    get: reference("schemas", "Id"),
    list: reference("schemas", `${collection}_filters`),
    update: {
      type: "object",
      required: ["id", type],
      properties: { id: { type: "string" }, [type]: reference("schemas", `${type}_update`) },
      additionalProperties: false,
    },
    delete: reference("schemas", "Id"),
    retry: reference("schemas", "Id"),
  };
  const headers: Readonly<Record<Verb, string>> = {
    create: "KeyedRequestHeaders",
    get: "RequestHeaders",
    list: "RequestHeaders",
    update: "ChangeHeaders",
    delete: "VersionHeaders",
    retry: "VersionHeaders",
  };
  return {
    [nameOf(schema, verb)]: {
      title: summaries[verb](schema),
      headers: reference("schemas", headers[verb]),
      payload: payloads[verb],
    },
  };
}

function answerMessages(types: readonly TypeSchema[]): Part {
  const answer = (title: string, payload: Part): Part => ({
    title,
    headers: reference("schemas", "AnswerHeaders"),
    payload,
  });
  const resources = types.flatMap(({ type, collection }) => [
    [`answer_${type}`, answer(`The ${type}`, envelope(type, reference("schemas", type)))],
    [
      `answer_${collection}`,
      answer(`The ${collection}`, {
        type: "object",
        required: [collection],
        properties: {
          [collection]: { type: "array", items: reference("schemas", type) },
          total: { type: "integer", description: "How many match, when a part of them was asked for" },
        },
        additionalProperties: false,
      }),
    ],
  ]);
  return {
    ...Object.fromEntries(resources),
    answer_deleted: answer("The deletion is committed", { type: "object", maxProperties: 0 }),
    answer_problem: {
      title: "The request failed; `code` says how, `advice` what to do about it",
      contentType: "application/problem+json",
      headers: reference("schemas", "ErrorHeaders"),
      payload: reference("schemas", "Problem"),
    },
  };
}

function replyMessages(types: readonly TypeSchema[]): Part {
  const names = [
    ...types.flatMap(({ type, collection }) => [type, collection]),
    "deleted",
    "problem",
    "replay",
    "audit",
  ];
  return Object.fromEntries(names.map((name) => [name, reference("messages", `answer_${name}`)]));
}

/** As in the OpenAPI document, where the references are the same. */
function resourceSchemas(types: readonly TypeSchema[]): Part {
  const { components } = openApiDocument(types) as { components: { schemas: Part } };
  const wanted = new Set([
    ...types.flatMap(({ type }) => [type, `${type}_create`, `${type}_update`]),
    "Problem",
    "Transition",
    "AuditEntry",
    "Job",
  ]);
  return Object.fromEntries(Object.entries(components.schemas).filter(([name]) => wanted.has(name)));
}

function bodySchemas(types: readonly TypeSchema[]): Part {
  const filters = types.flatMap((schema) => [
    [`${schema.type}_field`, { enum: [...Object.keys(schema.fields), "error"] }],
    [`${schema.type}_open_field`, { enum: openFields(schema), description: "All fields but secrets" }],
    [
      `${schema.collection}_filters`,
      {
        type: "object",
        title: `Which ${schema.collection}: those whose named fields have the value, or one of the values; without a body all`,
        properties: {
          filters: {
            type: "object",
            propertyNames: reference("schemas", `${schema.type}_open_field`),
            additionalProperties: reference("schemas", "FilterValues"),
          },
          sort_key: oneOrMore(reference("schemas", `${schema.type}_open_field`)),
          sort_order: reference("schemas", "SortOrder"),
          limit: reference("schemas", "Limit"),
          offset: reference("schemas", "Offset"),
          marker: reference("schemas", "Marker"),
          fields: oneOrMore(reference("schemas", `${schema.type}_field`)),
        },
        additionalProperties: false,
        examples: [{ filters: { name: `some-${schema.type}` }, sort_key: "name", limit: 100 }],
      },
    ],
  ]);
  const value = { type: ["string", "number", "boolean"] };
  const count = { type: "integer", minimum: 0 };
  return {
    FilterValues: oneOrMore(value),
    SortOrder: oneOrMore({ enum: ["asc", "desc"] }),
    Limit: { ...count, description: "How many to answer at most; the answer has `total`" },
    Offset: { ...count, description: "How many to leave out; the answer has `total`" },
    Marker: { type: "string", description: "Id of the last one of the page before; the answer has `total`" },
    ...Object.fromEntries(filters),
    Id: {
      type: "object",
      title: "Which resource",
      required: ["id"],
      properties: { id: { type: "string" } },
      additionalProperties: false,
    },
  };
}

function oneOrMore(item: Part): Part {
  return { anyOf: [item, { type: "array", items: item }] };
}

function headerSchemas(): Part {
  const text = { type: "string" };
  const passed = {
    "X-Request-Id": { ...text, pattern: "^[!-~]{1,128}$", description: "Answered back and logged; made when not sent" },
    traceparent: { ...text, description: "W3C Trace Context: answered back and logged" },
    tracestate: { ...text, description: "W3C Trace Context: answered back and logged" },
  };
  const key = {
    ...text,
    pattern: "^[!-~]{1,255}$",
    description: "Chosen by the client, the same when it sends the request again whose answer it has not seen",
  };
  const version = {
    ...text,
    description: "ETags of the versions that the change is for, or *; another version is error 412",
  };
  const tag = { ...text, pattern: '^"[0-9]+"$', description: "Version of the resource that is answered" };
  const errors = {
    "Nats-Service-Error": { ...text, description: "title: detail" },
    "Nats-Service-Error-Code": { ...text, pattern: "^[45][0-9]{2}$", description: "HTTP status" },
  };
  const headers = (properties: Part, required: readonly string[] = []): Part => ({
    type: "object",
    properties,
    ...(required.length === 0 ? {} : { required }),
  });
  return {
    RequestHeaders: headers(passed),
    KeyedRequestHeaders: headers({ "Nats-Msg-Id": key, ...passed }),
    VersionHeaders: headers({ "If-Match": version, ...passed }),
    ChangeHeaders: headers({ "Nats-Msg-Id": key, "If-Match": version, ...passed }),
    AnswerHeaders: headers({ ETag: tag, ...passed }, ["X-Request-Id"]),
    ErrorHeaders: headers({ ...errors, ...passed }, ["X-Request-Id", ...Object.keys(errors)]),
  };
}

function envelope(name: string, content: Part): Part {
  return { type: "object", required: [name], properties: { [name]: content }, additionalProperties: false };
}

function reference(kind: "schemas" | "messages", name: string): Part {
  return { $ref: `#/components/${kind}/${name}` };
}
