import { isIP } from "node:net";
import type { TLSSocket } from "node:tls";
import type { FastifyRequest } from "fastify";
import { SignalboxError } from "../../errors.ts";
import { type Authority, canonicalAddress, defaultPort, parseAuthority } from "./authority.ts";

/** From where requests are taken. */
export interface RequestSourceOptions {
  /**
   * Hosts that requests may be for, `name` (with any port) or `name:port`, beside this machine's own names and the address that the connection
   * came to. `any`: whatever their Host says, which is safe only where each request brings a token.
   */
  readonly hosts?: "any" | readonly string[];
  /** Origins of other pages that may use the API from a browser, such as `https://portal.example`. */
  readonly origins?: readonly string[];
  /** Nobody needs a token because only this machine's own programs come here: what a proxy passes on may be anybody's. */
  readonly noProxies?: boolean;
}

type Scheme = "http" | "https";

/** What a request says of where it goes to and where it comes from. */
export interface RequestHead {
  readonly method: string;
  /** As it stands in the request line. */
  readonly target: string;
  readonly httpVersion: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Names and values in turn, where repeated headers still are. */
  readonly rawHeaders: readonly string[];
  readonly scheme: Scheme;
  /** Where the connection came to; undefined where there is none. */
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
}

const OWN_NAMES = ["localhost", "127.0.0.1", "::1"];
/** What proxies add (RFC 7239, RFC 9110 section 7.6.3, and what came before them). */
const PROXIED = /^(?:forwarded|via|x-forwarded(?:-.*)?|x-real-ip|x-client-ip|x-original-.*|true-client-ip|cf-.*)$/;

/**
 * Refuses what a page of somebody else's makes a browser send, whichever path it is for and whether it reads or writes. A browser says where a
 * request goes to (Host; another name than the gateway's own has been pointed at it: DNS rebinding) and, unasked, where it comes from
 * (Origin, RFC 6454; Sec-Fetch-Site, W3C Fetch Metadata). Programs that are no browsers send neither of the last two.
 */
export class RequestSource {
  readonly #hosts: "any" | readonly Authority[];
  readonly #origins: ReadonlySet<string>;
  readonly #noProxies: boolean;

  /** @throws SB_CONFIG_INVALID for a host or an origin that is none */
  constructor({ hosts = [], origins = [], noProxies = false }: RequestSourceOptions = {}) {
    this.#hosts = hosts === "any" ? hosts : hosts.map(openHost);
    this.#origins = new Set(origins.map(openOrigin));
    this.#noProxies = noProxies;
  }

  /** Whether pages of other origins may use the API at all. */
  get hasOrigins(): boolean {
    return this.#origins.size > 0;
  }

  /**
   * @throws SB_MALFORMED_REQUEST for a Host that is none, is missing or there twice (RFC 9112 section 3.2), SB_MISDIRECTED for another host,
   *   SB_FOREIGN_ORIGIN for another page's request, SB_FORBIDDEN for what came through a proxy
   */
  check(head: RequestHead): void {
    const own = this.#destination(head);
    this.#checkProxies(head);
    const origin = textOf(head.headers["origin"]);
    const isListed = this.allows(origin);
    if (origin !== undefined && !isListed && !isSame(origin, own, head.scheme)) throw foreign(`of ${shown(origin)}`);
    const site = textOf(head.headers["sec-fetch-site"]);
    if (site === undefined || site === "same-origin" || site === "none" || isListed || opensPage(head)) return;
    throw foreign(`of another site (Sec-Fetch-Site: ${shown(site)})`);
  }

  /** Whether an origin is on the list of those that may. */
  allows(origin: string | undefined): boolean {
    return origin !== undefined && this.#origins.has(origin.toLowerCase());
  }

