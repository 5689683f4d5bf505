import { SignalboxError } from "../../errors.ts";

/**
 * The key by which a client sends a request again; none when it gave none.
 * @param header name of the header that carried it, for the message
 * @throws SB_MALFORMED_REQUEST unless it is 1 to 255 visible ASCII characters
 */
export function requestKey(header: string, text: string | undefined): { key?: string } {
  if (text === undefined) return {};
  if (!/^[\x21-\x7e]{1,255}$/.test(text)) {
    throw new SignalboxError("SB_MALFORMED_REQUEST", `${header} is not 1 to 255 visible ASCII characters.`);
  }
  return { key: text };
}
