import type { IncomingMessage } from "node:http";
import type { Json } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { escapePointer } from "./envelope.ts";
import { findDuplicateMember } from "./find-duplicate-member.ts";
import { locateJsonError } from "./locate-json-error.ts";

/** Nesting that no resource needs; deeper bodies would only serve to exhaust the stack of whoever walks them. */
const DEEPEST = 32;

/**
 * Reads a request body to its end. What is over `limitBytes` is thrown away as it comes, so that the client gets to
 * read the answer instead of a reset connection; only who sends more than `drainBytes` is cut off.
 * @throws SB_BODY_TOO_LARGE, SB_MALFORMED_REQUEST when the connection ends in mid-body
 */
export async function readBytes(
  payload: NodeJS.ReadableStream,
  limits: { limitBytes: number; drainBytes: number },
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const tooLarge = () =>
    new SignalboxError("SB_BODY_TOO_LARGE", `The body is over the limit of ${limits.limitBytes} bytes.`);
  try {
    for await (const piece of payload) {
      const chunk = typeof piece === "string" ? Buffer.from(piece) : piece;
      length += chunk.length;
      if (length <= limits.limitBytes) chunks.push(chunk);
      else if (length > limits.drainBytes) throw tooLarge();
    }
  } catch (thrown) {
    if (thrown instanceof SignalboxError) throw thrown;
    throw new SignalboxError("SB_MALFORMED_REQUEST", "The connection ended before the body was complete.", {
      cause: thrown,
    });
  }
  if (length > limits.limitBytes) throw tooLarge();
  return Buffer.concat(chunks, length);
}

/**
 * The content as JSON. An empty body is undefined: whether one is needed is for the route to say.
 * @throws SB_UNSUPPORTED_MEDIA_TYPE, SB_INVALID_JSON with line and column, SB_INVALID_BODY for nesting deeper than 32,
 *   for members called `__proto__` and for members that an object has twice
 */
export function parseJsonBody(bytes: Buffer, headers: IncomingMessage["headers"]): Json | undefined {
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding !== "identity") {
    throw new SignalboxError("SB_UNSUPPORTED_MEDIA_TYPE", `The content encoding "${encoding}" is not supported.`, {
      advice: "Send the body without Content-Encoding.",
    });
  }
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers["content-type"] ?? "")?.[1];
  if (charset !== undefined && charset.toLowerCase() !== "utf-8" && charset.toLowerCase() !== "utf8") {
    throw new SignalboxError("SB_UNSUPPORTED_MEDIA_TYPE", `The charset "${charset}" is not supported.`, {
      advice: "Send JSON in UTF-8 (RFC 8259 section 8.1).",
    });
  }
  if (bytes.length === 0) return undefined;
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SignalboxError("SB_INVALID_JSON", "The body is not UTF-8 text.", { cause });
  }
  return parseJsonText(text);
}

/** JSON.parse with the place of a mistake in the message, and with the limits of `parseJsonBody`. */
export function parseJsonText(text: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const place = locateJsonError(text);
    const where =
      place === undefined
        ? "The body is not JSON."
        : `Line ${place.line}, column ${place.column} (position ${place.offset}): expected ${place.expected}, found ${place.found}.`;
    throw new SignalboxError("SB_INVALID_JSON", where, { cause });
  }
  checkShape(value);
  const twice = findDuplicateMember(text);
  if (twice !== undefined) throw invalidAt(twice, `The body has ${twice} more than once.`, "is there more than once");
  return value as Json;
}

function checkShape(root: unknown): void {
  const open: Array<{ value: unknown; depth: number; pointer: string }> = [{ value: root, depth: 1, pointer: "" }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth, pointer } = next;
    if (typeof value !== "object" || value === null) continue;
    if (depth > DEEPEST)
      throw invalidAt(pointer, `The body is nested deeper than ${DEEPEST} levels.`, "is nested too deeply");
    for (const [key, member] of Object.entries(value)) {
      const inner = `${pointer}/${escapePointer(key)}`;
      // Copied by assignment, such a member would change the prototype of the copy.
      if (key === "__proto__") throw invalidAt(inner, 'No member may be called "__proto__".', "is no possible name");
      open.push({ value: member, depth: depth + 1, pointer: inner });
    }
  }
}

function invalidAt(pointer: string, message: string, detail: string): SignalboxError {
  return new SignalboxError("SB_INVALID_BODY", message, { fields: [{ pointer, detail }] });
}
