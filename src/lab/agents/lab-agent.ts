import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { BerError } from "./ber.ts";
import { InterfaceTable, type LabInterface } from "./interface-table.ts";
import { MibView, type SystemGroup } from "./mib-view.ts";
import {
  type Binding,
  END_OF_MIB_VIEW,
  ERROR_STATUS,
  encodeResponse,
  PDU,
  parseRequest,
  type SnmpRequest,
  UNSPECIFIED,
} from "./snmp-message.ts";

export interface LabAgentOptions {
  /** sysName. */
  readonly name: string;
  /** sysDescr. */
  readonly descr?: string;
  /** The only community that is answered. */
  readonly community: string;
  /** The device's interfaces as they are now; asked at every request. */
  readonly interfaces: () => readonly LabInterface[];
  /** UDP port on 127.0.0.1; 0 or nothing for a free one. */
  readonly port?: number;
  /** Milliseconds on any steadily growing scale; the process's own clock when not given. */
  readonly now?: () => number;
}

/** One datagram in an Ethernet frame: longer responses are cut short or refused as too big. */
const MAX_DATAGRAM = 1472;
const MAX_REPETITIONS = 1000;

/** Starts an SNMPv2c agent on 127.0.0.1; resolves when it listens. */
export async function startLabAgent(options: LabAgentOptions): Promise<LabAgent> {
  const socket = createSocket("udp4");
  socket.bind(options.port ?? 0, "127.0.0.1");
  await once(socket, "listening");
  return new LabAgent(socket, options);
}

/**
 * The SNMP agent of a lab device. It has no state of its own but indexes, counters and faults: what it tells of the
 * interfaces is what the device says at the moment of the request.
 */
export class LabAgent {
  /** While true no request is answered. */
  silent = false;
  readonly #socket: Socket;
  readonly #options: LabAgentOptions;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #system: SystemGroup;
  readonly #table = new InterfaceTable();
  readonly #view: MibView;
  readonly #down = new Set<string>();
  #requests = 0;

  constructor(socket: Socket, options: LabAgentOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#startedAt = this.#now();
    this.#system = { name: options.name, descr: options.descr ?? `Signalbox lab device ${options.name}`, uptime: 0 };
    this.#view = new MibView(this.#system, this.#table);
    socket.on("message", (datagram, from) => {
      const answer = this.#answer(datagram);
      // An asker that is gone is no concern of an agent.
      if (answer) socket.send(answer, from.port, from.address, () => undefined);
    });
    socket.on("error", () => undefined);
  }

  /** UDP port. */
  get port(): number {
    return this.#socket.address().port;
  }

  /** Requests answered so far. */
  get requests(): number {
    return this.#requests;
  }

  /** Makes ifOperStatus of an interface down, whatever the device says. */
  interfaceDown(name: string): void {
    this.#down.add(name);
  }

  /** Takes `interfaceDown` back. */
  interfaceUp(name: string): void {
    this.#down.delete(name);
  }

  /** Takes all faults back. */
  heal(): void {
    this.silent = false;
    this.#down.clear();
  }

  async close(): Promise<void> {
    const closed = once(this.#socket, "close");
    this.#socket.close();
    await closed;
  }

  #answer(datagram: Buffer): Buffer | undefined {
    if (this.silent) return undefined;
    try {
      const request = parseRequest(datagram);
      // RFC 3584 section 5.2.1: a message with an unknown community is dropped without a word.
      if (Buffer.from(this.#options.community, "utf8").toString("latin1") !== request.community) return undefined;
      this.#refresh();
      const response = this.#respond(request);
      if (response) this.#requests += 1;
      return response;
    } catch (error) {
      // RFC 3416 section 4.1: a message that cannot be parsed is dropped.
      if (error instanceof BerError) return undefined;
      throw error;
    }
  }

  #refresh(): void {
    const before = this.#system.uptime;
    // At least one tick per request, so that two readings in the same hundredth of a second still differ.
    const uptime = Math.max(Math.floor((this.#now() - this.#startedAt) / 10), before + 1);
    this.#system.uptime = uptime;
    this.#table.refresh(this.#options.interfaces(), this.#down, uptime - before);
  }

  #respond(request: SnmpRequest): Buffer | undefined {
    if (request.pdu === PDU.get) {
      const bindings = request.oids.map((oid) => ({ oid, value: this.#view.get(oid) }));
      return whole(request, bindings);
    }
    if (request.pdu === PDU.getNext) {
      const bindings = request.oids.map((oid) => this.#next(oid));
      return whole(request, bindings);
    }
    if (request.pdu === PDU.getBulk) return this.#bulk(request);
    if (request.pdu === PDU.set) {
      const unchanged = request.oids.map((oid) => ({ oid, value: UNSPECIFIED }));
      return encodeResponse(request, unchanged, ERROR_STATUS.notWritable, 1);
    }
    return undefined;
  }

  #next(oid: readonly number[]): Binding {
    return this.#view.next(oid) ?? { oid, value: END_OF_MIB_VIEW };
  }

  /** RFC 3416 section 4.2.3: rounds over the repeated names until everything asked for is there or the datagram is full. */
  #bulk(request: SnmpRequest): Buffer {
    const single = Math.min(Math.max(request.nonRepeaters, 0), request.oids.length);
    const bindings = request.oids.slice(0, single).map((oid) => this.#next(oid));
    let response = encodeResponse(request, bindings);
    if (response.length > MAX_DATAGRAM) return tooBig(request);
    let round: ReadonlyArray<readonly number[]> = request.oids.slice(single);
    const rounds = Math.min(Math.max(request.maxRepetitions, 0), MAX_REPETITIONS);
    for (let count = 0; count < rounds && round.length > 0; count += 1) {
      const found = round.map((oid) => this.#next(oid));
      for (const binding of found) {
        bindings.push(binding);
        const longer = encodeResponse(request, bindings);
        if (longer.length > MAX_DATAGRAM) return bindings.length === 1 ? tooBig(request) : response;
        response = longer;
      }
      if (found.every(({ value }) => value === END_OF_MIB_VIEW)) break;
      round = found.map(({ oid }) => oid);
    }
    return response;
  }
}

function whole(request: SnmpRequest, bindings: readonly Binding[]): Buffer {
  const response = encodeResponse(request, bindings);
  return response.length > MAX_DATAGRAM ? tooBig(request) : response;
}

/** RFC 3416 section 4.2.1: the alternate response has no bindings. */
const tooBig = (request: SnmpRequest): Buffer => encodeResponse(request, [], ERROR_STATUS.tooBig);
