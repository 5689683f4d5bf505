import type { AddressUse } from "./address-kinds.ts";

/** A field of a resource type as `templates/<type>/type.yaml` describes it: JSON Schema words plus Gohan's. */
export interface FieldSchema {
  readonly type: JsonType | readonly JsonType[];
  readonly description?: string;
  readonly format?: FieldFormat;
  readonly enum?: ReadonlyArray<string | number>;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  /** Schema of the items of an array, or of the values of a free object. */
  readonly items?: FieldSchema;
  /** Members of an object. */
  readonly properties?: Readonly<Record<string, FieldSchema>>;
  /** A POST must carry it (members: the object must carry it). */
  readonly required?: boolean;
  /** No two resources of the type share a value. */
  readonly unique?: boolean;
  /** The value is the id of a resource of that type. */
  readonly relation?: string;
  /** The value is the id of such a resource, which must exist; unlike a relation it is no step of a parameter's path. */
  readonly refers_to?: string;
  /** The program contacts a device at the address that is the value. */
  readonly device_address?: boolean;
  /** What an IPv4 address or block is used for: those that cannot be used so are refused. */
  readonly address?: AddressUse;
  /** Why a value is refused: what the field means is not done yet. */
  readonly unsupported?: string;
  /** Sealed before it is stored, masked when it is shown. */
  readonly secret?: boolean;
  /** A client sees it only when it has a value, not as null. */
  readonly sparse?: boolean;
  /** When a client may set it; none: it is derived. */
  readonly writable: ReadonlyArray<"create" | "update">;
  /** The value is a tenant's id: whose the resource is, or has been. `tenant_id` is one without saying so. */
  readonly owner?: boolean;
  /** Who may set it when: the least role. Of fields that refer to a resource or name an owner; undefined: who may write the resource. */
  readonly setBy?: Readonly<Partial<Record<"create" | "update", SettingRole>>>;
}

/** `member` has the operators with it, `operator` the admin. */
export type SettingRole = "member" | "operator" | "admin";

export type JsonType = "string" | "integer" | "number" | "boolean" | "object" | "array" | "null";

/** Formats of the seeds' schemas; `validate-body.ts` says what each accepts. */
export type FieldFormat =
  | "hyph-uuid"
  | "hyph-uuid-or-empty"
  | "non-hyph-uuid"
  | "non-hyph-uuid-or-empty"
  | "ipv4"
  | "ipv6"
  | "cidr"
  | "cidr-or-ipv4"
  | "ipv4-interface"
  | "vlan-id"
  | "as-number"
  | "mac"
  | "hostname";

/** What a client needs to know of a type. */
export interface TypeSchema {
  /** `gw_interface` */
  readonly type: string;
  /** `gw_interfaces` */
  readonly collection: string;
  /** One line: what the resource is. */
  readonly title: string;
  readonly parent?: string;
  /** Provided by operators for all tenants: every tenant may refer to it. */
  readonly infrastructure: boolean;
  readonly fields: Readonly<Record<string, FieldSchema>>;
}
