import type { Json } from "../../actors/ports.ts";
import { ApiError } from "./api-error.ts";
import type { JsonObject } from "./json-value.ts";
import { underscored } from "./kinds.ts";

/** A reference from one object to another, with what the link itself carries. */
export interface StoredRef {
  readonly kind: string;
  readonly uuid: string;
  readonly attr: Json;
}

/** An object as the controller keeps it: names and references apart from plain properties. */
export interface StoredObject {
  readonly kind: string;
  readonly uuid: string;
  readonly fqName: readonly string[];
  readonly parent: { readonly kind: string; readonly uuid: string } | undefined;
  readonly properties: JsonObject;
  readonly refs: readonly StoredRef[];
}

/** Parts of an object that a reader may leave out: they grow with what is built on the object. */
export interface WireParts {
  readonly children?: boolean;
  readonly backRefs?: boolean;
}

const nameKey = (kind: string, fqName: readonly string[]): string => JSON.stringify([kind, ...fqName]);

/** All objects of the controller, indexed by uuid and by kind and fully qualified name. */
export class ObjectStore {
  /** Rises with every change. */
  revision = 0;
  readonly #objects = new Map<string, StoredObject>();
  readonly #names = new Map<string, string>();
  /** Uuid of a parent to those of its children, and of an object to those that refer to it. */
  readonly #children = new Links();
  readonly #referrers = new Links();

  /** The object of that uuid, of any kind. */
  byUuid(uuid: string): StoredObject | undefined {
    return this.#objects.get(uuid);
  }

  /** The object of that kind and uuid. */
  get(kind: string, uuid: string): StoredObject | undefined {
    const found = this.#objects.get(uuid);
    return found?.kind === kind ? found : undefined;
  }

  find(kind: string, fqName: readonly string[]): StoredObject | undefined {
    const uuid = this.#names.get(nameKey(kind, fqName));
    return uuid === undefined ? undefined : this.#objects.get(uuid);
  }

  /** All objects, or those of one kind, in the order in which they were made. */
  all(kind?: string): StoredObject[] {
    const objects = [...this.#objects.values()];
    return kind === undefined ? objects : objects.filter((object) => object.kind === kind);
  }

  children(uuid: string): StoredObject[] {
    return this.#resolved(this.#children.of(uuid));
  }

  /** Objects that refer to this one. */
  backRefs(uuid: string): StoredObject[] {
    return this.#resolved(this.#referrers.of(uuid));
  }

  /** Adds an object. Throws ApiError 409 when its uuid or name is taken. */
  add(object: StoredObject): void {
    const sameUuid = this.#objects.get(object.uuid);
    if (sameUuid)
      throw new ApiError(409, `Uuid ${object.uuid} already exists with fq_name: ${pythonList(sameUuid.fqName)}`);
    const sameName = this.find(object.kind, object.fqName);
    if (sameName) throw new ApiError(409, `${pythonList(object.fqName)} already exists with uuid: ${sameName.uuid}`);
    this.revision += 1;
    this.#objects.set(object.uuid, object);
    this.#names.set(nameKey(object.kind, object.fqName), object.uuid);
    if (object.parent) this.#children.add(object.parent.uuid, object.uuid);
    for (const ref of object.refs) this.#referrers.add(ref.uuid, object.uuid);
  }

  /** Replaces an object by a newer state of itself. */
  replace(object: StoredObject): void {
    this.revision += 1;
    for (const ref of this.#objects.get(object.uuid)?.refs ?? []) this.#referrers.remove(ref.uuid, object.uuid);
    for (const ref of object.refs) this.#referrers.add(ref.uuid, object.uuid);
    this.#objects.set(object.uuid, object);
  }

  /** Removes an object. Throws ApiError 409 while it has children or others refer to it (Contrail's RefsExistError). */
  remove(object: StoredObject): void {
    const hrefs = (objects: readonly StoredObject[]) => pythonList(objects.map(({ kind, uuid }) => `/${kind}/${uuid}`));
    const children = this.children(object.uuid);
    if (children.length > 0) throw new ApiError(409, `Delete when children still present: ${hrefs(children)}`);
    const referrers = this.backRefs(object.uuid).filter(({ uuid }) => uuid !== object.uuid);
    if (referrers.length > 0) throw new ApiError(409, `Delete when resource still referred: ${hrefs(referrers)}`);
    this.revision += 1;
    this.#objects.delete(object.uuid);
    this.#names.delete(nameKey(object.kind, object.fqName));
    if (object.parent) this.#children.remove(object.parent.uuid, object.uuid);
    for (const ref of object.refs) this.#referrers.remove(ref.uuid, object.uuid);
  }

  /** The object as the API shows it, with its references, children and back references, the latter two unless left out. */
  wire(object: StoredObject, baseUrl: string, leftOut: WireParts = {}): JsonObject {
    const lists = new Map<string, Json[]>();
    const addTo = (key: string, entry: Json) => {
      const list = lists.get(key);
      if (list) list.push(entry);
      else lists.set(key, [entry]);
    };
    const link = (target: StoredObject) => ({
      to: [...target.fqName],
      href: `${baseUrl}/${target.kind}/${target.uuid}`,
      uuid: target.uuid,
    });
    for (const ref of object.refs) {
      const target = this.#objects.get(ref.uuid);
      if (target) addTo(`${underscored(ref.kind)}_refs`, { ...link(target), attr: ref.attr });
    }
    const children = leftOut.children ? [] : this.children(object.uuid);
    for (const child of children) addTo(`${underscored(child.kind)}s`, link(child));
    for (const referrer of leftOut.backRefs ? [] : this.backRefs(object.uuid)) {
      for (const ref of referrer.refs.filter(({ uuid }) => uuid === object.uuid))
        addTo(`${underscored(referrer.kind)}_back_refs`, { ...link(referrer), attr: ref.attr });
    }
    return {
      ...object.properties,
      fq_name: [...object.fqName],
      uuid: object.uuid,
      name: object.fqName.at(-1) ?? "",
      href: `${baseUrl}/${object.kind}/${object.uuid}`,
      ...(object.parent
        ? {
            parent_type: object.parent.kind,
            parent_uuid: object.parent.uuid,
            parent_href: `${baseUrl}/${object.parent.kind}/${object.parent.uuid}`,
          }
        : {}),
      ...Object.fromEntries(lists),
    };
  }

  #resolved(uuids: Iterable<string>): StoredObject[] {
    return [...uuids].flatMap((uuid) => this.#objects.get(uuid) ?? []);
  }
}

/** A set of uuids per uuid, without empty sets. */
class Links {
  readonly #links = new Map<string, Set<string>>();

  of(from: string): Iterable<string> {
    return this.#links.get(from) ?? [];
  }

  add(from: string, to: string): void {
    const links = this.#links.get(from);
    if (links) links.add(to);
    else this.#links.set(from, new Set([to]));
  }

  remove(from: string, to: string): void {
    const links = this.#links.get(from);
    links?.delete(to);
    if (links?.size === 0) this.#links.delete(from);
  }
}

/** Names as the controller, a Python program, prints them. */
export function pythonList(texts: readonly string[]): string {
  return `[${texts.map((text) => `'${text}'`).join(", ")}]`;
}
