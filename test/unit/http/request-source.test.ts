import { describe, expect, it } from "vitest";
import {
  type RequestHead,
  RequestSource,
  type RequestSourceOptions,
} from "../../../src/adapters/http/request-source.ts";
import { asSignalboxError } from "../../../src/errors.ts";

interface Given {
  readonly target?: string;
  readonly method?: string;
  readonly version?: string;
  readonly https?: boolean;
  readonly address?: string;
  readonly port?: number;
  readonly [header: `-${string}`]: string;
}

/** `-name` is a header; a Host that is not named is not sent. */
function headOf(given: Given): RequestHead {
  const headers = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) => (name.startsWith("-") ? [[name.slice(1), String(value)]] : [])),
  );
  return {
    method: given.method ?? "GET",
    target: given.target ?? "/v2.0/networks",
    httpVersion: given.version ?? "1.1",
    headers,
    rawHeaders: Object.entries(headers).flat(),
    scheme: given.https === true ? "https" : "http",
    localAddress: given.address ?? "127.0.0.1",
    localPort: given.port ?? 9091,
  };
}

function outcome(given: Given, options: RequestSourceOptions = {}): string {
  try {
    new RequestSource(options).check(headOf(given));
    return "taken";
  } catch (thrown) {
    return `${asSignalboxError(thrown).status} ${asSignalboxError(thrown).code}`;
  }
}

const MISDIRECTED = "421 SB_MISDIRECTED";
const FOREIGN = "403 SB_FOREIGN_ORIGIN";
const MALFORMED = "400 SB_MALFORMED_REQUEST";

