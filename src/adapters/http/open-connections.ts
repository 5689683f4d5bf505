import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Server as TlsServer } from "node:tls";

/**
 * The connections of a server, so that it can close without waiting for clients. Node's own close waits for connections that have
 * not sent a request yet, for those that stopped in the middle of one, and for kept ones that were busy at that moment: a minute or more.
 */
export class OpenConnections {
  /** The answers that each connection still owes. */
  readonly #owed = new Map<Socket, Map<ServerResponse, IncomingMessage>>();
  /** Connections of a server with TLS that do not speak it yet, by the other end's address. */
  readonly #shakingHands = new Map<string, Socket>();
  #closing = false;

  constructor(server: Server) {
    const isSecure = server instanceof TlsServer;
    server.on("connection", (socket: Socket) => {
      if (!isSecure) this.#add(socket);
      else {
        const end = endOf(socket);
        this.#shakingHands.set(end, socket);
        socket.once("close", () => {
          if (this.#shakingHands.get(end) === socket) this.#shakingHands.delete(end);
        });
      }
    });
    // Requests come on another socket then, which goes along with the first one.
    server.on("secureConnection", (socket: Socket) => {
      this.#shakingHands.delete(endOf(socket));
      this.#add(socket);
    });
    server.prependListener("request", (request, response) => this.#begin(request, response));
  }

  /**
   * Ends each connection as soon as it owes no answer. What has not come in as a whole request is cut: it was not accepted. After
   * `graceMs` the rest is cut too: a client that does not read its answer must not hold up the end.
   */
  close(graceMs: number): void {
    this.#closing = true;
    for (const socket of this.#shakingHands.values()) socket.destroy();
    for (const [socket, owed] of this.#owed) {
      if (![...owed.values()].some((request) => request.complete)) socket.destroy();
    }
    setTimeout(() => {
      for (const socket of this.#owed.keys()) socket.destroy();
    }, graceMs).unref();
  }

  #add(socket: Socket): void {
    this.#owed.set(socket, new Map());
    socket.once("close", () => this.#owed.delete(socket));
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const owed = this.#owed.get(socket);
    owed?.set(response, request);
    response.once("close", () => {
      owed?.delete(response);
      if (this.#closing && owed?.size === 0) socket.destroySoon();
    });
  }
}

function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
