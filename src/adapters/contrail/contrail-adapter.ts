import type { Controller, ControllerObject, Json, Logger, ObjectOwner } from "../../actors/ports.ts";
import { SignalboxError } from "../../errors.ts";
import { type ContrailAnswer, callController, rejected } from "./contrail-http.ts";
import { difference } from "./covers.ts";
import { annotationsWith, markOf, ownerText } from "./owner-mark.ts";

export interface ContrailAdapterOptions {
  /** The configuration API, such as http://192.0.2.10:8082. */
  readonly apiUrl: string;
  /** The analytics API; port 8081 of the same host when not given. */
  readonly analyticsUrl?: string;
  /** Milliseconds for one request; 10000 when not given. */
  readonly timeoutMs?: number;
  /** Sent as X-Auth-Token. */
  readonly token?: string;
  readonly logger: Logger;
}

type Data = { readonly [key: string]: Json | undefined };
type Wanted = Parameters<Controller["ensure"]>[0];

/** Contrail's configuration API (VNC REST) and analytics API over HTTP. */
export class ContrailAdapter implements Controller {
  readonly #api: string;
  readonly #analytics: string;
  readonly #http: { readonly timeoutMs: number; readonly token: string | undefined };
  readonly #logger: Logger;

  /** @throws SB_CONFIG_INVALID when a URL is none */
  constructor(options: ContrailAdapterOptions) {
    this.#api = checkedUrl("apiUrl", options.apiUrl);
    this.#analytics = checkedUrl("analyticsUrl", options.analyticsUrl ?? withPort(this.#api, "8081"));
    this.#http = { timeoutMs: options.timeoutMs ?? 10_000, token: options.token };
    this.#logger = options.logger;
  }

  async find(kind: string, fqName: readonly string[]): Promise<ControllerObject | undefined> {
    const object = nameOf(kind, fqName);
    const answer = await this.#call("POST", "/fqname-to-id", object, { type: kind, fq_name: [...fqName] }, [404]);
    const uuid = answer.status === 404 ? undefined : textAt(answer.body, "uuid");
    return uuid === undefined ? undefined : this.get(kind, uuid);
  }

  async get(kind: string, uuid: string): Promise<ControllerObject | undefined> {
    // Who refers to an object, and its children, are not asked for: a switch port would bring along all that is built on it.
    const path = `${objectPath(kind, uuid)}?exclude_back_refs=true&exclude_children=true`;
    const answer = await this.#call("GET", path, `${kind} ${uuid}`, undefined, [404]);
    return answer.status === 404 ? undefined : toObject(kind, answer.body);
  }

