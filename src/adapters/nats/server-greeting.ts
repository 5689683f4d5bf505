import { once } from "node:events";
import { connect } from "node:net";

/** What a NATS server says of itself before anybody has logged in. */
export interface Greeting {
  readonly tls_verify?: boolean;
}

/** Reads the greeting of a server; undefined when there is none within the time. */
export async function readGreeting(server: string, timeoutMs: number): Promise<Greeting | undefined> {
  const { hostname, port } = new URL(`nats://${server.replace(/^[a-z]+:\/\//, "")}`);
  const socket = connect({ host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? 4222 : Number(port) });
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    let text = "";
    while (!text.includes("\r\n")) {
      const [bytes] = (await once(socket, "data", { signal })) as [Buffer];
      text += bytes.toString("latin1");
    }
    const found = /^INFO (\{.*\})/.exec(text)?.[1];
    return found === undefined ? undefined : (JSON.parse(found) as Greeting);
  } catch {
    return undefined;
  } finally {
    socket.on("error", () => undefined);
    socket.destroy();
  }
}
