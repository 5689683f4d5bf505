import type { Json } from "../../actors/ports.ts";
import { ApiError } from "./api-error.ts";
import { asTexts, isObject, type JsonObject } from "./json-value.ts";
import { COMMON_PROPERTIES, KINDS, type KindSchema, underscored } from "./kinds.ts";
import { type ObjectStore, pythonList, type StoredObject, type StoredRef } from "./object-store.ts";
import { allocateAddress, checkAddressesKeepSubnet, completeSubnets } from "./subnets.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAC = /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i;

/** Properties that name an object or that the controller makes; never stored as plain properties. */
const DERIVED = new Set(["uuid", "fq_name", "name", "parent_type", "parent_uuid", "parent_href", "href"]);

/**
 * The operations of Contrail's configuration API on the stored objects, with the checks of its server
 * (vnc_cfg_api_server and vnc_cfg_types of OpenContrail).
 */
export class ConfigApi {
  readonly #store: ObjectStore;
  readonly #newUuid: () => string;
  readonly #now: () => string;

  /** @param now the time as ISO 8601 text, for id_perms */
  constructor(store: ObjectStore, newUuid: () => string, now: () => string) {
    this.#store = store;
    this.#newUuid = newUuid;
    this.#now = now;
  }

  /** POST /<kind>s. @throws ApiError */
  create(kind: string, body: JsonObject): StoredObject {
    const schema = schemaOf(kind);
    const fqName = asTexts(body.fq_name);
    if (!fqName || fqName.length === 0) throw new ApiError(400, `Bad Request: fq_name is missing for ${kind}`);
    const uuid = body.uuid ?? this.#newUuid();
    if (typeof uuid !== "string" || !UUID.test(uuid)) throw new ApiError(400, `Invalid UUID format '${String(uuid)}'`);
    const parent = this.#parent(kind, schema, fqName, body);
    const refs = this.#refs(schema, body);
    const draft: StoredObject = {
      kind,
      uuid,
      fqName,
      parent: parent ? { kind: parent.kind, uuid: parent.uuid } : undefined,
      properties: {
        display_name: fqName.at(-1) ?? "",
        ...plainProperties(kind, schema, body),
        id_perms: this.#idPerms(body.id_perms),
      },
      refs,
    };
    // The name comes first: a second request for the same object must not be told that its own address is taken.
    const taken = this.#store.byUuid(uuid) ?? this.#store.find(kind, fqName);
    const object = taken ? draft : this.#checked(draft, undefined);
    this.#store.add(object);
    return object;
  }

