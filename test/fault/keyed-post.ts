import type { JsonObject } from "../../src/actors/gateway-api.ts";
import { SignalboxError } from "../../src/errors.ts";

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * Sends a request with an Idempotency-Key, so that it can be sent again when nobody knows what became of it.
 * @param request.url whole, with the path
 * @throws SB_GATEWAY_UNREACHABLE when it may or may not have been taken, SB_NOT_READY when it can be sent again at once
 */
export async function keyedRequest(request: {
  readonly method: string;
  readonly url: string;
  readonly key: string;
  readonly body?: unknown;
}): Promise<Answer> {
  const { method, url, key, body } = request;
  let answer: Answer;
  try {
    const headers = {
      "idempotency-key": key,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const response = await fetch(url, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    answer = { status: response.status, text: await response.text() };
  } catch (cause) {
    throw new SignalboxError("SB_GATEWAY_UNREACHABLE", `no answer from ${url}`, { cause });
  }
  // Nobody stood behind the one that answered, or not in time; the key makes it safe to ask again.
  if ([502, 503, 504].includes(answer.status)) throw new SignalboxError("SB_NOT_READY", answer.text);
  return answer;
}

/**
 * Creates a resource in that way.
 * @throws what `keyedRequest` throws; an error with the answer when it is not created
 */
export async function keyedPost(url: string, key: string, body: unknown): Promise<Record<string, JsonObject>> {
  const { status, text } = await keyedRequest({ method: "POST", url, key, body });
  if (status !== 201) throw new Error(`POST ${url} was answered with ${status}: ${text}`);
  return JSON.parse(text) as Record<string, JsonObject>;
}
