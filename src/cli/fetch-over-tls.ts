import { readFileSync } from "node:fs";
import { request } from "node:https";
import { Readable } from "node:stream";
import { SignalboxError } from "../errors.ts";

/** Files by which the two ends of a TLS connection know each other, PEM. */
export interface TlsFiles {
  /** Authorities that sign the gateway's certificate; those that are well known when not given. */
  readonly ca?: string | undefined;
  /** The client's own certificate, and its key. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * A fetch over HTTPS with authorities and a certificate of one's own, which the built-in one has no way to be told.
 * @throws SB_USAGE when a file cannot be read, or a certificate has no key
 */
export function fetchOverTls({ ca, certificate, key }: TlsFiles): Fetch {
  if ((certificate === undefined) !== (key === undefined))
    throw new SignalboxError("SB_USAGE", "A client certificate needs its key, and a key its certificate.", {
      advice: "Give both, with --cert and --key or in SIGNALBOX_CERT and SIGNALBOX_CERT_KEY.",
    });
  const tls = {
    ...(ca === undefined ? {} : { ca: read(ca) }),
    ...(certificate === undefined || key === undefined ? {} : { cert: read(certificate), key: read(key) }),
  };
  return (url, { method = "GET", headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const sent = request(url, {
        ...tls,
        method,
        headers: headers as Record<string, string>,
        ...(signal ? { signal } : {}),
      });
      sent.once("error", (cause) => reject(new TypeError("fetch failed", { cause })));
      sent.once("response", (answer) => {
        const { statusCode: status = 0 } = answer;
        const given = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
        const hasNone = status === 204 || status === 304 || method === "HEAD";
        if (hasNone) answer.resume();
        const content = hasNone ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>);
        resolve(new Response(content, { status, headers: given }));
      });
      sent.end(typeof body === "string" ? body : undefined);
    });
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SignalboxError("SB_USAGE", `${file} cannot be read: ${reason}.`, { cause });
  }
}
