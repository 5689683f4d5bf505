import type { AuditQuery } from "../../actors/audit/audit-view.ts";
import { openAction, openOutcome, openTime } from "../api/audit-query.ts";
import type { ApiEndpoint } from "./endpoints.ts";
import { invalid, numberOf, onlyMembers, openObject, textOf } from "./request-bodies.ts";
import type { Subjects } from "./subjects.ts";

/** Members of the body of a request, all texts but the last three. */
export const auditMembers = [
  "type",
  "id",
  "tenant",
  "who",
  "action",
  "outcome",
  "after",
  "since",
  "until",
  "limit",
] as const;

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
  const members = body === undefined ? {} : openObject(body, '{"type": "...", "id": "..."}');
  onlyMembers(members, auditMembers);
  const given = <T>(name: string, open: (text: string) => T): Record<string, T> => {
    const text = textOf(members, name);
    return text === undefined ? {} : { [name]: open(text) };
  };
  const time = (name: "since" | "until"): Record<string, number> =>
    typeof members[name] === "number"
      ? { [name]: openTime(name, String(members[name])) }
      : given(name, (text) => openTime(name, text));
  const asItIs = (text: string) => text;
  const [type, id] = [textOf(members, "type"), textOf(members, "id")];
  if (id !== undefined && type === undefined) throw invalid('"type" is needed with an id.', "/type", "is missing");
  const limit = numberOf(members, "limit", { least: 1, most: Number.MAX_SAFE_INTEGER });
  return {
    ...given("type", asItIs),
    ...given("tenant", asItIs),
    ...given("who", asItIs),
    ...given("action", openAction),
    ...given("outcome", openOutcome),
    ...given("after", asItIs),
    ...time("since"),
    ...time("until"),
    ...(limit === undefined ? {} : { limit }),
    ...(id === undefined || type === undefined ? {} : { resource: { type, id } }),
  };
}
