import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Random } from "../../actors/ports.ts";
import { ApiError } from "./api-error.ts";
import { type ApiAnswer, type ApiCall, routeCall } from "./api-routes.ts";
import { ConfigApi } from "./config-api.ts";
import type { JsonObject } from "./json-value.ts";
import { KINDS } from "./kinds.ts";
import { ObjectStore, type StoredObject } from "./object-store.ts";
import { readStateFile, writeStateFile } from "./state-file.ts";

/** Known at sight in outputs and documents. */
const DEFAULT_IPAM_UUID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa";

export interface LabControllerOptions {
  /** TCP port on 127.0.0.1; 0 or nothing for a free one. */
  readonly port?: number;
  /** Where the objects survive a restart; without it they live in memory only. */
  readonly stateFile?: string;
  /** Switches that the controller manages from the start; QFX-NW02 when not given. */
  readonly physicalRouters?: readonly string[];
  /** X-Auth-Token that every request must carry; none is asked for without it. */
  readonly token?: string;
  readonly random?: Pick<Random, "uuid">;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** What a lab can break. */
export interface ControllerFaults {
  /** Connections are reset as soon as a request comes in. */
  refuse: boolean;
  /** Requests are read and never answered. */
  hang: boolean;
  /** Changes of a kind (of any kind without one) are refused. */
  reject: { readonly kind?: string; readonly status?: number; readonly text?: string } | undefined;
}

/** An object as tests look at it. */
export interface ControllerSnapshot {
  readonly kind: string;
  readonly uuid: string;
  readonly fqName: readonly string[];
  readonly data: JsonObject;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;
const SYSTEM = "default-global-system-config";
const DOMAIN = "default-domain";

/** Starts the controller on 127.0.0.1; resolves when it listens. */
export async function startLabController(options: LabControllerOptions = {}): Promise<LabController> {
  const server = createServer();
  const controller = new LabController(server, options);
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  return controller;
}

/**
 * An SDN controller as services see it: Contrail's configuration API and analytics views on one port, over objects in
 * memory. A change is in the state file before it is answered.
 */
export class LabController {
  readonly faults: ControllerFaults = { refuse: false, hang: false, reject: undefined };
  readonly #server: Server;
  readonly #options: LabControllerOptions;
  readonly #store = new ObjectStore();
  readonly #api: ConfigApi;
  readonly #defaults = new Set<string>();
  readonly #interfaces = new Map<string, { readonly revision: number; readonly names: readonly string[] }>();

  constructor(server: Server, options: LabControllerOptions) {
    this.#server = server;
    this.#options = options;
    const now = options.now ?? Date.now;
    this.#api = new ConfigApi(
      this.#store,
      () => options.random?.uuid() ?? randomUUID(),
      () => new Date(now()).toISOString().replace("Z", ""),
    );
    if (options.stateFile !== undefined) for (const object of readStateFile(options.stateFile)) this.#store.add(object);
    this.#preload(options.physicalRouters ?? ["QFX-NW02"]);
    this.#save();
    server.on("request", (request, response) => void this.#serve(request, response));
  }

  /** URL of the configuration API and of the analytics API. */
  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the controller does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  /** All objects as the API shows them. */
  objects(kind?: string): ControllerSnapshot[] {
    return this.#store.all(kind).map((object) => this.#snapshot(object));
  }

  /** The objects that were not there at the start of a new controller. */
  objectsBesidesDefaults(): ControllerSnapshot[] {
    return this.#store
      .all()
      .filter(({ uuid }) => !this.#defaults.has(uuid))
      .map((object) => this.#snapshot(object));
  }

  /**
   * Names of the physical and logical interfaces that exist on a switch: what the controller would have configured on
   * it, and so what its SNMP agent knows. The same list until something changes.
   */
  interfacesOf(physicalRouter: string): readonly string[] {
    const { revision } = this.#store;
    const known = this.#interfaces.get(physicalRouter);
    if (known?.revision === revision) return known.names;
    const names = this.#findInterfaces(physicalRouter);
    this.#interfaces.set(physicalRouter, { revision, names });
    return names;
  }

  #findInterfaces(physicalRouter: string): string[] {
    const router = this.#store.find("physical-router", [SYSTEM, physicalRouter]);
    const isInterface = ({ kind }: StoredObject) => kind === "physical-interface" || kind === "logical-interface";
    const below = (uuid: string): StoredObject[] => this.#store.children(uuid).filter(isInterface);
    return (router === undefined ? [] : below(router.uuid))
      .flatMap((each) => [each, ...below(each.uuid)])
      .map(({ fqName }) => fqName.at(-1) ?? "");
  }

  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #snapshot(object: StoredObject): ControllerSnapshot {
    const { kind, uuid, fqName } = object;
    return { kind, uuid, fqName, data: this.#store.wire(object, "") };
  }

  /** The objects that every controller has; those that the state file brought stay as they are. */
  #preload(physicalRouters: readonly string[]): void {
    const ensure = (kind: string, fqName: readonly string[], uuid?: string) => {
      const [parentKind] = KINDS[kind]?.parents ?? [];
      const object =
        this.#store.find(kind, fqName) ??
        this.#api.create(kind, {
          fq_name: [...fqName],
          ...(uuid === undefined ? {} : { uuid }),
          ...(parentKind === undefined ? {} : { parent_type: parentKind }),
        });
      this.#defaults.add(object.uuid);
    };
    ensure("global-system-config", [SYSTEM]);
    ensure("domain", [DOMAIN]);
    for (const project of ["default-project", "admin"]) ensure("project", [DOMAIN, project]);
    ensure("network-ipam", [DOMAIN, "default-project", "default-network-ipam"], DEFAULT_IPAM_UUID);
    for (const router of physicalRouters) ensure("physical-router", [SYSTEM, router]);
  }

  #save(): void {
    if (this.#options.stateFile !== undefined) writeStateFile(this.#options.stateFile, this.#store.all());
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.faults.refuse) {
      request.socket.resetAndDestroy();
      return;
    }
    try {
      const call = await readCall(request);
      if (this.faults.hang) return;
      send(response, this.#answer(call, request));
    } catch (error) {
      if (response.destroyed) return;
      const status = error instanceof ApiError ? error.status : 500;
      send(response, { status, body: error instanceof Error ? error.message : String(error) });
    }
  }

  #answer(call: ApiCall, request: IncomingMessage): ApiAnswer {
    const { token } = this.#options;
    if (token !== undefined && request.headers["x-auth-token"] !== token)
      throw new ApiError(401, "Authentication required");
    const answer = routeCall(call, this.#api, this.#store, this.url, (kind) => {
      const { reject } = this.faults;
      if (reject && (reject.kind === undefined || reject.kind === kind))
        throw new ApiError(reject.status ?? 400, reject.text ?? `The lab rejects ${kind}`);
    });
    if (answer.changed) this.#save();
    return answer;
  }
}

async function readCall(request: IncomingMessage): Promise<ApiCall> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new ApiError(413, "Request entity too large");
    chunks.push(chunk);
  }
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  const text = Buffer.concat(chunks).toString("utf8");
  let body: unknown;
  try {
    body = text === "" ? undefined : JSON.parse(text);
  } catch {
    throw new ApiError(400, "Invalid JSON in the body");
  }
  return { method: request.method ?? "GET", url, body };
}

function send(response: ServerResponse, { status, body }: ApiAnswer): void {
  const plain = typeof body === "string";
  const text = plain ? body : JSON.stringify(body ?? {});
  response.writeHead(status, {
    "content-type": plain ? "text/html; charset=UTF-8" : "application/json; charset=UTF-8",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}
