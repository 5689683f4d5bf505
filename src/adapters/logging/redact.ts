// Compared without case, hyphens and underscores, at the end of the name: bgp_md5, authentication-key, snmpPassword.
const secretName =
  /(password|passwd|passphrase|secret|token|authenticationkey|privatekey|apikey|md5|md5key|authorization|cookie|credentials)$/;
const deepest = 12;

/** Stands where a secret was. */
export const redacted = "[redacted]";

/**
 * A copy of a log field's value without secrets: fields with the name of a secret at any depth, and credentials in URLs.
 * Errors become plain data with their code, advice, stack and causes.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth >= deepest) return "[too deep]";
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (value instanceof Error) return redact(errorFields(value), depth);
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return redact(Object.fromEntries(value), depth);
  if (value instanceof Set) return redact([...value], depth);
  const copy: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    copy[name] = isSecretName(name) && field !== undefined && field !== null ? redacted : redact(field, depth + 1);
  }
  return copy;
}

/** The text without the credentials of URLs in it. */
export function redactText(text: string): string {
  return text.includes("://") ? text.replace(/:\/\/[^\s/@]+@/g, `://${redacted}@`) : text;
}

function isSecretName(name: string): boolean {
  return secretName.test(name.replace(/[-_]/g, "").toLowerCase());
}

function errorFields(error: Error): Record<string, unknown> {
  return {
    type: error.name,
    ...error,
    message: error.message,
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  };
}