describe("the host that a request is for", () => {
  const rows: ReadonlyArray<readonly [string, Given, string]> = [
    ["the address and its port", { "-host": "127.0.0.1:9091" }, "taken"],
    ["localhost", { "-host": "localhost:9091" }, "taken"],
    ["in upper case", { "-host": "LocalHost:9091" }, "taken"],
    ["with a dot at the end", { "-host": "localhost.:9091" }, "taken"],
    ["two dots at the end", { "-host": "localhost..:9091" }, MALFORMED],
    ["IPv6", { "-host": "[::1]:9091", address: "::1" }, "taken"],
    ["IPv6 at length", { "-host": "[0:0:0:0:0:0:0:1]:9091", address: "::1" }, "taken"],
    ["IPv6 without brackets", { "-host": "::1", address: "::1" }, MALFORMED],
    ["IPv6 with a zone", { "-host": "[fe80::1%25eth0]:9091", address: "fe80::1%eth0" }, MALFORMED],
    ["the address that it came to", { "-host": "10.0.0.7:9091", address: "10.0.0.7" }, "taken"],
    ["that address on an IPv6 socket", { "-host": "10.0.0.7:9091", address: "::ffff:10.0.0.7" }, "taken"],
    ["another address", { "-host": "10.0.0.8:9091", address: "10.0.0.7" }, MISDIRECTED],
    ["a name that somebody has pointed here", { "-host": "attacker.example:9091" }, MISDIRECTED],
    ["that in upper case and with a dot", { "-host": "ATTACKER.example.:9091" }, MISDIRECTED],
    ["a name that begins as its own", { "-host": "localhost.attacker.example:9091" }, MISDIRECTED],
    ["a name that begins as its address", { "-host": "127.0.0.1.attacker.example:9091" }, MISDIRECTED],
    ["a name that ends as its own", { "-host": "attacker-localhost:9091" }, MISDIRECTED],
    ["a name below localhost", { "-host": "attacker.localhost:9091" }, MISDIRECTED],
    ["its number", { "-host": "2130706433:9091" }, MISDIRECTED],
    ["its number in hex", { "-host": "0x7f000001:9091" }, MISDIRECTED],
    ["its short form", { "-host": "127.1:9091" }, MISDIRECTED],
    ["all addresses", { "-host": "0.0.0.0:9091" }, MISDIRECTED],
    ["a user in front", { "-host": "localhost:9091@attacker.example" }, MALFORMED],
    ["a user in front of its own", { "-host": "attacker.example@localhost:9091" }, MALFORMED],
    ["no port", { "-host": "localhost" }, MISDIRECTED],
    ["no port where it is the scheme's", { "-host": "localhost", port: 80 }, "taken"],
    ["no port where it is the scheme's of TLS", { "-host": "localhost", port: 443, https: true }, "taken"],
    ["an empty port", { "-host": "localhost:" }, MISDIRECTED],
    ["another port", { "-host": "localhost:9092" }, MISDIRECTED],
    ["a port that is none", { "-host": "localhost:99999" }, MALFORMED],
    ["a port with a sign", { "-host": "localhost:+9091" }, MALFORMED],
    ["nothing", { "-host": "" }, MISDIRECTED],
    ["two", { "-host": "localhost:9091, attacker.example" }, MALFORMED],
    ["two with a space", { "-host": "localhost:9091 attacker.example" }, MALFORMED],
    ["a path", { "-host": "localhost:9091/x" }, MALFORMED],
    ["other bytes", { "-host": "l\u00f6calhost:9091" }, MALFORMED],
    ["percents", { "-host": "local%68ost:9091" }, MALFORMED],
    ["no Host", {}, MALFORMED],
    ["no Host in HTTP/1.0, which no browser speaks", { version: "1.0" }, "taken"],
    ["a name in HTTP/1.0", { version: "1.0", "-host": "attacker.example:9091" }, MISDIRECTED],
    [
      "a proxy's word for another",
      { "-host": "attacker.example:9091", "-x-forwarded-host": "localhost:9091" },
      MISDIRECTED,
    ],
    ["a whole URL", { target: "http://localhost:9091/livez", "-host": "localhost:9091" }, "taken"],
    ["a whole URL in upper case", { target: "HTTP://LOCALHOST:9091/livez", "-host": "localhost:9091" }, "taken"],
    ["a URL of another", { target: "http://attacker.example:9091/livez", "-host": "localhost:9091" }, MISDIRECTED],
    [
      "a URL of its own for another",
      { target: "http://localhost:9091/livez", "-host": "attacker.example:9091" },
      MISDIRECTED,
    ],
    ["a URL with a user", { target: "http://a@localhost:9091/livez", "-host": "localhost:9091" }, MALFORMED],
    ["a URL of another scheme", { target: "https://localhost:9091/livez", "-host": "localhost:9091" }, MISDIRECTED],
    ["a URL without a host", { target: "http:///livez", "-host": "localhost:9091" }, MISDIRECTED],
    ["a target that is none", { target: "livez", "-host": "localhost:9091" }, MALFORMED],
    ["a path that looks like a host", { target: "//attacker.example/livez", "-host": "localhost:9091" }, "taken"],
    ["OPTIONS of the server", { target: "*", method: "OPTIONS", "-host": "localhost:9091" }, "taken"],
  ];

  it.each(rows)("%s", (_what, given, wanted) => {
    expect(outcome(given)).toBe(wanted);
  });

  it("more than one Host header, of which Node shows the first", () => {
    const head = headOf({ "-host": "localhost:9091" });
    const rawHeaders = ["Host", "localhost:9091", "HOST", "attacker.example"];
    expect(() => new RequestSource().check({ ...head, rawHeaders })).toThrow("more than one Host header");
  });

  it("names that the configuration allows, with their port or with any", () => {
    const options = { hosts: ["Gateway.example", "proxy.example:443", "[2001:DB8::0:1]"] };
    for (const [host, wanted] of [
      ["gateway.example:9091", "taken"],
      ["GATEWAY.example.", "taken"],
      ["proxy.example", MISDIRECTED],
      ["proxy.example:443", "taken"],
      ["[2001:db8::1]:7", "taken"],
      ["attacker.example", MISDIRECTED],
      ["x.gateway.example", MISDIRECTED],
      ["localhost:9091", "taken"],
    ] as const)
      expect([host, outcome({ "-host": host }, options)]).toEqual([host, wanted]);
    expect(outcome({ "-host": "whatever.example:1" }, { hosts: "any" })).toBe("taken");
    expect(outcome({ "-host": "what ever" }, { hosts: "any" })).toBe(MALFORMED);
  });

  it.each(["*", "http://gateway.example", "gateway.example/", "*.example", ""])("no setting: %s", (host) => {
    expect(() => new RequestSource({ hosts: [host] })).toThrow(expect.objectContaining({ code: "SB_CONFIG_INVALID" }));
  });
});

