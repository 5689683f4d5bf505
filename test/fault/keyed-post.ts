import type { JsonObject } from "../../src/actors/gateway-api.ts";
import { SignalboxError } from "../../src/errors.ts";

/**
 * Sends a POST with an Idempotency-Key, so that it can be sent again when nobody knows what became of it.
 * @throws SB_GATEWAY_UNREACHABLE when it may or may not have been taken, SB_NOT_READY when it can be sent again at once
 */
export async function keyedPost(url: string, key: string, body: unknown): Promise<Record<string, JsonObject>> {
  let status: number;
  let text: string;
  try {
    const headers = { "content-type": "application/json", "idempotency-key": key };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    status = response.status;
    text = await response.text();
  } catch (cause) {
    throw new SignalboxError("SB_GATEWAY_UNREACHABLE", `no answer from ${url}`, { cause });
  }
  if (status === 503) throw new SignalboxError("SB_NOT_READY", text);
  if (status !== 201) throw new Error(`POST ${url} was answered with ${status}: ${text}`);
  return JSON.parse(text) as Record<string, JsonObject>;
}
