import type { AuditExportHead, ExportedEntry } from "../actors/audit/verify-audit.ts";
import type { JsonObject, ResourceView, TransitionView } from "../actors/gateway-api.ts";
import type { DocumentChange, StoredDocument } from "../actors/ports.ts";
import { type ErrorCode, errorTable, type FieldProblem, SignalboxError } from "../errors.ts";
import { type Fetch, fetchOverTls, type TlsFiles } from "./fetch-over-tls.ts";
import { readLines } from "./read-lines.ts";

/** A field as the gateway's schemas page describes it. */
export interface FieldInfo {
  readonly type: string | readonly string[];
  readonly description?: string;
  readonly permission: readonly string[];
  /** Never shown; not to be given where every user of the machine sees it. */
  readonly secret?: boolean;
  readonly properties?: Readonly<Record<string, FieldInfo>>;
}

/** A resource type as the gateway's schemas page describes it. */
export interface ResourceType {
  readonly type: string;
  readonly collection: string;
  readonly title: string;
  readonly fields: Readonly<Record<string, FieldInfo>>;
}

interface SchemasPage {
  readonly schemas: ReadonlyArray<{
    id: string;
    plural: string;
    title: string;
    schema: { properties: Record<string, FieldInfo> };
  }>;
}

/** How Node and OpenSSL call what is wrong with a server's certificate. */
const UNTRUSTED = /^(?:ERR_TLS_CERT_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_)/;
const codes = new Set<string>(errorTable().map((row) => row.code));

/**
 * The gateway's HTTP API. Every failure is a SignalboxError: the gateway's own, with its code, or SB_GATEWAY_UNREACHABLE
 * when nobody answers.
 */
export class GatewayClient {
  readonly url: string;
  readonly #token: string | undefined;
  readonly #send: Fetch;
  #types: Promise<readonly ResourceType[]> | undefined;