  /** PUT /<kind>/<uuid>. Properties and lists of references that are named are replaced, the others stay. @throws ApiError */
  update(kind: string, uuid: string, body: JsonObject): StoredObject {
    const schema = schemaOf(kind);
    const before = this.require(kind, uuid);
    const fqName = asTexts(body.fq_name);
    if (fqName && fqName.join(":") !== before.fqName.join(":")) throw new ApiError(400, "fq_name can not be changed");
    if (body.uuid !== undefined && body.uuid !== uuid) throw new ApiError(400, "uuid can not be changed");
    const replaced = new Set(schema.refs.filter((target) => body[`${underscored(target)}_refs`] !== undefined));
    return this.#replace(before, {
      ...before,
      properties: {
        ...before.properties,
        ...plainProperties(kind, schema, body),
        id_perms: this.#idPerms(body.id_perms, before.properties.id_perms),
      },
      refs: [...before.refs.filter((ref) => !replaced.has(ref.kind)), ...this.#refs(schema, body)],
    });
  }

  /** DELETE /<kind>/<uuid>. @throws ApiError 404, 409 */
  remove(kind: string, uuid: string): void {
    this.#store.remove(this.require(kind, uuid));
  }

  /** POST /ref-update. @throws ApiError */
  updateRef(body: JsonObject): StoredObject {
    const { type, uuid, operation } = body;
    const refKind = body["ref-type"];
    if (typeof type !== "string" || typeof uuid !== "string" || typeof refKind !== "string")
      throw new ApiError(400, "Bad Request: type, uuid and ref-type are needed");
    const kind = type.replaceAll("_", "-");
    const target = refKind.replaceAll("_", "-");
    if (!schemaOf(kind).refs.includes(target)) throw new ApiError(400, `${kind} has no reference to ${target}`);
    if (operation !== "ADD" && operation !== "DELETE")
      throw new ApiError(400, `Bad Request: operation should be ADD or DELETE: ${String(operation)}`);
    const before = this.require(kind, uuid);
    const to = this.#target(target, body["ref-uuid"] ?? undefined, body["ref-fq-name"] ?? undefined);
    const others = before.refs.filter((ref) => ref.uuid !== to.uuid);
    if (operation === "DELETE") return this.#replace(before, { ...before, refs: others });
    const ref: StoredRef = { kind: target, uuid: to.uuid, attr: body.attr ?? null };
    return this.#replace(before, { ...before, refs: [...others, ref] });
  }

  /** The object, or ApiError 404. */
  require(kind: string, uuid: string): StoredObject {
    const object = this.#store.get(kind, uuid);
    if (!object) throw new ApiError(404, `No ${kind} object found for id ${uuid}`);
    return object;
  }

  /** POST /fqname-to-id. @throws ApiError 404 */
  lookUp(kind: string, fqName: readonly string[]): StoredObject {
    const object = this.#store.find(kind, fqName);
    if (!object) throw new ApiError(404, `Name ${pythonList(fqName)} not found`);
    return object;
  }

  #replace(before: StoredObject, draft: StoredObject): StoredObject {
    const after = this.#checked(draft, before);
    this.#store.replace(after);
    return after;
  }

  #parent(kind: string, schema: KindSchema, fqName: readonly string[], body: JsonObject): StoredObject | undefined {
    if (schema.parents.length === 0) return undefined;
    const { parent_type: given } = body;
    if (given === undefined && schema.parents.length > 1)
      throw new ApiError(400, `Ambiguous parent to specify: ${pythonList(schema.parents)}`);
    const parentKind = given ?? schema.parents[0];
    if (typeof parentKind !== "string" || !schema.parents.includes(parentKind))
      throw new ApiError(400, `Invalid parent type: ${String(parentKind)} for ${kind}`);
    const name = fqName.slice(0, -1);
    const parent = this.#store.find(parentKind, name);
    if (!parent) throw new ApiError(400, `Unknown parent: ${parentKind} ${pythonList(name)} does not exist`);
    return parent;
  }

  #refs(schema: KindSchema, body: JsonObject): StoredRef[] {
    return schema.refs.flatMap((kind) => {
      const list = body[`${underscored(kind)}_refs`];
      if (list === undefined) return [];
      if (!Array.isArray(list)) throw new ApiError(400, `${underscored(kind)}_refs must be a list`);
      return list.map((entry: Json): StoredRef => {
        if (!isObject(entry)) throw new ApiError(400, `${underscored(kind)}_refs has an entry that is no object`);
        return { kind, uuid: this.#target(kind, entry.uuid, entry.to).uuid, attr: entry.attr ?? null };
      });
    });
  }

  #target(kind: string, uuid: Json | undefined, fqName: Json | undefined): StoredObject {
    if (typeof uuid === "string") return this.require(kind, uuid);
    const name = asTexts(fqName);
    if (!name) throw new ApiError(400, `A reference to ${kind} has neither uuid nor name`);
    return this.lookUp(kind, name);
  }

  #idPerms(given: Json | undefined, before?: Json): Json {
    const now = this.#now();
    return {
      enable: true,
      user_visible: true,
      created: now,
      ...(isObject(before) ? before : {}),
      ...(isObject(given) ? given : {}),
      last_modified: now,
    };
  }

  /** What the server checks and fills in for a kind, before it stores the object. */
  #checked(draft: StoredObject, before: StoredObject | undefined): StoredObject {
    switch (draft.kind) {
      case "virtual-network": {
        const refs = completeSubnets(draft.refs, before?.refs ?? [], this.#newUuid);
        if (before) checkAddressesKeepSubnet(this.#store, before, refs);
        return { ...draft, refs };
      }
      case "virtual-machine-interface":
        if (!draft.refs.some(({ kind }) => kind === "virtual-network"))
          throw new ApiError(400, "virtual_network_refs must be present for a virtual-machine-interface");
        return { ...draft, properties: withMacAddress(draft) };
      case "instance-ip": {
        if (!before) return { ...draft, properties: allocateAddress(this.#store, draft.properties, draft.refs) };
        if (draft.properties.instance_ip_address !== before.properties.instance_ip_address)
          throw new ApiError(400, "Instance IP Address can not be changed");
        return draft;
      }
      case "logical-interface":
        this.#checkVlan(draft);
        return draft;
      default:
        return draft;
    }
  }

  /** One VLAN tag serves one logical interface of a port. */
  #checkVlan(draft: StoredObject): void {
    const tag = draft.properties.logical_interface_vlan_tag;
    if (tag === undefined || tag === null) return;
    if (typeof tag !== "number" || !Number.isInteger(tag) || tag < 0 || tag > 4094)
      throw new ApiError(400, `Invalid logical_interface_vlan_tag ${JSON.stringify(tag)}: not in 0..4094`);
    const twin = this.#store
      .children(draft.parent?.uuid ?? "")
      .find(
        (other) =>
          other.kind === draft.kind && other.uuid !== draft.uuid && other.properties.logical_interface_vlan_tag === tag,
      );
    if (twin) throw new ApiError(403, `Vlan tag ${tag} already used in another interface : ${twin.uuid}`);
  }
}

/** The schema of a kind, or ApiError 404 as for any unknown path. */
export function schemaOf(kind: string): KindSchema {
  const schema = Object.hasOwn(KINDS, kind) ? KINDS[kind] : undefined;
  if (!schema) throw new ApiError(404, `Not found: '/${kind}'`);
  return schema;
}

function plainProperties(kind: string, schema: KindSchema, body: JsonObject): JsonObject {
  const refLists = new Set(schema.refs.map((target) => `${underscored(target)}_refs`));
  const entries = Object.entries(body).filter(([key]) => !DERIVED.has(key) && !refLists.has(key));
  for (const [key] of entries) {
    if (!COMMON_PROPERTIES.has(key) && !schema.properties.includes(key))
      throw new ApiError(400, `${kind} has no property ${key}`);
  }
  return Object.fromEntries(entries);
}

/** Contrail makes a locally administered address from the first digits of the uuid when none is given. */
function withMacAddress({ uuid, properties }: StoredObject): JsonObject {
  const given = properties.virtual_machine_interface_mac_addresses;
  const addresses = isObject(given) ? (asTexts(given.mac_address) ?? []) : [];
  for (const address of addresses) if (!MAC.test(address)) throw new ApiError(400, `Invalid MAC address ${address}`);
  const digits = uuid.replaceAll("-", "").slice(0, 10);
  const own = `02:${digits.replace(/..(?=.)/g, "$&:")}`;
  const normal = addresses.map((address) => address.toLowerCase().replaceAll("-", ":"));
  return {
    ...properties,
    virtual_machine_interface_mac_addresses: { mac_address: normal.length > 0 ? normal : [own] },
  };
}
