import { ErrorCode, type Msg, type NatsConnection, NatsError } from "nats";
import type { Gatekeeper } from "../../actors/access/gatekeeper.ts";
import type { GatewayApi } from "../../actors/gateway-api.ts";
import type { Clock, Logger } from "../../actors/ports.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";
import { BytesInFlight, type HeldBytes } from "../api/bytes-in-flight.ts";
import { jsonInSlices } from "../api/json-in-slices.ts";
import { parseJson } from "../api/parse-json.ts";
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
  /** Bytes of bodies that one caller may have under way. */
  readonly bytesInFlight: number;
}

type Endpoint = Pick<ApiEndpoint, "call" | "does">;

/** Room for the headers of an answer in the server's limit of a message. */
const HEADER_BYTES = 4096;
/** Of a body that is read whoever sends it. */
const SMALL_BYTES = 4096;
const quiet = /\.(get|list|replay|query)$/;

/** Answers requests, and knows which are in hand. Nothing here throws: an exception in a callback would end the library's reading. */
export class RequestHandler {
  readonly #options: HandlerOptions;
  readonly #inHand = new Set<Promise<void>>();
  readonly #inFlight: BytesInFlight;

  constructor(options: HandlerOptions) {
    this.#options = options;
    this.#inFlight = new BytesInFlight(options.bytesInFlight);
  }

  /** Takes a request in hand. */
  take(message: Msg, endpoint: Endpoint, stats?: EndpointStats): void {
    const answered = this.#handle(new ReceivedRequest(message, this.#options.requestId), endpoint, stats);
    this.#inHand.add(answered);
    void answered.finally(() => this.#inHand.delete(answered));
  }

  /** Resolves when all that are in hand now are answered. */
  async finished(): Promise<void> {
    await Promise.all(this.#inHand);
  }

  async #handle(request: ReceivedRequest, endpoint: Endpoint, stats: EndpointStats | undefined): Promise<void> {
    const { clock } = this.#options;
    const began = clock?.monotonic() ?? 0;
    stats?.begin();
    let error: SignalboxError | undefined;
    let release = () => {};
    try {
      const { call, held } = await this.#admit(request, endpoint);
      release = held.release;
      const result = await endpoint.call({
        ...call,
        body: this.#bodyOf(request, held),
        key: () => request.key(),
        versions: () => request.versions(),
        tag: (version) => request.tag(version),
        answerBytes: this.#answerBytes,
      });
      await this.#answer(request, result);
    } catch (thrown) {
      error = asSignalboxError(thrown);
      this.#answerError(request, error);
    }
    release();
    const ms = (clock?.monotonic() ?? 0) - began;
    stats?.end(ms, error?.code);
    this.#log(request, error, clock === undefined ? {} : { ms });
  }

  /** Who asks, and whether that can be right, is known before anything is made of the body. */
  async #admit(
    request: ReceivedRequest,
    { does }: Endpoint,
  ): Promise<{ call: Pick<EndpointCall, "api" | "openStream">; held: HeldBytes }> {
    const { api, gatekeeper } = this.#options;
    if (gatekeeper === undefined) return { call: { api, openStream: undefined }, held: this.#inFlight.of("anonymous") };
    const origin = { from: request.subject, via: "nats", requestId: request.requestId } as const;
    const admitted = await gatekeeper.admit(request.token(), origin);
    // The id of a resource is in the body: a small one is read for it, so that what does not exist for the caller is not there.
    const isNamed = does?.action !== "create" && request.data.length <= SMALL_BYTES;
    if (does !== undefined && !isNamed) await admitted.permit(does.type, does.action);
    const { openStream } = admitted;
    return { call: { api: admitted.api, openStream }, held: this.#inFlight.of(admitted.caller.name) };
  }

  #bodyOf({ data }: ReceivedRequest, held: HeldBytes): unknown {
    const { bodyBytes } = this.#options;
    if (data.length > bodyBytes) {
      throw new SignalboxError("SB_BODY_TOO_LARGE", `The body is over the limit of ${bodyBytes} bytes.`);
    }
    held.add(data.length);
    return data.length === 0 ? undefined : parseJson(Buffer.from(data.buffer, data.byteOffset, data.length));
  }

  async #answer(request: ReceivedRequest, result: object): Promise<void> {
    const most = this.#answerBytes;
    const slices: Buffer[] = [];
    let length = 0;
    for await (const slice of jsonInSlices(result)) {
      const bytes = Buffer.from(slice);
      length += bytes.length;
      // The rest of it need not be written to know that.
      if (length > most)
        throw new SignalboxError(
          "SB_ANSWER_TOO_LARGE",
          `The answer has more than the ${most} bytes that NATS carries.`,
        );
      slices.push(bytes);
    }
    const payload = Buffer.concat(slices, length);
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
