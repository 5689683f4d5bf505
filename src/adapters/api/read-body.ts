import type { IncomingMessage } from "node:http";
import { SignalboxError } from "../../errors.ts";
import type { HeldBytes } from "./bytes-in-flight.ts";

/**
 * Reads a request body to its end. What is over `limitBytes` is thrown away as it comes, so that the client gets to
 * read the answer instead of a reset connection; only who sends more than `drainBytes` is cut off.
 * @throws SB_BODY_TOO_LARGE, SB_RATE_LIMITED when its sender holds too much, SB_MALFORMED_REQUEST when the connection ends in mid-body
 */
export async function readBytes(
  payload: NodeJS.ReadableStream,
  limits: { limitBytes: number; drainBytes: number; held?: HeldBytes },
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  const tooLarge = () =>
    new SignalboxError("SB_BODY_TOO_LARGE", `The body is over the limit of ${limits.limitBytes} bytes.`);
  try {
    for await (const piece of payload) {
      const chunk = typeof piece === "string" ? Buffer.from(piece) : piece;
      length += chunk.length;
      if (length <= limits.limitBytes) {
        limits.held?.add(chunk.length);
        chunks.push(chunk);
      } else chunks.length = 0;
      if (length > limits.drainBytes) throw tooLarge();
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

/** @throws SB_UNSUPPORTED_MEDIA_TYPE unless the headers promise plain text in UTF-8 */
export function requireUtf8(headers: IncomingMessage["headers"]): void {
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
}
