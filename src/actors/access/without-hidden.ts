import type { TypeSchema } from "../../catalogue/field-schema.ts";
import { SignalboxError } from "../../errors.ts";

export interface Shown {
  readonly types: readonly TypeSchema[];
  /** What the caller has sent: it may be told that. */
  readonly given: unknown;
  /** Whether the caller sees a resource. */
  readonly sees: (type: string, id: string) => Promise<boolean>;
}

/** A resource as messages name it. */
const NAMED = /\b([a-z][a-z0-9_]*) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\b/g;

/** The error with a type in place of each resource that the caller neither sees nor has named. */
export async function withoutHidden(error: SignalboxError, { types, given, sees }: Shown): Promise<SignalboxError> {
  const known = new Set(types.map(({ type }) => type));
  const sent = JSON.stringify(given) ?? "";
  const texts = [error.message, error.advice, ...error.fields.map(({ detail }) => detail)];
  const hidden = new Set<string>();
  for (const [whole, type = "", id = ""] of texts.flatMap((text) => [...text.matchAll(NAMED)])) {
    if (!known.has(type) || sent.includes(id) || hidden.has(whole)) continue;
    if (!(await sees(type, id))) hidden.add(whole);
  }
  if (hidden.size === 0) return error;
  const shown = (text: string) =>
    text.replaceAll(NAMED, (whole, type: string) => (hidden.has(whole) ? `another ${type}` : whole));
  return new SignalboxError(error.code, shown(error.message), {
    advice: shown(error.advice),
    fields: error.fields.map(({ pointer, detail }) => ({ pointer, detail: shown(detail) })),
  });
}
