import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";

/** A connection to a server by its URL; errors of a connection that the server cuts are none of the test. */
export async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => socket.destroy());
  await once(socket, "connect");
  return socket;
}

/** Sends bytes as they are and reads what comes until the server closes. */
export async function exchange(url: string, bytes: string): Promise<{ status: number; head: string; body: string }> {
  const socket = await open(url);
  socket.write(bytes);
  const answer = await text(socket);
  const [head = "", ...body] = answer.split("\r\n\r\n");
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head, body: body.join("\r\n\r\n") };
}
