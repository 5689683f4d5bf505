import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type Socket, type Server as TcpServer } from "node:net";
import ssh2, { type AuthContext, type Connection, type ServerChannel, type Session } from "ssh2";
import { SignalboxError } from "../../errors.ts";

export interface SshUser {
  readonly user: string;
  readonly password?: string;
  /** OpenSSH public key line or PEM text. */
  readonly publicKey?: string;
}

/** Who may log in: the users of the list, or anybody who gives a password that is not empty. */
export type SshUsers = "any" | readonly SshUser[];

export interface SshFrontOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Private key in PEM or OpenSSH form. */
  readonly hostKey: string;
  readonly users: SshUsers;
  /** Is this connection to be reset? */
  readonly refuses: () => boolean;
  /** A client asked for the `netconf` subsystem. */
  readonly onNetconf: (user: string, channel: ServerChannel, cut: () => void) => void;
}

/**
 * Makes an Ed25519 host key, which takes less than a millisecond. ssh2 1.17 now and then makes one that nothing can read;
 * such a one is thrown away.
 */
export function generateHostKey(): string {
  for (;;) {
    const { private: made } = ssh2.utils.generateKeyPairSync("ed25519");
    if (!(ssh2.utils.parseKey(made) instanceof Error)) return made;
  }
}

/** `SHA256:...` as ssh-keygen shows it. */
export function fingerprintOf(hostKey: string): string {
  const digest = createHash("sha256").update(parseHostKey(hostKey).getPublicSSH()).digest("base64");
  return `SHA256:${digest.replace(/=+$/, "")}`;
}

function parseHostKey(hostKey: string): ssh2.ParsedKey {
  const key = ssh2.utils.parseKey(hostKey);
  if (key instanceof Error)
    throw new SignalboxError("SB_CONFIG_INVALID", "the host key cannot be read", { cause: key });
  return key;
}

/** The SSH server of a router. It owns its TCP listener, so that connections can be refused and cut. */
export class SshFront {
  readonly #options: SshFrontOptions;
  readonly #sockets = new Set<Socket>();
  #listener: TcpServer | undefined;
  #port: number;
  /** Opening and closing the listener, one after the other. */
  #change: Promise<void> = Promise.resolve();

  constructor(options: SshFrontOptions) {
    this.#options = options;
    this.#port = options.port;
    parseHostKey(options.hostKey);
  }

  get port(): number {
    return this.#port;
  }

  /** @throws SB_CONFIG_INVALID when the port cannot be had */
  async listen(): Promise<void> {
    await this.#queue(async () => {
      if (this.#listener) return;
      const listener = createServer((socket) => this.#accept(socket));
      await new Promise<void>((resolve, reject) => {
        listener.once("error", (cause) =>
          reject(new SignalboxError("SB_CONFIG_INVALID", `cannot listen on port ${this.#port}`, { cause })),
        );
        listener.listen(this.#port, this.#options.host, resolve);
      });
      const address = listener.address();
      if (address && typeof address === "object") this.#port = address.port;
      this.#listener = listener;
    });
  }

  /** New connections are refused from now on; those that are open stay. */
  async stopListening(): Promise<void> {
    await this.#queue(async () => {
      const listener = this.#listener;
      this.#listener = undefined;
      // Closed for new connections at once; the callback would wait for the open ones.
      listener?.close();
    });
  }

  /** Resolves when the listener is open or closed as was last asked for. */
  settled(): Promise<void> {
    return this.#change;
  }

  /** Cuts all connections. */
  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    await this.stopListening();
    const gone = [...this.#sockets].map(
      (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
    );
    this.cutAll();
    await Promise.all(gone);
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const next = this.#change.then(work);
    this.#change = next.catch(() => undefined);
    return next;
  }

  #accept(socket: Socket): void {
    if (this.#options.refuses()) {
      socket.resetAndDestroy();
      return;
    }
    socket.setNoDelay(true);
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    // A server object for each connection, so that it is known which socket a session came over.
    const server = new ssh2.Server({ hostKeys: [this.#options.hostKey] }, (connection) =>
      this.#serve(connection, socket),
    );
    server.injectSocket(socket);
  }

  #serve(connection: Connection, socket: Socket): void {
    let user = "";
    connection.on("error", () => undefined);
    connection.on("authentication", (context) => {
      if (this.#admits(context)) {
        user = context.username;
        context.accept();
      } else context.reject(["password", "publickey"]);
    });
    connection.on("session", (accept) => {
      const session: Session = accept();
      session.on("subsystem", (acceptSubsystem, reject, info) => {
        if (info.name !== "netconf") {
          reject();
          return;
        }
        const channel = acceptSubsystem();
        channel.on("error", () => undefined);
        this.#options.onNetconf(user, channel, () => socket.destroy());
      });
    });
  }

  #admits(context: AuthContext): boolean {
    const { users } = this.#options;
    if (users === "any") return context.method === "password" && context.password !== "";
    const known = users.find((each) => each.user === context.username);
    if (!known) return false;
    if (context.method === "password")
      return known.password !== undefined && sameText(context.password, known.password);
    if (context.method !== "publickey" || known.publicKey === undefined) return false;
    const key = ssh2.utils.parseKey(known.publicKey);
    if (key instanceof Error || !key.getPublicSSH().equals(context.key.data)) return false;
    if (context.signature === undefined || context.blob === undefined) return true;
    return key.verify(context.blob, context.signature, context.hashAlgo) === true;
  }
}

function sameText(a: string, b: string): boolean {
  const hash = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(a), hash(b));
}
