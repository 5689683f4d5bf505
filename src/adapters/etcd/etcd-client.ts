import {
  Etcd3,
  type IAlarmRequest,
  type IAlarmResponse,
  type IAuthenticateRequest,
  type IAuthenticateResponse,
  type ILeaseGrantRequest,
  type ILeaseGrantResponse,
  type ILeaseKeepAliveRequest,
  type ILeaseKeepAliveResponse,
  type ILeaseRevokeRequest,
  type ILeaseRevokeResponse,
  type IOptions,
  type IRangeRequest,
  type IRangeResponse,
  type ITxnRequest,
  type ITxnResponse,
  type IWatchRequest,
  type IWatchResponse,
} from "etcd3";
import type { Clock } from "../../actors/ports.ts";
import { asCallError, EtcdCallError } from "./call-error.ts";
import { status } from "./grpc-status.ts";
import { isStaleToken } from "./store-error.ts";

/** The requests with one answer that the adapter makes, by the name of the method in etcd's rpc.proto. */
interface UnaryCalls {
  readonly range: { request: IRangeRequest; response: IRangeResponse };
  readonly txn: { request: ITxnRequest; response: ITxnResponse };
  readonly leaseGrant: { request: ILeaseGrantRequest; response: ILeaseGrantResponse };
  readonly leaseRevoke: { request: ILeaseRevokeRequest; response: ILeaseRevokeResponse };
  readonly alarm: { request: IAlarmRequest; response: IAlarmResponse };
  readonly authenticate: { request: IAuthenticateRequest; response: IAuthenticateResponse };
}

const serviceOf = {
  range: "KV",
  txn: "KV",
  leaseGrant: "Lease",
  leaseRevoke: "Lease",
  alarm: "Maintenance",
  authenticate: "Auth",
} as const satisfies Record<keyof UnaryCalls, string>;

/** A gRPC stream in both directions, as @grpc/grpc-js makes it: a Node duplex stream of objects. */
export interface CallStream<Request, Response> extends AsyncIterable<Response> {
  write(request: Request): void;
  end(): void;
  cancel(): void;
  on(event: "error", listener: (error: Error) => void): void;
}

// gRPC methods are made from the proto file at run time: only their shapes are known.
type Callback = (error: Error | null, response: unknown) => void;
type UnaryMethod = (request: unknown, metadata: unknown, options: object, callback: Callback) => void;
type StreamMethod<Request, Response> = (metadata: unknown, options: object) => CallStream<Request, Response>;

type FaultPolicy = NonNullable<NonNullable<IOptions["faultHandling"]>["global"]>;

/** Passes calls through. The library's own policy repeats a request whose answer was lost, transactions too. */
const passThrough = {
  onSuccess: () => ({ dispose: () => undefined }),
  onFailure: () => ({ dispose: () => undefined }),
  execute: async (call: (context: { signal: AbortSignal }) => unknown) =>
    call({ signal: new AbortController().signal }),
} as unknown as FaultPolicy;

export interface Login {
  readonly user: string;
  readonly password: string;
}

/**
 * The connections to one endpoint, over etcd3's pool and protocol definitions. Every request is sent once and fails with the
 * status that gRPC gave it; etcd3's own calls would repeat it, drop the status, and log in past the settings of the channel.
 */
export class EtcdClient extends Etcd3 {
  readonly endpoint: string;
  readonly #login: Login | undefined;
  readonly #clock: Clock;
  #token: Promise<string> | undefined;

  constructor(options: {
    endpoint: string;
    clock: Clock;
    login: Login | undefined;
    credentials: IOptions["credentials"] | undefined;
    grpcOptions: NonNullable<IOptions["grpcOptions"]>;
  }) {
    super({
      hosts: options.endpoint,
      grpcOptions: options.grpcOptions,
      faultHandling: { global: passThrough, host: () => passThrough },
      ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    });
    this.endpoint = options.endpoint;
    this.#login = options.login;
    this.#clock = options.clock;
  }