  /** @throws SB_USAGE when the URL is none, or a file for TLS cannot be used */
  constructor(url: string, token?: string, tls: TlsFiles = {}) {
    this.#token = token;
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed !== undefined && (parsed.username !== "" || parsed.password !== "")) {
      throw new SignalboxError("SB_USAGE", "The URL of a gateway has no user and password in it.", {
        advice: "Give the token in the environment, as SIGNALBOX_TOKEN.",
      });
    }
    if (parsed?.protocol !== "http:" && parsed?.protocol !== "https:") {
      throw new SignalboxError("SB_USAGE", `"${url}" is not the URL of a gateway.`, {
        advice: "Give a URL such as http://127.0.0.1:9091 with --url or in SIGNALBOX_URL.",
      });
    }
    this.url = url.replace(/\/+$/, "");
    const isPlain = parsed.protocol === "http:" || Object.values(tls).every((file) => file === undefined);
    this.#send = isPlain ? (target, init) => fetch(target, init) : fetchOverTls(tls);
  }

  /** The resource types that the gateway knows. */
  types(): Promise<readonly ResourceType[]> {
    this.#types ??= this.json<SchemasPage>("GET", "/gohan/v0.1/schemas").then(({ schemas }) =>
      schemas.map(({ id, plural, title, schema }) => ({
        type: id,
        collection: plural,
        title,
        fields: schema.properties,
      })),
    );
    return this.#types;
  }

  /**
   * A type by its name, its plural, or either with hyphens.
   * @throws SB_USAGE with the known types
   */
  async type(name: string): Promise<ResourceType> {
    const wanted = name.replaceAll("-", "_");
    const types = await this.types();
    const found = types.find((each) => each.type === wanted || each.collection === wanted);
    if (found !== undefined) return found;
    const known = types.map((each) => each.type).sort();
    throw new SignalboxError("SB_USAGE", `There is no command or resource type "${name}".`, {
      advice: `The resource types are ${known.join(", ")}. See signalbox --help for the commands.`,
    });
  }

  async list(type: ResourceType, filters: ReadonlyArray<readonly [string, string]> = []): Promise<ResourceView[]> {
    const query = new URLSearchParams(filters.map(([name, value]): [string, string] => [name, value])).toString();
    const path = `/v2.0/${type.collection}${query === "" ? "" : `?${query}`}`;
    return (await this.json<Record<string, ResourceView[]>>("GET", path))[type.collection] ?? [];
  }

  async get(type: ResourceType, id: string): Promise<ResourceView> {
    return this.#open(type, await this.json("GET", resourcePath(type, id)));
  }

  async create(type: ResourceType, fields: JsonObject): Promise<ResourceView> {
    return this.#open(type, await this.json("POST", `/v2.0/${type.collection}`, { [type.type]: fields }));
  }

  async update(type: ResourceType, id: string, fields: JsonObject): Promise<ResourceView> {
    return this.#open(type, await this.json("PUT", resourcePath(type, id), { [type.type]: fields }));
  }

  async remove(type: ResourceType, id: string): Promise<void> {
    await this.send("DELETE", resourcePath(type, id));
  }

  async retry(type: ResourceType, id: string): Promise<ResourceView> {
    return this.#open(type, await this.json("POST", `${resourcePath(type, id)}/retry`));
  }

  async documents(prefix: string): Promise<StoredDocument[]> {
    return await this.json("GET", `/signalbox/v1/documents?${new URLSearchParams({ prefix })}`);
  }

  /** Document writes as the gateway makes them, until the signal is aborted. */
  watchDocuments(prefix: string, fromStart: boolean, signal: AbortSignal): AsyncIterable<DocumentChange> {
    const query = new URLSearchParams({ prefix, from_start: String(fromStart) });
    return this.#stream(`/signalbox/v1/documents/watch?${query}`, signal);
  }

  /** Transitions from a log position on; with `follow` until the signal is aborted. */
  transitions(from: number, follow: boolean, signal: AbortSignal): AsyncIterable<TransitionView> {
    const query = new URLSearchParams({ from: String(from), follow: String(follow) });
    return this.#stream(`/signalbox/v1/transitions?${query}`, signal);
  }

  /** All that is kept of who did what: the head of the chain, then the entries. */
  auditExport(): AsyncIterable<AuditExportHead | ExportedEntry> {
    return this.#stream("/signalbox/v1/audit/export", new AbortController().signal);
  }

  /** An answer as text; undefined when the gateway has no such path. */
  async text(path: string): Promise<string | undefined> {
    try {
      return await this.#textOf(await this.send("GET", path, undefined, "text/plain"));
    } catch (thrown) {
      if (thrown instanceof SignalboxError && thrown.exitCode === 3) return undefined;
      throw thrown;
    }
  }

  /** Sends a request and reads the JSON that it is answered with. */
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.send(method, path, body);
    const text = await this.#textOf(response);
    try {
      return (text === "" ? undefined : JSON.parse(text)) as T;
    } catch (cause) {
      throw this.#stranger(`${method} ${path} is not answered with JSON`, cause);
    }
  }

  /** Sends a request; an answer of 400 or more is thrown as the error that it describes. */
  async send(method: string, path: string, body?: unknown, accept = "application/json"): Promise<Response> {
    const response = await this.#fetch(path, {
      method,
      // Also where there is no body: a POST without it could be any web page's, and is refused.
      headers: { accept, ...(method === "GET" ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) return response;
    throw this.#errorOf(response, await this.#textOf(response), `${method} ${path}`);
  }

  /** All of an answer. @throws SB_GATEWAY_UNREACHABLE when the gateway goes away in the middle of it */
  async #textOf(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (thrown) {
      throw new SignalboxError("SB_GATEWAY_UNREACHABLE", `The connection to ${this.url} ended.`, { cause: thrown });
    }
  }

  async *#stream<T>(path: string, signal: AbortSignal): AsyncIterable<T> {
    try {
      const response = await this.#fetch(path, { headers: { accept: "application/x-ndjson" }, signal });
      if (!response.ok) throw this.#errorOf(response, await response.text(), `GET ${path}`);
      if (response.body === null) return;
      for await (const line of readLines(response.body)) {
        const record: unknown = JSON.parse(line);
        const { problem } = record as { readonly problem?: unknown };
        // The last line of a stream that the gateway ends.
        if (problem !== undefined) throw this.#errorOf(response, JSON.stringify(problem), `GET ${path}`);
        yield record as T;
      }
    } catch (thrown) {
      if (signal.aborted) return;
      if (thrown instanceof SignalboxError) throw thrown;
      throw new SignalboxError("SB_GATEWAY_UNREACHABLE", `The connection to ${this.url} ended.`, { cause: thrown });
    }
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      const token = this.#token === undefined ? {} : { "x-auth-token": this.#token };
      return await this.#send(`${this.url}${path}`, { ...init, headers: { ...init.headers, ...token } });
    } catch (thrown) {
      if (init.signal?.aborted === true) throw thrown;
      const cause = thrown instanceof Error ? (thrown.cause as NodeJS.ErrnoException | undefined) : undefined;
      const reasons: Record<string, string> = {
        ECONNREFUSED: "the connection is refused",
        ENOTFOUND: "there is no such host",
        ECONNRESET: "the connection was reset",
        UND_ERR_SOCKET: "the connection was closed",
      };
      const reason = reasons[cause?.code ?? ""] ?? cause?.message ?? (thrown as Error).message;
      if (UNTRUSTED.test(cause?.code ?? ""))
        throw new SignalboxError(
          "SB_GATEWAY_UNREACHABLE",
          `The certificate of ${this.url} is not accepted: ${reason}.`,
          {
            cause: thrown,
            advice:
              "Name the authority that signed it with --ca or SIGNALBOX_CA, and the gateway by a name that it is for.",
          },
        );
      throw new SignalboxError("SB_GATEWAY_UNREACHABLE", `No gateway answers at ${this.url}: ${reason}.`, {
        cause: thrown,
        advice: "Start one with `signalbox up`, or name the right one with --url or SIGNALBOX_URL.",
      });
    }
  }

  #open(type: ResourceType, envelope: Record<string, ResourceView>): ResourceView {
    const resource = envelope[type.type];
    if (resource === undefined) throw this.#stranger(`the answer has no "${type.type}"`);
    return resource;
  }

  #errorOf(response: Response, text: string, what: string): SignalboxError {
    let problem: { code?: unknown; detail?: unknown; advice?: unknown; errors?: unknown } = {};
    try {
      problem = JSON.parse(text) ?? {};
    } catch {
      // Not a problem document: not a Signalbox gateway, or something in between.
    }
    if (typeof problem.code !== "string" || !codes.has(problem.code)) {
      return this.#stranger(`${what} is answered with status ${response.status}`);
    }
    const { device, statement } = problem as { device?: string; statement?: string };
    return new SignalboxError(problem.code as ErrorCode, String(problem.detail ?? what), {
      ...(typeof problem.advice === "string" ? { advice: problem.advice } : {}),
      ...(Array.isArray(problem.errors) ? { fields: problem.errors as FieldProblem[] } : {}),
      ...(device === undefined ? {} : { device }),
      ...(statement === undefined ? {} : { statement }),
    });
  }

  #stranger(what: string, cause?: unknown): SignalboxError {
    return new SignalboxError("SB_GATEWAY_UNREACHABLE", `${this.url} does not answer as a gateway does: ${what}.`, {
      cause,
      advice: "Check that --url or SIGNALBOX_URL names a Signalbox gateway.",
    });
  }
}

function resourcePath(type: ResourceType, id: string): string {
  return `/v2.0/${type.collection}/${encodeURIComponent(id)}`;
}
