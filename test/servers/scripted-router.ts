import { once } from "node:events";
import ssh2, { type AuthContext, type Connection, type ServerChannel, type ServerConfig } from "ssh2";
import { encodeMessage, MessageDecoder } from "../../src/adapters/netconf/framing.ts";
import { parseXml, type XmlElement } from "../../src/xml/element.ts";
import { generateKeyPair } from "./key-pair.ts";

export interface ScriptedRouterOptions {
  /** Whole first message; undefined: a usual hello with the capabilities below; null: none is sent. */
  readonly hello?: string | null;
  /** Raw bytes to begin with, in place of the framed hello. */
  readonly greeting?: Buffer;
  readonly capabilities?: readonly string[];
  readonly password?: string;
  /** Accept keyboard-interactive logins only. */
  readonly interactiveOnly?: boolean;
  readonly refuseSubsystem?: boolean;
  /** Algorithms, banner, greeting and host keys of the SSH server. */
  readonly ssh?: Partial<ServerConfig>;
  /** Decides about each authentication request, in place of the password above. */
  login?(context: AuthContext): void;
  /** Called when the subsystem was opened, in place of a hello. */
  opened?(channel: ServerChannel, connection: Connection): void;
  /** Called for each message after the client's hello. */
  answer?(request: ScriptedRequest, peer: ScriptedPeer): void;
}

export interface ScriptedRequest {
  readonly messageId: string;
  readonly text: string;
  /** The operation inside `<rpc>`. */
  readonly operation: XmlElement;
}

/** The server's end of one session. */
export interface ScriptedPeer {
  /** Frames `<rpc-reply>` with this content as the session's framing has it. */
  replyBytes(messageId: string, body: string): Buffer;
  reply(messageId: string, body: string): void;
  write(bytes: Buffer): void;
  /** Cuts the connection. */
  drop(): void;
}

export interface ScriptedRouter {
  readonly port: number;
  /** Public host key as it goes over the wire. */
  readonly hostKey: Buffer;
  /** Text of all messages that clients sent, hellos included. */
  readonly received: readonly string[];
  stop(): Promise<void>;
}

export const BASE = "urn:ietf:params:netconf:base:1.0";
export const BASE_AND_CHUNKS = [BASE, "urn:ietf:params:netconf:base:1.1"];

/** An SSH server on 127.0.0.1 whose NETCONF behaviour is the test's: to play what well-behaved servers never do. */
export async function startScriptedRouter(options: ScriptedRouterOptions = {}): Promise<ScriptedRouter> {
  const keys = generateKeyPair();
  const received: string[] = [];
  const connections = new Set<ssh2.Connection>();
  const server = new ssh2.Server({ hostKeys: [keys.private], ...options.ssh }, (connection) => {
    connections.add(connection);
    connection.on("error", () => undefined);
    connection.on("close", () => connections.delete(connection));
    connection.on("authentication", (context) => {
      if (options.login) {
        options.login(context);
        return;
      }
      const wanted = options.password ?? "secret";
      if (context.method === "password" && options.interactiveOnly !== true && context.password === wanted) {
        context.accept();
      } else if (context.method === "keyboard-interactive" && options.interactiveOnly === true) {
        context.prompt([{ prompt: "Password:", echo: false }], (answers) =>
          answers[0] === wanted ? context.accept() : context.reject(),
        );
      } else {
        context.reject(options.interactiveOnly === true ? ["keyboard-interactive"] : ["password"]);
      }
    });
    connection.on("session", (accept) => {
      accept().on("subsystem", (acceptSubsystem, reject, info) => {
        if (options.refuseSubsystem === true || info.name !== "netconf") reject();
        else serve(acceptSubsystem(), connection, options, received);
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const parsed = ssh2.utils.parseKey(keys.public);
  if (parsed instanceof Error) throw parsed;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    hostKey: parsed.getPublicSSH(),
    received,
    stop: async () => {
      for (const connection of connections) connection.end();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await closed;
    },
  };
}

function serve(
  channel: ServerChannel,
  connection: ssh2.Connection,
  options: ScriptedRouterOptions,
  received: string[],
): void {
  const decoder = new MessageDecoder();
  const capabilities = options.capabilities ?? BASE_AND_CHUNKS;
  const peer: ScriptedPeer = {
    replyBytes: (messageId, body) =>
      encodeMessage(
        `<rpc-reply xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="${messageId}">${body}</rpc-reply>`,
        decoder.framing,
      ),
    reply: (messageId, body) => channel.write(peer.replyBytes(messageId, body)),
    write: (bytes) => channel.write(bytes),
    drop: () => connection.end(),
  };
  channel.on("error", () => undefined);
  if (options.opened) {
    options.opened(channel, connection);
    return;
  }
  if (options.greeting) {
    channel.write(options.greeting);
  } else if (options.hello !== null) {
    const list = capabilities.map((uri) => `<capability>${uri}</capability>`).join("");
    const usual = `<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities>${list}</capabilities><session-id>4711</session-id></hello>`;
    channel.write(encodeMessage(options.hello ?? usual, "end-of-message"));
  }
  let greeted = false;
  channel.on("data", (bytes: Buffer) => {
    for (const text of decoder.push(bytes)) {
      received.push(text);
      if (!greeted) {
        greeted = true;
        if (capabilities.includes("urn:ietf:params:netconf:base:1.1") && text.includes("base:1.1")) {
          decoder.framing = "chunked";
        }
        continue;
      }
      const rpc = parseXml(text);
      const [operation] = rpc.children;
      if (operation === undefined) continue;
      const request = { messageId: rpc.attributes["message-id"] ?? "", text, operation };
      if (operation.name === "close-session") {
        peer.reply(request.messageId, "<ok/>");
        channel.end();
      } else if (options.answer) {
        options.answer(request, peer);
      } else {
        peer.reply(request.messageId, "<ok/>");
      }
    }
  });
}