  /**
   * Sends one request.
   * @param deadline milliseconds by the monotonic clock
   * @throws EtcdCallError
   */
  async unary<Method extends keyof UnaryCalls>(
    method: Method,
    request: UnaryCalls[Method]["request"],
    deadline: number,
  ): Promise<UnaryCalls[Method]["response"]> {
    try {
      return await this.#send(method, request, deadline, await this.#currentToken(deadline));
    } catch (thrown) {
      const error = asCallError(thrown);
      if (this.#login === undefined || !isStaleToken(error)) throw error;
      // Such a request was not carried out: etcd checks the token before anything else.
      this.#token = undefined;
      return await this.#send(method, request, deadline, await this.#currentToken(deadline));
    }
  }

  /** Opens a stream for one watch. A member that loses sight of the leader ends it, rather than staying silent. */
  openWatch(deadline: number): Promise<CallStream<IWatchRequest, IWatchResponse>> {
    return this.#stream("Watch", "watch", {}, deadline);
  }

  openKeepAlive(deadline: number): Promise<CallStream<ILeaseKeepAliveRequest, ILeaseKeepAliveResponse>> {
    return this.#stream("Lease", "leaseKeepAlive", { deadline: this.#grpcDeadline(deadline) }, deadline);
  }

  async #send<Method extends keyof UnaryCalls>(
    method: Method,
    request: UnaryCalls[Method]["request"],
    deadline: number,
    token: string | undefined,
  ): Promise<UnaryCalls[Method]["response"]> {
    return await this.pool.withConnection(serviceOf[method], ({ resource, client, metadata }) => {
      const call = (client as unknown as Record<string, UnaryMethod>)[method];
      if (call === undefined) throw new EtcdCallError(status.unimplemented, `the client has no method ${method}`);
      return new Promise<UnaryCalls[Method]["response"]>((resolve, reject) => {
        call.call(
          client,
          request,
          withHeaders(metadata, token),
          { deadline: this.#grpcDeadline(deadline) },
          (error, response) => {
            if (error === null) return resolve(response as UnaryCalls[Method]["response"]);
            const failed = asCallError(error);
            // The connection may be dead without knowing it: the next request is to make a new one.
            if (failed.code === status.deadlineExceeded) resource.resetAllServices();
            reject(failed);
          },
        );
      });
    });
  }

  async #stream<Request, Response>(
    service: "Watch" | "Lease",
    method: string,
    options: object,
    deadline: number,
  ): Promise<CallStream<Request, Response>> {
    const token = await this.#currentToken(deadline);
    return await this.pool.withConnection(service, ({ client, metadata }) => {
      const call = (client as unknown as Record<string, StreamMethod<Request, Response>>)[method];
      if (call === undefined) throw new EtcdCallError(status.unimplemented, `the client has no method ${method}`);
      const stream = call.call(client, withHeaders(metadata, token), options);
      // Who reads the stream sees the error; one that comes when nobody reads any more must not end the process.
      stream.on("error", () => undefined);
      return stream;
    });
  }

  /** gRPC takes wall time, and makes a timer of what is left as the call begins: setting the clock does not move that one any more. */
  #grpcDeadline(deadline: number): Date {
    return new Date(Date.now() + deadline - this.#clock.monotonic());
  }

  #currentToken(deadline: number): Promise<string | undefined> {
    const login = this.#login;
    if (login === undefined) return Promise.resolve(undefined);
    if (this.#token !== undefined) return this.#token;
    const token = this.#authenticate(login, deadline);
    this.#token = token;
    token.catch(() => {
      if (this.#token === token) this.#token = undefined;
    });
    return token;
  }

  async #authenticate({ user, password }: Login, deadline: number): Promise<string> {
    try {
      return (await this.#send("authenticate", { name: user, password }, deadline, undefined)).token;
    } catch (thrown) {
      const { code, details } = asCallError(thrown);
      // Whatever was to follow the login has not been sent.
      throw new EtcdCallError(code, details, { cause: thrown, mayHaveHappened: false });
    }
  }
}

function withHeaders(metadata: { clone(): { set(name: string, value: string): void } }, token: string | undefined) {
  const headers = metadata.clone();
  headers.set("hasleader", "true");
  if (token !== undefined) headers.set("token", token);
  return headers;
}
