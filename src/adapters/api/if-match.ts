import type { RequestOptions } from "../../actors/gateway-api.ts";
import { SignalboxError } from "../../errors.ts";

const TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/** The entity tag of a version (RFC 9110 section 8.8.3). */
export function entityTag(version: number): string {
  return `"${version}"`;
}

/**
 * The versions that If-Match names (RFC 9110 section 13.1.1); none when it is not there, or is `*`. A version without quotes counts as one in
 * quotes; a weak tag is like no version.
 * @throws SB_MALFORMED_REQUEST
 */
export function ifMatch(header: string | undefined): Pick<RequestOptions, "onlyVersions"> {
  if (header === undefined || header.trim() === "*") return {};
  return { onlyVersions: header.split(",").map((text) => versionIn(text.trim())) };
}

function versionIn(tag: string): string {
  if (/^[0-9]{1,15}$/.test(tag)) return tag;
  if (TAG.test(tag)) return tag.startsWith('"') ? tag.slice(1, -1) : tag;
  throw new SignalboxError("SB_MALFORMED_REQUEST", "If-Match is no list of entity tags.", {
    advice: 'Send the ETag of the resource as it was answered, such as "3", or *.',
  });
}
