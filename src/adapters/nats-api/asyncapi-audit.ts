import { auditActions, auditOutcomes } from "../api/audit-query.ts";
import type { auditMembers } from "./audit-endpoint.ts";
import type { Subjects } from "./subjects.ts";

type Part = { readonly [word: string]: unknown };

/** The parts of the AsyncAPI document about who did what. */
export function auditChannels(subjects: Subjects): Part {
  return {
    audit: {
      address: subjects.audit,
      title: "Who did what, in pages",
      messages: { request: { $ref: "#/components/messages/audit" } },
    },
  };
}

export function auditOperations(subjects: Subjects): Part {
  return {
    audit: {
      action: "receive",
      summary: "Show who did what, the newest first: to one resource, gone ones too, or to all",
      tags: [{ name: "audit" }],
      channel: { $ref: "#/channels/audit" },
      messages: [{ $ref: "#/channels/audit/messages/request" }],
      bindings: { nats: { queue: `${subjects.namespace}-gateway` } },
      reply: {
        channel: { $ref: "#/channels/replies" },
        messages: [{ $ref: "#/channels/replies/messages/audit" }, { $ref: "#/channels/replies/messages/problem" }],
      },
    },
  };
}

export function auditMessages(): Part {
  return {
    audit: {
      title: "Which writes",
      headers: { $ref: "#/components/schemas/RequestHeaders" },
      payload: { $ref: "#/components/schemas/AuditRequest" },
    },
    answer_audit: {
      title: "A page of writes",
      headers: { $ref: "#/components/schemas/AnswerHeaders" },
      payload: { $ref: "#/components/schemas/AuditPage" },
    },
  };
}

export function auditRequestSchemas(): Part {
  const text = { type: "string" };
  const time = { type: ["string", "integer"], description: "RFC 3339, or milliseconds since the epoch" };
  const properties: Record<(typeof auditMembers)[number], Part> = {
    type: { ...text, description: "Only to resources of this type" },
    id: { ...text, description: "Only to this resource of the type" },
    tenant: { ...text, description: "Only to this tenant's resources" },
    who: { ...text, description: "Only what this caller did" },
    action: { enum: [...auditActions] },
    outcome: { enum: [...auditOutcomes] },
    after: { ...text, description: "The `next` of the page before" },
    since: time,
    until: time,
    limit: { type: "integer", minimum: 1, maximum: 1000, default: 100 },
  };
  return {
    AuditRequest: { type: "object", properties, additionalProperties: false },
    AuditPage: {
      type: "object",
      required: ["audit", "next"],
      properties: {
        audit: { type: "array", items: { $ref: "#/components/schemas/AuditEntry" } },
        next: { type: ["string", "null"], description: "`after` of the next page; null when there are no more" },
      },
    },
  };
}
