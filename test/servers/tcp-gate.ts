import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A TCP relay in front of a server, to lose what a network loses. */
export interface TcpGate {
  /** URL of the gate. */
  readonly endpoint: string;
  /** Drops all connections, and new ones at once. */
  cut(): void;
  /** Passes new connections on again, and answers of present ones. */
  open(): void;
  /** Passes requests on, but none of the server's bytes, until `open`. What is held when `cut` is called is lost. */
  holdAnswers(): void;
  /** Lets present connections stay as they are, but passes nothing on over them any more. New ones work. */
  numb(): void;
  /** Leads new connections to another server. */
  leadTo(endpoint: string): void;
  /** Resolves when the next client has tried to connect while it was cut. */
  refused(): Promise<void>;
  stop(): Promise<void>;
}

/** @param endpoint URL of the server */
export async function startTcpGate(endpoint: string): Promise<TcpGate> {
  let target = endpoint;
  const sockets = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let isCut = false;
  let isHeld = false;
  let tellRefused: () => void = () => undefined;
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  const server = createServer((client) => {
    if (isCut) {
      client.on("error", () => undefined);
      client.destroy();
      tellRefused();
      return;
    }
    const { hostname, port } = new URL(target);
    const upstream = connect(Number(port), hostname);
    upstreams.add(upstream);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => undefined);
      from.on("close", () => {
        sockets.delete(from);
        upstreams.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    if (isHeld) upstream.unpipe(client);
    upstream.on("resume-answers", () => upstream.pipe(client));
    upstream.on("hold-answers", () => {
      upstream.unpipe(client);
      upstream.pause();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    cut: () => {
      isCut = true;
      isHeld = false;
      drop();
    },
    open: () => {
      isCut = false;
      if (!isHeld) return;
      isHeld = false;
      for (const upstream of upstreams) upstream.emit("resume-answers");
    },
    holdAnswers: () => {
      if (isHeld) return;
      isHeld = true;
      for (const upstream of upstreams) upstream.emit("hold-answers");
    },
    numb: () => {
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
      upstreams.clear();
    },
    leadTo: (other) => {
      target = other;
    },
    refused: () =>
      new Promise((resolve) => {
        tellRefused = resolve;
      }),
    stop: async () => {
      drop();
      const closed = once(server, "close");
      server.close();
      await closed;
    },
  };
}