  /** Whom the request is for; undefined for HTTP/1.0 without Host, which names nobody and which no browser sends. */
  #destination(head: RequestHead): Authority | undefined {
    const given = head.rawHeaders.filter((name, at) => at % 2 === 0 && name.toLowerCase() === "host");
    const host = textOf(head.headers["host"]);
    if (given.length > 1) throw malformed("The request has more than one Host header.", "Send one.");
    if (host === undefined && head.httpVersion === "1.1")
      throw malformed("The request has no Host header.", "Send one: HTTP/1.1 needs it.");
    const ofTarget = authorityOfTarget(head);
    const ofHost = host === undefined ? undefined : this.#own(host, head);
    // What the request line names counts more than the header (RFC 9112 section 3.2.2), but neither may be another's.
    return ofTarget === undefined ? ofHost : this.#own(ofTarget, head);
  }

  #own(text: string, head: RequestHead): Authority {
    const authority = parseAuthority(text);
    if (authority === undefined && text !== "")
      throw malformed(`The host ${shown(text)} cannot be used.`, "Send a name or an address, and its port.");
    if (authority !== undefined && this.#isOwn(authority, head)) return authority;
    throw new SignalboxError(
      "SB_MISDIRECTED",
      `The request is for the host ${shown(text)}, which is not this gateway.`,
    );
  }

  #isOwn(authority: Authority, { scheme, localAddress, localPort = defaultPort(scheme) }: RequestHead): boolean {
    if (this.#hosts === "any") return true;
    const { host, port = defaultPort(scheme) } = authority;
    const isNamed = this.#hosts.some((each) => each.host === host && (each.port === undefined || each.port === port));
    if (isNamed) return true;
    // Nobody can point an address somewhere else, as a name can be.
    const isReached = localAddress !== undefined && isIP(host) !== 0 && canonicalAddress(localAddress) === host;
    return port === localPort && (isReached || OWN_NAMES.includes(host));
  }

  #checkProxies({ headers }: RequestHead): void {
    const name = this.#noProxies ? Object.keys(headers).find((each) => PROXIED.test(each)) : undefined;
    if (name === undefined) return;
    throw new SignalboxError(
      "SB_FORBIDDEN",
      `The request came through a proxy (${name}), and nobody here needs a token.`,
      {
        advice: "Name access.tokens_file or access.jwt in the configuration, or say `access: open` (docs/access.md).",
      },
    );
  }
}

export function headOf(request: FastifyRequest): RequestHead {
  const { raw } = request;
  const { socket } = raw;
  return {
    method: raw.method ?? "",
    target: raw.url ?? "",
    httpVersion: raw.httpVersion,
    headers: raw.headers,
    rawHeaders: raw.rawHeaders ?? [],
    scheme: (socket as TLSSocket).encrypted === true ? "https" : "http",
    localAddress: socket.localAddress,
    localPort: socket.localPort,
  };
}

/** The authority of a target in absolute form (RFC 9112 section 3.2.2). */
function authorityOfTarget({ target, scheme }: RequestHead): string | undefined {
  if (target.startsWith("/") || target === "*") return undefined;
  const [, given = "", authority = ""] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)/i.exec(target) ?? [];
  if (given === "") throw malformed(`The target ${shown(target)} cannot be used.`, "Send a path.");
  if (given.toLowerCase() === scheme) return authority;
  throw new SignalboxError("SB_MISDIRECTED", `The request is for ${shown(target)}, and here is ${scheme}.`);
}

function isSame(origin: string, own: Authority | undefined, scheme: Scheme): boolean {
  const { scheme: given, authority } = partsOf(origin) ?? {};
  if (given !== scheme || authority === undefined || own === undefined) return false;
  const portOf = ({ port }: Authority) => port ?? defaultPort(scheme);
  return authority.host === own.host && portOf(authority) === portOf(own);
}

/** A person has followed a link to one of the gateway's own pages: the page that had the link is told nothing of what comes. */
function opensPage({ method, target, headers }: RequestHead): boolean {
  return (
    (method === "GET" || method === "HEAD") &&
    /^\/ui(?:[/?]|$)/.test(target) &&
    headers["origin"] === undefined &&
    headers["sec-fetch-mode"] === "navigate" &&
    headers["sec-fetch-dest"] === "document"
  );
}

function partsOf(origin: string): { scheme: Scheme; authority: Authority } | undefined {
  const [, scheme, rest = ""] = /^(https?):\/\/(.+)$/i.exec(origin) ?? [];
  const authority = parseAuthority(rest);
  return scheme === undefined || authority === undefined
    ? undefined
    : { scheme: scheme.toLowerCase() as Scheme, authority };
}

function openHost(text: string): Authority {
  const authority = parseAuthority(text);
  if (authority !== undefined) return authority;
  throw new SignalboxError("SB_CONFIG_INVALID", `http.allowed_hosts: ${shown(text)} is no host`, {
    advice: "Give a name or an address, such as gateway.example, gateway.example:9091 or [2001:db8::1].",
  });
}

function openOrigin(text: string): string {
  const isOrigin = partsOf(text) !== undefined && new URL(text).origin === text.toLowerCase();
  if (isOrigin) return text.toLowerCase();
  throw new SignalboxError("SB_CONFIG_INVALID", `http.allowed_origins: ${shown(text)} is no origin`, {
    advice:
      "Give scheme, host and port as a browser writes them, such as https://portal.example; there is no way to allow all.",
  });
}

function textOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "object" ? value.join(", ") : value;
}

function shown(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);
}

function malformed(message: string, advice: string): SignalboxError {
  return new SignalboxError("SB_MALFORMED_REQUEST", message, { advice });
}

function foreign(whose: string): SignalboxError {
  return new SignalboxError("SB_FOREIGN_ORIGIN", `The request was sent by a page ${whose}.`);
}
