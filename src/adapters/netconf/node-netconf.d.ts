/** The parts of node-netconf 1.1.2 that the adapter uses; the package has no types of its own. */
declare module "node-netconf" {
  import type { EventEmitter } from "node:events";

  interface ClientParameters {
    host: string;
    port: number;
    username: string;
    password?: string | undefined;
    /** Private key, PEM. */
    pkey?: string | undefined;
  }

  type Callback = (error: Error | null, reply: { raw?: string } | null) => void;

  export class Client extends EventEmitter {
    constructor(parameters: ClientParameters);
    /** Adds the reply's text as `raw`, also to the JSON in the message of an rpc-error. */
    raw: boolean;
    sessionID: number | null;
    /** One capability comes as a string. */
    remoteCapabilities: string[] | string;
    /** The channel, once the subsystem runs. */
    netconf?: EventEmitter;
    /** The connection (ssh2 0.8), once `open` has been called. */
    sshConn?: EventEmitter & { end(): void; destroy(): void };
    open(callback: (error: Error | null) => void): this;
    /** `request` is the rpc element in xml2js's form. */
    rpc(request: object, callback: Callback): void;
  }
}