  async ensure(wanted: Wanted): Promise<ControllerObject> {
    const { kind, uuid, parent, fqName, data, owner } = wanted;
    const object = nameOf(kind, fqName);
    // The controller takes the parent's name from the object's own.
    if (parent && !sameName(parent.fqName, fqName.slice(0, -1)))
      throw rejected(object, 400, `its parent is ${parent.fqName.join(":")}, which its name does not say`);
    const answer = await this.#call(
      "POST",
      `/${kind}s`,
      object,
      {
        [kind]: {
          ...data,
          fq_name: [...fqName],
          annotations: annotationsWith(owner, data, {}),
          ...(uuid === undefined ? {} : { uuid }),
          ...(parent === undefined ? {} : { parent_type: parent.kind }),
        },
      },
      [409],
    );
    if (answer.status !== 409) {
      this.#logger.debug({ kind, fqName, uuid }, "controller object made");
      return this.#made(wanted, textAt(memberAt(answer.body, kind), "uuid") ?? uuid ?? "");
    }
    const held = await this.#conflicting(wanted, answer);
    const changes = difference({ ...data, annotations: annotationsWith(owner, data, held.data) }, held.data);
    if (Object.keys(changes).length === 0) return held;
    await this.#call("PUT", objectPath(kind, held.uuid), object, { [kind]: changes });
    this.#logger.debug(
      { kind, fqName, uuid: held.uuid, properties: Object.keys(changes) },
      "controller object changed",
    );
    return this.#required(wanted, held.uuid);
  }

  async remove(
    kind: string,
    uuid: string,
    owner: ObjectOwner,
    { unmarked } = { unmarked: false },
  ): Promise<"gone" | "kept"> {
    const held = await this.get(kind, uuid);
    if (held === undefined) return "gone";
    const mark = markOf(held.data);
    if (mark === undefined ? !unmarked : mark !== ownerText(owner)) {
      this.#logger.warn(
        { kind, uuid, fqName: held.fqName, owner: mark ?? "unknown", asking: ownerText(owner) },
        "controller object not removed: it is not of the resource that asks for it",
      );
      return "kept";
    }
    await this.#call("DELETE", objectPath(kind, uuid), `${kind} ${uuid}`, undefined, [404]);
    return "gone";
  }

  async reference(change: {
    operation: "ADD" | "DELETE";
    from: { kind: string; uuid: string };
    to: { kind: string; uuid: string; fqName: readonly string[] };
    attribute?: Json;
  }): Promise<void> {
    const { operation, from, to, attribute } = change;
    await this.#call(
      "POST",
      "/ref-update",
      `${from.kind} ${from.uuid} -> ${to.kind} ${to.uuid}`,
      {
        operation,
        type: from.kind,
        uuid: from.uuid,
        "ref-type": to.kind,
        "ref-uuid": to.uuid,
        "ref-fq-name": [...to.fqName],
        attr: attribute ?? null,
      },
      // A reference of or to an object that is gone is gone as well.
      operation === "DELETE" ? [404] : [],
    );
  }

  async uve(kind: string, fqName: readonly string[]): Promise<Data | undefined> {
    const name = fqName.map(encodeURIComponent).join(":");
    const answer = await callController(this.#http, {
      method: "GET",
      url: `${this.#analytics}/analytics/uves/${kind}/${name}?flat`,
      object: `UVE of ${nameOf(kind, fqName)}`,
      accepted: [404],
    });
    // Analytics answers an empty object for what it does not know.
    return isData(answer.body) && Object.keys(answer.body).length > 0 ? answer.body : undefined;
  }

  #call(
    method: string,
    path: string,
    object: string,
    body?: Json,
    accepted: readonly number[] = [],
  ): Promise<ContrailAnswer> {
    return callController(this.#http, {
      method,
      url: `${this.#api}${path}`,
      object,
      accepted,
      ...(body === undefined ? {} : { body }),
    });
  }

  /**
   * The object that has the name or the uuid which is wanted, when it is its owner's to change.
   * @throws SB_CONTROLLER_NOT_OWNED; SB_CONTROLLER_REJECTED when the conflict is about something else, such as an address in use
   */
  async #conflicting(wanted: Wanted, { text }: ContrailAnswer): Promise<ControllerObject> {
    const { kind, uuid, fqName, owner, madeBefore = [] } = wanted;
    const held = (uuid === undefined ? undefined : await this.get(kind, uuid)) ?? (await this.find(kind, fqName));
    if (held === undefined) {
      // An object of another kind may have the uuid.
      if (uuid !== undefined && (await this.#isTaken(uuid))) throw this.#notOwned(wanted, { uuid, said: text });
      throw rejected(nameOf(kind, fqName), 409, text);
    }
    if ((uuid !== undefined && held.uuid !== uuid) || !sameName(held.fqName, fqName))
      throw this.#notOwned(wanted, { uuid: held.uuid, said: text });
    const mark = markOf(held.data);
    if (mark === undefined ? !madeBefore.includes(held.uuid) : mark !== ownerText(owner))
      throw this.#notOwned(wanted, { uuid: held.uuid, holder: mark ?? "unknown" });
    return held;
  }

  async #isTaken(uuid: string): Promise<boolean> {
    return (await this.#call("POST", "/id-to-fqname", `uuid ${uuid}`, { uuid }, [404])).status !== 404;
  }

  /** Whose it is goes to the log only: who reads the error may be of another tenant. */
  #notOwned(wanted: Wanted, holder: object): SignalboxError {
    const { kind, fqName, owner } = wanted;
    const object = nameOf(kind, fqName);
    this.#logger.warn(
      { kind, fqName, asking: ownerText(owner), ...holder },
      "controller object not changed: it is not of the resource that asks for it",
    );
    return new SignalboxError(
      "SB_CONTROLLER_NOT_OWNED",
      `The controller has a ${object} already, which this resource has not made`,
      { statement: object },
    );
  }

  /** What was made a moment ago; when the controller did not keep its mark, nobody could tell later whose it is, and it goes again. */
  async #made(wanted: Wanted, uuid: string): Promise<ControllerObject> {
    const held = await this.get(wanted.kind, uuid);
    if (held === undefined || markOf(held.data) !== undefined) return this.#required(wanted, uuid, held);
    const object = nameOf(wanted.kind, wanted.fqName);
    await this.#call("DELETE", objectPath(wanted.kind, uuid), object, undefined, [404]);
    throw new SignalboxError("SB_CONTROLLER_REJECTED", `The controller does not keep the annotations of ${object}`, {
      statement: object,
      advice: "They say whose an object is: use a release of the controller whose objects have annotations.",
    });
  }

  async #required(wanted: Wanted, uuid: string, read?: ControllerObject): Promise<ControllerObject> {
    const { kind, fqName, owner } = wanted;
    const held = read ?? (await this.get(kind, uuid));
    // Somebody else deleted it in between: making it again may well succeed.
    if (!held) throw rejected(nameOf(kind, fqName), 404, "it was removed right after it was made", true);
    // Two may have found it without a mark at the same time; it is whose mark it carries in the end.
    const mark = markOf(held.data);
    if (mark !== ownerText(owner)) throw this.#notOwned(wanted, { uuid, holder: mark ?? "unknown" });
    return held;
  }
}

const nameOf = (kind: string, fqName: readonly string[]): string => `${kind} ${fqName.join(":")}`;
const sameName = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((part, at) => part === b[at]);
const objectPath = (kind: string, uuid: string): string => `/${kind}/${encodeURIComponent(uuid)}`;

function toObject(kind: string, body: Json): ControllerObject {
  const data = memberAt(body, kind);
  const uuid = textAt(data, "uuid");
  const fqName = isData(data) && Array.isArray(data.fq_name) ? data.fq_name : undefined;
  if (!isData(data) || uuid === undefined || !fqName?.every((part) => typeof part === "string")) {
    throw new SignalboxError("SB_CONTROLLER_REJECTED", `The controller's answer is no ${kind}`, { statement: kind });
  }
  return { kind, uuid, fqName, data };
}

const isData = (value: Json | undefined): value is Data =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const memberAt = (value: Json, key: string): Json => (isData(value) ? (value[key] ?? null) : null);

function textAt(value: Json, key: string): string | undefined {
  const member = memberAt(value, key);
  return typeof member === "string" ? member : undefined;
}

function checkedUrl(setting: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw new SignalboxError("SB_CONFIG_INVALID", `The controller's ${setting} "${text}" is not an http(s) URL`);
  return text.replace(/\/+$/, "");
}

function withPort(text: string, port: string): string {
  const url = new URL(text);
  url.port = port;
  return url.href;
}
