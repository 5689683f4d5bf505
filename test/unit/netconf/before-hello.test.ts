import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { NetconfConnector } from "../../../src/adapters/netconf/connector.ts";
import { BASE, type ScriptedRouterOptions, startScriptedRouter } from "../../servers/scripted-router.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

const DEVICE = "mx-1.example";
const PASSWORD = "Tr0ub4dor-secret";
const END = "]]>]]>";
const HELLO = `<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>${BASE}</capability></capabilities><session-id>7</session-id></hello>${END}`;
const complaint = (tag: string, message: string, severity = "error") =>
  `<rpc-error><error-tag>${tag}</error-tag><error-severity>${severity}</error-severity><error-message>${message}</error-message></rpc-error>`;

describe("what a device says in place of a session", () => {
  const cleanups: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const connectTo = async (port: number, helloMs = 5_000) => {
    const connector = new NetconfConnector({
      addressBook: () => ({ host: "127.0.0.1", port }),
      hostKeys: { mode: "insecure" },
      timeouts: { helloMs, connectMs: 5_000 },
      logger: silentLogger,
    });
    const session = await connector.connect({ host: DEVICE, port: 830, username: "lab", password: PASSWORD });
    cleanups.push(() => session.close());
    return session;
  };
  const connectToRouter = async (options: ScriptedRouterOptions, helloMs?: number) => {
    const router = await startScriptedRouter({ password: PASSWORD, ...options });
    cleanups.push(router.stop);
    return connectTo(router.port, helloMs);
  };
  const error = (code: string, message: RegExp, transient: boolean) =>
    expect.objectContaining({ code, device: DEVICE, transient, message: expect.stringMatching(message) });

  it.each<[string, string, string, RegExp, boolean]>([
    [
      "a locked account",
      "This account is currently not available.\n",
      "SB_DEVICE_AUTH",
      /says: "This account is currently not available\."/,
      false,
    ],
    [
      "an expired account",
      "Your account has expired; please contact your system administrator.\r\n",
      "SB_DEVICE_AUTH",
      /account has expired/,
      false,
    ],
    [
      "a login without rights",
      "error: permission denied: netconf\n",
      "SB_DEVICE_AUTH",
      /permission denied: netconf/,
      false,
    ],
    [
      "an account of another kind",
      "lab is not allowed to login to this system\n",
      "SB_DEVICE_AUTH",
      /not allowed to login/,
      false,
    ],
    [
      "too many sessions",
      "error: too many sessions\n",
      "SB_DEVICE_REFUSED",
      /takes no more sessions: .*says: "error: too many sessions"/,
      true,
    ],
    ["a limit", "Connection limit exceeded\n", "SB_DEVICE_REFUSED", /Connection limit exceeded/, true],
    [
      "a daemon that is away",
      "could not open user interface connection: management daemon not responding\r\n",
      "SB_DEVICE_REFUSED",
      /management daemon not responding/,
      true,
    ],
    [
      "a fork that fails",
      "sh: fork failed: Resource temporarily unavailable\n",
      "SB_DEVICE_REFUSED",
      /fork failed/,
      true,
    ],
    [
      "something else",
      "\u001B[2J\u0007Good\tbye,\r\nfriend\u0000\n",
      "SB_DEVICE_REFUSED",
      /ends the session before its hello: .*says: "Good bye, friend"/,
      true,
    ],
    ["nothing", "", "SB_DEVICE_REFUSED", /ends the session before its hello/, true],
  ])("names %s when the session ends with it, wherever it is written", async (_, text, code, message, transient) => {
    for (const stream of ["stdout", "stderr"] as const) {
      const connecting = connectToRouter({
        opened: (channel) => {
          if (stream === "stdout") channel.write(text);
          else channel.stderr.write(text);
          channel.exit(1);
          channel.end();
        },
      });
      await expect(connecting).rejects.toThrowError(error(code, message, transient));
    }
  });

  it.each<[string, string, RegExp]>([
    [
      "a shell",
      "--- JUNOS 16.1R1.7 built 2016-07-28\r\nlab@mx-1> ",
      /sent no hello in time; the device says: "--- JUNOS 16\.1R1\.7 built 2016-07-28 lab@mx-1>"/,
    ],
    ["a menu", "1) Status\n2) Quit\nChoice: ", /says: "1\) Status 2\) Quit Choice:"/],
  ])("names what %s says that waits for its user", async (_, text, message) => {
    const connecting = connectToRouter({ opened: (channel) => void channel.write(text) }, 60);
    await expect(connecting).rejects.toThrowError(error("SB_DEVICE_PROTOCOL", message, true));
  });

  it.each<[string, string, string, RegExp, boolean]>([
    ["no room", complaint("resource-denied", "no room"), "SB_DEVICE_REFUSED", /gives no session: no room/, true],
    [
      "a limit",
      complaint("operation-failed", "maximum number of sessions reached"),
      "SB_DEVICE_REFUSED",
      /maximum number/,
      true,
    ],
    ["no rights", complaint("access-denied", ""), "SB_DEVICE_AUTH", /access-denied/, false],
    [
      "something else",
      complaint("operation-failed", "no &lt;reason&#x1;"),
      "SB_DEVICE_PROTOCOL",
      /gives no session: no <reason/,
      true,
    ],
  ])("reads an rpc-error in place of the hello: %s", async (_, body, code, message, transient) => {
    for (const text of [body, `<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0">${body}</rpc-reply>`]) {
      for (const around of [text + END, `<!-- user lab -->\n${text}\n${END}`]) {
        const connecting = connectToRouter({ opened: (channel) => void channel.write(around) });
        await expect(connecting).rejects.toThrowError(error(code, message, transient));
      }
    }
  });

  it.each([
    ["a greeting", "Welcome to mx-1 & <friends>\r\nLast login: Thu\r\n"],
    ["bytes that are no text", "\u0000\u0001\uFFFE"],
    ["a prompt", "lab@mx-1> netconf\n"],
    ["a comment and a declaration", '<!-- hi -->\n<?xml version="1.0" encoding="us-ascii"?>\n'],
  ])("reads the hello behind %s", async (_, text) => {
    const session = await connectToRouter({ greeting: Buffer.from(text + HELLO), capabilities: [BASE] });
    expect(session.sessionId).toBe("7");
    await session.lock();
  });

  it("shows neither the password nor more than a few lines of what is said", async () => {
    const text = `login ${PASSWORD} is bad, $9$abcdefgh too; ${"and so on ".repeat(400)}`;
    const connecting = connectToRouter({
      opened: (channel) => {
        channel.write(text);
        channel.end();
      },
    });
    const thrown = await connecting.catch((reason: unknown) => reason);
    expect(thrown).toMatchObject({ message: expect.stringContaining('says: "login *** is bad, *** too; and so on') });
    expect(String(thrown).length).toBeLessThan(600);
    expect(JSON.stringify(thrown)).not.toContain(PASSWORD);
  });

  it("concludes nothing from the legal notice that every login gets", async () => {
    const banner = "Unauthorised access is denied. Permission denied to all but staff. Too many sessions are logged.";
    const connecting = connectToRouter({ ssh: { banner }, opened: (channel) => void channel.end() });
    await expect(connecting).rejects.toThrowError(error("SB_DEVICE_REFUSED", /before its hello/, true));
    const wrong = connectToRouter({ ssh: { banner }, password: "other" });
    await expect(wrong).rejects.toThrowError(
      error("SB_DEVICE_AUTH", /tried password.*says: "Unauthorised access/, false),
    );
  });

  it.each<[string, string, string, RegExp, boolean]>([
    ["too many connections", "Exceeded MaxStartups\r\n", "SB_DEVICE_REFUSED", /Exceeded MaxStartups/, true],
    ["a penalty", "Not allowed at this time\r\n", "SB_DEVICE_REFUSED", /Not allowed at this time/, true],
    ["words of its own", "mx-1: come back tomorrow\r\n", "SB_DEVICE_REFUSED", /says: "mx-1: come back tomorrow"/, true],
  ])("names %s that end a connection in place of SSH", async (_, text, code, message, transient) => {
    const server = createServer((socket) => {
      socket.on("error", () => undefined).resume();
      socket.end(text);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    cleanups.push(async () => {
      server.close();
      await once(server, "close");
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    await expect(connectTo(address.port)).rejects.toThrowError(error(code, message, transient));
  });

  it("does not try an account or a subsystem again that is not there", async () => {
    await expect(connectToRouter({ refuseSubsystem: true })).rejects.toThrowError(
      error("SB_DEVICE_REFUSED", /offers no NETCONF/, false),
    );
    await expect(connectToRouter({ password: "other" })).rejects.toThrowError(
      error("SB_DEVICE_AUTH", /does not accept the login lab: tried password, it takes password/, false),
    );
  });
});