describe("the page that sends a request", () => {
  const own = { "-host": "localhost:9091" } as const;
  const followed = {
    "-sec-fetch-site": "cross-site",
    "-sec-fetch-mode": "navigate",
    "-sec-fetch-dest": "document",
  } as const;
  const rows: ReadonlyArray<readonly [string, Given, string]> = [
    ["none", own, "taken"],
    ["its own", { ...own, "-origin": "http://localhost:9091", "-sec-fetch-site": "same-origin" }, "taken"],
    ["its own in upper case", { ...own, "-origin": "HTTP://LOCALHOST:9091" }, "taken"],
    ["one at another port", { ...own, "-origin": "http://localhost:8080" }, FOREIGN],
    ["one at the scheme's port", { ...own, "-origin": "http://localhost" }, FOREIGN],
    ["one of the other scheme", { ...own, "-origin": "https://localhost:9091" }, FOREIGN],
    ["one of another of its own names", { ...own, "-origin": "http://127.0.0.1:9091" }, FOREIGN],
    ["a foreign one", { ...own, "-origin": "https://attacker.example" }, FOREIGN],
    ["a foreign one at its port", { ...own, "-origin": "http://attacker.example:9091" }, FOREIGN],
    ["one that begins as its own", { ...own, "-origin": "http://localhost:9091.attacker.example" }, FOREIGN],
    ["one with a user", { ...own, "-origin": "http://localhost:9091@attacker.example" }, FOREIGN],
    ["one that hides who it is", { ...own, "-origin": "null" }, FOREIGN],
    ["an empty word", { ...own, "-origin": "" }, FOREIGN],
    ["a file", { ...own, "-origin": "file://" }, FOREIGN],
    ["two", { ...own, "-origin": "http://localhost:9091, https://attacker.example" }, FOREIGN],
    ["an extension of the browser", { ...own, "-origin": "chrome-extension://abcdef" }, FOREIGN],
    ["its own, to a server without a name", { version: "1.0", "-origin": "http://localhost:9091" }, FOREIGN],
    ["a foreign one that does not say its origin", { ...own, "-sec-fetch-site": "cross-site" }, FOREIGN],
    ["one of the same site", { ...own, "-sec-fetch-site": "same-site" }, FOREIGN],
    ["one of a kind that is not known yet", { ...own, "-sec-fetch-site": "other" }, FOREIGN],
    ["two words for one", { ...own, "-sec-fetch-site": "same-origin, cross-site" }, FOREIGN],
    ["the person at the browser", { ...own, "-sec-fetch-site": "none" }, "taken"],
    [
      "its own word for a foreign one",
      { ...own, "-origin": "https://attacker.example", "-sec-fetch-site": "same-origin" },
      FOREIGN,
    ],
    ["a link to the pages", { ...own, ...followed, target: "/ui/resources/network/1?tab=graph" }, "taken"],
    ["a link to the first page", { ...own, ...followed, target: "/ui" }, "taken"],
    ["a link to what only begins so", { ...own, ...followed, target: "/uix" }, FOREIGN],
    ["a link to data", { ...own, ...followed, target: "/v2.0/networks" }, FOREIGN],
    ["a form to the pages", { ...own, ...followed, target: "/ui/", method: "POST" }, FOREIGN],
    ["the pages in a frame", { ...own, ...followed, target: "/ui/", "-sec-fetch-dest": "iframe" }, FOREIGN],
    ["the pages read by a script", { ...own, ...followed, target: "/ui/", "-sec-fetch-mode": "no-cors" }, FOREIGN],
  ];

  it.each(rows)("%s", (_what, given, wanted) => {
    for (const method of given.method === undefined ? ["GET", "POST", "DELETE", "OPTIONS"] : [given.method]) {
      // Only reading is following a link.
      const isLink = given["-sec-fetch-dest"] === "document" && method !== "GET";
      expect([method, outcome({ ...given, method })]).toEqual([method, isLink ? FOREIGN : wanted]);
    }
  });

  it("counts the same over TLS, where the scheme's port is another", () => {
    const tls = { https: true, port: 443, "-host": "localhost" } as const;
    expect(outcome({ ...tls, "-origin": "https://localhost" })).toBe("taken");
    expect(outcome({ ...tls, "-origin": "https://localhost:443" })).toBe("taken");
    expect(outcome({ ...tls, "-origin": "http://localhost" })).toBe(FOREIGN);
    expect(outcome({ ...tls, "-origin": "https://localhost:80" })).toBe(FOREIGN);
  });

  it("may be one that the configuration names, and no other", () => {
    const options = { origins: ["https://Portal.example", "http://portal.example:8080"] };
    const from = (origin: string) => outcome({ ...own, "-origin": origin, "-sec-fetch-site": "cross-site" }, options);
    expect(from("https://portal.example")).toBe("taken");
    expect(from("http://portal.example:8080")).toBe("taken");
    for (const origin of ["http://portal.example", "https://portal.example:8443", "https://x.portal.example", "null"])
      expect([origin, from(origin)]).toEqual([origin, FOREIGN]);
    // What does not say its origin may be anybody's.
    expect(outcome({ ...own, "-sec-fetch-site": "cross-site" }, options)).toBe(FOREIGN);
  });

  it.each([
    "*",
    "null",
    "portal.example",
    "https://portal.example/",
    "https://portal.example:443",
    "https://*.example",
  ])("no setting: %s", (origin) => {
    expect(() => new RequestSource({ origins: [origin] })).toThrow(
      expect.objectContaining({ code: "SB_CONFIG_INVALID", message: expect.stringContaining(origin) }),
    );
  });
});

describe("a proxy in front of a process that asks nobody for a token", () => {
  const headers = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-ray",
  ];
  it.each(headers)("is found by %s", (name) => {
    const given = { "-host": "127.0.0.1:9091", [`-${name}`]: "203.0.113.9" } as Given;
    expect(outcome(given, { noProxies: true })).toBe("403 SB_FORBIDDEN");
    expect(outcome(given)).toBe("taken");
  });
});
