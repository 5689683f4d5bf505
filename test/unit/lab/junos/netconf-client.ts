import ssh2 from "ssh2";
import { encodeMessage, type Framing, MessageDecoder } from "../../../../src/adapters/netconf/framing.ts";
import { child, childText, findElement, parseXml, type XmlElement } from "../../../../src/xml/element.ts";

const BASE_11 = "urn:ietf:params:netconf:base:1.1";

/** A NETCONF client with nothing between the test and the wire. */
export interface TestClient {
  readonly sessionId: string;
  readonly capabilities: readonly string[];
  /** What came before the hello. */
  readonly greeting: string;
  /** Sends an operation and waits for the reply; rejects when the connection goes first. */
  rpc(operation: string): Promise<XmlElement>;
  /** Resolves when the connection has gone. */
  readonly closed: Promise<void>;
  close(): Promise<void>;
}

export interface Login {
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly privateKey?: string;
  readonly base11?: boolean;
}

/** Connects, exchanges hellos. */
export async function openSession(login: Login): Promise<TestClient> {
  const { port, username = "lab", password = "secret", privateKey, base11 = false } = login;
  const connection = new ssh2.Client();
  const closed = new Promise<void>((resolve) => connection.once("close", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    connection.once("ready", resolve);
    connection.once("error", reject);
    connection.connect({ host: "127.0.0.1", port, username, ...(privateKey ? { privateKey } : { password }) });
  });
  connection.on("error", () => undefined);
  const channel = await new Promise<ssh2.ClientChannel>((resolve, reject) => {
    connection.subsys("netconf", (error, opened) => (error ? reject(error) : resolve(opened)));
  });
  // As clients do: without the channel the connection is of no use.
  channel.on("close", () => connection.end());
  const decoder = new MessageDecoder();
  const waiting: Array<(message: string) => void> = [];
  const received: string[] = [];
  let framing: Framing = "end-of-message";
  let first = true;
  channel.on("data", (data: Buffer) => {
    for (const message of decoder.push(data)) {
      if (first && base11 && message.includes(BASE_11)) {
        framing = "chunked";
        decoder.framing = framing;
      }
      first = false;
      const taker = waiting.shift();
      if (taker) taker(message);
      else received.push(message);
    }
  });
  const gone = closed.then(() => {
    throw new Error("the connection is gone");
  });
  gone.catch(() => undefined);
  const next = async (): Promise<string> => {
    const ready = received.shift();
    return ready ?? Promise.race([new Promise<string>((resolve) => waiting.push(resolve)), gone]);
  };
  const greeting = await next();
  const hello = parseXml(greeting);
  const own = base11 ? BASE_11 : "urn:ietf:params:netconf:base:1.0";
  channel.write(
    encodeMessage(
      `<hello xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><capabilities><capability>${own}</capability></capabilities></hello>`,
      "end-of-message",
    ),
  );
  let messageId = 0;
  return {
    sessionId: childText(hello, "session-id") ?? "",
    capabilities: (child(hello, "capabilities")?.children ?? []).map((each) => each.text),
    greeting,
    closed,
    async rpc(operation) {
      const id = String(++messageId);
      const rpc = `<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="${id}">${operation}</rpc>`;
      channel.write(encodeMessage(rpc, framing));
      const reply = parseXml(await next());
      if (reply.attributes["message-id"] !== id)
        throw new Error(`reply to ${reply.attributes["message-id"]}, not ${id}`);
      return reply;
    },
    async close() {
      connection.end();
      await closed;
    },
  };
}

/** What an rpc-error says, or "ok". */
export function verdict(reply: XmlElement): string {
  const error = findElement(reply, "rpc-error");
  if (!error) return findElement(reply, "ok") ? "ok" : (reply.children[0]?.name ?? "");
  return `${childText(error, "error-tag")}: ${childText(error, "error-message")}`;
}
