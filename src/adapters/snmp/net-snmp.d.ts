/** The part of net-snmp 3 that the SNMP adapter uses; the package has no types of its own. */
declare module "net-snmp" {
  import type { Socket } from "node:dgram";
  import type { EventEmitter } from "node:events";

  interface Varbind {
    oid: string;
    type: number;
    value: number | string | boolean | Buffer | null;
  }

  interface SessionOptions {
    version: number;
    port: number;
    transport: "udp4" | "udp6";
    timeout: number;
    retries: number;
  }

  interface User {
    name: string;
    level: number;
    authProtocol?: string;
    authKey?: string;
    privProtocol?: string;
    privKey?: string;
  }

  interface Session extends EventEmitter {
    readonly dgram: Socket;
    get(oids: string[], callback: (error: Error | null, varbinds?: Varbind[]) => void): Session;
    getBulk(
      oids: string[],
      nonRepeaters: number,
      maxRepetitions: number,
      callback: (error: Error | null, varbinds?: Varbind[][]) => void,
    ): Session;
    close(): Session;
  }

  const snmp: {
    createSession(target: string, community: string, options: SessionOptions): Session;
    createV3Session(target: string, user: User, options: SessionOptions): Session;
    readonly Version2c: number;
    readonly Version3: number;
    readonly SecurityLevel: Readonly<Record<"noAuthNoPriv" | "authNoPriv" | "authPriv", number>>;
    readonly AuthProtocols: Readonly<Record<string, string>>;
    readonly PrivProtocols: Readonly<Record<string, string>>;
    readonly ErrorStatus: { readonly TooBig: number };
    readonly ResponseInvalidCode: { readonly EAuthFailure: number; readonly ENotInTimeWindow: number };
  };
  export default snmp;
  export type { Session, SessionOptions, User, Varbind };
}
