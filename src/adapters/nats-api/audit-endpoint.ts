import type { AuditQuery } from "../../actors/audit/audit-view.ts";
import type { JsonObject } from "../../actors/gateway-api.ts";
import { SignalboxError } from "../../errors.ts";
import { openAction, openTime } from "../api/audit-query.ts";
import { escapePointer } from "../api/envelope.ts";
import type { ApiEndpoint } from "./endpoints.ts";
import type { Subjects } from "./subjects.ts";

/** Members of the body of a request, all texts but the last three. */
export const auditMembers = ["type", "id", "tenant", "who", "action", "after", "since", "until", "limit"] as const;

/** Who did what, in pages: with `type` and `id` to one resource, whether it is still there or not, else to all. */
export function auditEndpoint(subjects: Subjects, base: string): ApiEndpoint {
  return {
    name: "audit",
    subject: subjects.audit,
    metadata: { answer: `${base}/openapi.json#/components/schemas/AuditEntry` },
    call: async ({ api, body }) => {
      const { entries, next } = await api.audit(openAudit(body));
      return { audit: entries, next };
    },
  };
}

/** @throws SB_INVALID_BODY, SB_MALFORMED_REQUEST */
function openAudit(body: unknown): AuditQuery {
  if (body === undefined) return {};
  if (typeof body !== "object" || body === null || Array.isArray(body)) throw invalid("", "must be an object");
  const members = body as JsonObject;
  const known: readonly string[] = auditMembers;
  const extra = Object.keys(members).find((name) => !known.includes(name));
  if (extra !== undefined) throw invalid(`/${escapePointer(extra)}`, "is not allowed here");
  const text = <T>(name: string, open: (given: string) => T): Record<string, T> => {
    const given = members[name];
    if (given === undefined) return {};
    if (typeof given !== "string") throw invalid(`/${name}`, "must be a text");
    return { [name]: open(given) };
  };
  const time = (name: "since" | "until"): Record<string, number> =>
    typeof members[name] === "number"
      ? { [name]: openTime(name, String(members[name])) }
      : text(name, (given) => openTime(name, given));
  const { id, type, limit } = members;
  if (limit !== undefined && !Number.isSafeInteger(limit)) throw invalid("/limit", "must be a whole number");
  if (id !== undefined && typeof id !== "string") throw invalid("/id", "must be a text");
  if (id !== undefined && typeof type !== "string") throw invalid("/type", "is needed with an id");
  const asItIs = (given: string) => given;
  return {
    ...text("type", asItIs),
    ...text("tenant", asItIs),
    ...text("who", asItIs),
    ...text("action", openAction),
    ...text("after", asItIs),
    ...time("since"),
    ...time("until"),
    ...(limit === undefined ? {} : { limit: Number(limit) }),
    ...(typeof id === "string" && typeof type === "string" ? { resource: { type, id } } : {}),
  };
}

function invalid(pointer: string, detail: string): SignalboxError {
  return new SignalboxError("SB_INVALID_BODY", `The body does not say which entries are asked for: ${detail}.`, {
    fields: [{ pointer, detail }],
  });
}
