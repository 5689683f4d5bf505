import type { FastifyRequest } from "fastify";
import { SignalboxError } from "../../errors.ts";

/**
 * A page of anybody's can make a browser send a POST without being asked for leave (Fetch standard, "CORS-safelisted"), as long as that has
 * nothing but what a form has. So a change needs something that a form cannot send: a body of JSON, or at least its content type, or a token.
 * PUT, PATCH and DELETE are always asked for first.
 * @throws SB_UNSUPPORTED_MEDIA_TYPE
 */
export function requireIntent({ method, headers }: FastifyRequest): void {
  if (method !== "POST" || headers["x-auth-token"] !== undefined || headers.authorization !== undefined) return;
  const given = headers["content-type"];
  const [essence = ""] = (given ?? "").split(";");
  // Whatever else it is, it is not one of the three types of forms; the parser of bodies says what it can read.
  if (given !== undefined && !FORMS.has(essence.trim().toLowerCase())) return;
  const hasBody = headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
  const what =
    given === undefined
      ? hasBody
        ? "a body but no content type"
        : "no content type"
      : `the content type ${JSON.stringify(given)}`;
  throw new SignalboxError("SB_UNSUPPORTED_MEDIA_TYPE", `The request has ${what}.`, {
    advice:
      "Send Content-Type: application/json with every POST, also with one that has no body: a page of another site cannot.",
  });
}

const FORMS: ReadonlySet<string> = new Set([
  "",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data",
]);
