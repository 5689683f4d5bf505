import { ErrorCode, type Msg, type NatsConnection, NatsError } from "nats";
import type { Gatekeeper } from "../../actors/access/gatekeeper.ts";
import type { GatewayApi } from "../../actors/gateway-api.ts";
import type { Clock, Logger } from "../../actors/ports.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import { parseJsonBody } from "../api/read-body.ts";
import type { EndpointStats } from "./endpoint-stats.ts";
import type { ApiEndpoint, EndpointCall } from "./endpoints.ts";
import { ReceivedRequest } from "./received-request.ts";

export interface HandlerOptions {
  readonly connection: NatsConnection;
  readonly api: GatewayApi;
  readonly gatekeeper?: Gatekeeper;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly requestId: () => string;
  /** Largest body of a request. */
  readonly bodyBytes: number;
}

/** Room for the headers of an answer in the server's limit of a message. */
const HEADER_BYTES = 4096;
const quiet = /\.(get|list|replay|query)$/;

/** Answers requests, and knows which are in hand. Nothing here throws: an exception in a callback would end the library's reading. */
export class RequestHandler {
  readonly #options: HandlerOptions;
  readonly #inHand = new Set<Promise<void>>();

  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  /** Takes a request in hand. */
  take(message: Msg, endpoint: Pick<ApiEndpoint, "call">, stats?: EndpointStats): void {
    const answered = this.#handle(new ReceivedRequest(message, this.#options.requestId), endpoint, stats);
    this.#inHand.add(answered);
    void answered.finally(() => this.#inHand.delete(answered));
  }

  /** Resolves when all that are in hand now are answered. */
  async finished(): Promise<void> {
    await Promise.all(this.#inHand);
  }

  async #handle(
    request: ReceivedRequest,
    endpoint: Pick<ApiEndpoint, "call">,
    stats: EndpointStats | undefined,
  ): Promise<void> {
    const { clock } = this.#options;
    const began = clock?.monotonic() ?? 0;
    stats?.begin();
    let error: SignalboxError | undefined;
    try {
      const body = this.#bodyOf(request);
      const result = await endpoint.call({
        ...(await this.#admit(request)),
        body,
        key: () => request.key(),
        versions: () => request.versions(),
        tag: (version) => request.tag(version),
        answerBytes: this.#answerBytes,
      });
      this.#answer(request, result);
    } catch (thrown) {
      error = asSignalboxError(thrown);
      this.#answerError(request, error);
    }
    const ms = (clock?.monotonic() ?? 0) - began;
    stats?.end(ms, error?.code);
    this.#log(request, error, clock === undefined ? {} : { ms });
  }

  async #admit(request: ReceivedRequest): Promise<Pick<EndpointCall, "api" | "openStream">> {
    const { api, gatekeeper } = this.#options;
    const origin = { from: request.subject, via: "nats", requestId: request.requestId } as const;
    if (gatekeeper === undefined) return { api, openStream: undefined };
    const admitted = await gatekeeper.admit(request.token(), origin);
    return { api: admitted.api, openStream: admitted.openStream };
  }

  #bodyOf({ data }: ReceivedRequest): unknown {
    const { bodyBytes } = this.#options;
    if (data.length > bodyBytes) {
      throw new SignalboxError("SB_BODY_TOO_LARGE", `The body is over the limit of ${bodyBytes} bytes.`);
    }
    return parseJsonBody(Buffer.from(data.buffer, data.byteOffset, data.length), {});
  }

  #answer(request: ReceivedRequest, result: object): void {
    const payload = Buffer.from(JSON.stringify(result));
    const most = this.#answerBytes;
    if (payload.length > most) {
      const message = `The answer has ${payload.length} bytes, NATS carries ${most}.`;
      throw new SignalboxError("SB_ANSWER_TOO_LARGE", message);
    }
    try {
      request.answer(payload);
    } catch (thrown) {
      this.#unsent(request, thrown);
    }
  }

  #answerError(request: ReceivedRequest, error: SignalboxError): void {
    try {
      request.answerError(error);
    } catch (thrown) {
      this.#unsent(request, thrown);
    }
  }

  /** What was asked for is done; the client asks again, with the same key. */
  #unsent(request: ReceivedRequest, thrown: unknown): void {
    const closed = thrown instanceof NatsError && thrown.code === ErrorCode.ConnectionClosed;
    const fields = { ...request.logFields, ...(closed ? {} : { err: thrown }) };
    this.#options.logger.warn(fields, "an answer could not be sent");
  }

  get #answerBytes(): number {
    return (this.#options.connection.info?.max_payload ?? 1024 * 1024) - HEADER_BYTES;
  }

  /** As over HTTP: only what nobody foresaw is an error of ours. */
  #log(request: ReceivedRequest, error: SignalboxError | undefined, time: { ms?: number }): void {
    const { logger } = this.#options;
    const fields = { ...request.logFields, status: error?.status ?? 200, ...time };
    if (error?.code === "SB_INTERNAL") logger.error({ ...fields, err: error.cause ?? error }, error.message);
    else if (error !== undefined) logger.debug({ ...fields, code: error.code, err: error }, error.message);
    if (quiet.test(request.subject)) logger.debug(fields, "request");
    else logger.info(fields, "request");
  }
}
