import type {
  Controller,
  RouterAddress,
  RouterConnector,
  RouterSession,
  SnmpClient,
  SnmpValue,
} from "../../../../src/actors/ports.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import type { MonitoringTarget, TargetStatus } from "../../../../src/machines/resource/resource-types.ts";
import type { XmlElement } from "../../../../src/xml/element.ts";

export const up: TargetStatus = { word: "ACTIVE", published: "UP", verdict: "good" };
export const down: TargetStatus = { word: "DOWN", published: "DOWN", verdict: "bad", reason: "it is down" };

export function target(kind: string, settings: Record<string, unknown>, name = "primary"): MonitoringTarget {
  return { name, kind, settings, publish: true };
}

/** Lets everything go on that waits for no timer and no socket. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An agent: values by object instance. */
export class FakeSnmp implements SnmpClient {
  readonly values = new Map<string, SnmpValue>();
  readonly columns: string[] = [];
  readonly gets: string[][] = [];
  error: SignalboxError | undefined;

  async get(_device: string, _community: string, oids: readonly string[]): Promise<Array<SnmpValue | undefined>> {
    if (this.error) throw this.error;
    this.gets.push([...oids]);
    return oids.map((oid) => this.values.get(oid));
  }

  async column(_device: string, _community: string, oid: string): Promise<Map<string, SnmpValue>> {
    if (this.error) throw this.error;
    this.columns.push(oid);
    const rows = [...this.values].filter(([key]) => key.startsWith(`${oid}.`));
    return new Map(rows.map(([key, value]) => [key.slice(oid.length + 1), value]));
  }

  async close(): Promise<void> {}
}

/** A router that answers when the test says so. */
export class FakeConnector implements RouterConnector {
  readonly connects: RouterAddress[] = [];
  readonly sessions: FakeSession[] = [];
  /** Fails to connect with it. */
  error: SignalboxError | undefined;
  answer: (operation: XmlElement, session: FakeSession) => XmlElement | Promise<XmlElement> = () => {
    throw new Error("no answer");
  };

  async connect(address: RouterAddress): Promise<RouterSession> {
    this.connects.push(address);
    if (this.error) throw this.error;
    const session = new FakeSession(this, String(this.connects.length));
    this.sessions.push(session);
    return session as unknown as RouterSession;
  }
}

export class FakeSession {
  readonly sessionId: string;
  readonly asked: XmlElement[] = [];
  readonly closed: Promise<Error | undefined>;
  isOpen = true;
  readonly #connector: FakeConnector;
  #end: (reason: Error | undefined) => void = () => {};

  constructor(connector: FakeConnector, sessionId: string) {
    this.#connector = connector;
    this.sessionId = sessionId;
    this.closed = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async rpc(operation: XmlElement): Promise<XmlElement> {
    this.asked.push(operation);
    return this.#connector.answer(operation, this);
  }

  /** It ends, by whoever. */
  end(reason?: Error): void {
    this.isOpen = false;
    this.#end(reason);
  }

  async close(): Promise<void> {
    this.end();
  }
}

export const lost = (): SignalboxError => new SignalboxError("SB_DEVICE_CLOSED", "mx-1 closed the session");

/** A controller of which only the analytics views are asked for. */
export function fakeController(uve: Controller["uve"]): Controller {
  return { uve } as Controller;
}
