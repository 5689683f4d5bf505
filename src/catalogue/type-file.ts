import Type, { type Static } from "typebox";
import { TARGET_KINDS } from "./type-definition.ts";

/** The shape of `templates/<type>/type.yaml`. What is not said here is checked by `load-catalogue.ts`. */
const strict = { additionalProperties: false } as const;
const name = Type.String({ pattern: "^[a-z][a-z0-9_]*$" });
const expression = Type.String({ minLength: 1 });
const jsonType = Type.Enum(["string", "integer", "number", "boolean", "object", "array", "null"]);

const fieldProperties = {
  type: Type.Union([jsonType, Type.Array(jsonType, { minItems: 1 })]),
  description: Type.Optional(Type.String()),
  format: Type.Optional(
    Type.Enum([
      "hyph-uuid",
      "hyph-uuid-or-empty",
      "non-hyph-uuid",
      "non-hyph-uuid-or-empty",
      "ipv4",
      "ipv6",
      "cidr",
      "cidr-or-ipv4",
      "ipv4-interface",
      "vlan-id",
      "as-number",
      "mac",
      "hostname",
    ]),
  ),
  enum: Type.Optional(Type.Array(Type.Union([Type.String(), Type.Number()]))),
  default: Type.Optional(Type.Unknown()),
  minimum: Type.Optional(Type.Number()),
  maximum: Type.Optional(Type.Number()),
  minLength: Type.Optional(Type.Integer()),
  maxLength: Type.Optional(Type.Integer()),
  pattern: Type.Optional(Type.String()),
  items: Type.Optional(Type.Unknown()),
  properties: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  required: Type.Optional(Type.Boolean()),
  unique: Type.Optional(Type.Boolean()),
  relation: Type.Optional(name),
  refers_to: Type.Optional(name),
  secret: Type.Optional(Type.Boolean()),
  device_address: Type.Optional(Type.Boolean()),
  address: Type.Optional(Type.Enum(["host", "host-or-link-local", "network", "network-or-link-local", "destination"])),
  unsupported: Type.Optional(Type.String({ minLength: 1 })),
};

/** Who may set a field: the least role. */
const settingRole = Type.Enum(["member", "operator", "admin"]);

/** What the values of a field must be like: each is in a list, or equal to another value. */
const condition = Type.Object(
  {
    value: Type.Optional(expression),
    in: Type.Optional(expression),
    equals: Type.Optional(expression),
    at: Type.Optional(name),
    says: Type.String({ minLength: 1 }),
  },
  strict,
);

/** Members and items of a field: as a field, without the words that only a top-level field has. */
export const nestedField = Type.Object(fieldProperties, strict);

const field = Type.Object(
  {
    ...fieldProperties,
    sparse: Type.Optional(Type.Boolean()),
    writable: Type.Optional(Type.Array(Type.Enum(["create", "update"]))),
    owner: Type.Optional(Type.Boolean()),
    set_by: Type.Optional(
      Type.Union([
        settingRole,
        Type.Object({ create: Type.Optional(settingRole), update: Type.Optional(settingRole) }, strict),
      ]),
    ),
    belongs_to: Type.Optional(
      Type.Union([Type.Enum(["tenant", "operators", "caller", "any"]), Type.Array(condition, { minItems: 1 })]),
    ),
  },
  strict,
);

const values = Type.Record(Type.String(), Type.Unknown());
const controllerKind = Type.String({ pattern: "^[a-z][a-z-]*$" });

const objectTemplate = Type.Object(
  {
    as: name,
    action: Type.Enum(["ensure", "find", "reference"]),
    kind: controllerKind,
    uuid: Type.Optional(Type.String()),
    fq_name: Type.Optional(Type.Unknown()),
    parent: Type.Optional(Type.Object({ kind: controllerKind, fq_name: Type.Unknown() }, strict)),
    data: Type.Optional(Type.Unknown()),
    each: Type.Optional(name),
    from: Type.Optional(Type.Object({ kind: controllerKind, uuid: Type.String() }, strict)),
  },
  strict,
);

const handlerTemplate = Type.Object(
  {
    handler: Type.Enum(["heat_worker", "monitoring_worker"]),
    params: Type.Optional(Type.Record(name, expression)),
    routers: Type.Optional(
      Type.Object(
        {
          file: Type.String(),
          with: Type.Optional(Type.Record(name, Type.String())),
          in_turn: Type.Optional(Type.Boolean()),
        },
        strict,
      ),
    ),
    objects: Type.Optional(Type.Array(objectTemplate)),
    outputs: Type.Optional(
      Type.Array(
        Type.Object(
          { key: name, description: Type.String(), value: Type.Unknown(), json: Type.Optional(Type.Boolean()) },
          strict,
        ),
      ),
    ),
    targets: Type.Optional(
      Type.Array(
        Type.Object(
          {
            name: Type.String(),
            kind: Type.Enum([...TARGET_KINDS]),
            each: Type.Optional(name),
            when: Type.Optional(name),
            publish: Type.Optional(Type.Boolean()),
            settings: values,
          },
          strict,
        ),
      ),
    ),
  },
  strict,
);

export const typeFile = Type.Object(
  {
    type: name,
    collection: name,
    title: Type.String({ minLength: 1 }),
    parent: Type.Optional(name),
    infrastructure: Type.Optional(Type.Boolean()),
    fields: Type.Record(Type.String({ pattern: "^[a-z][a-z0-9_:]*$" }), field),
    unique_together: Type.Optional(Type.Array(Type.Array(name, { minItems: 2 }))),
    constraints: Type.Optional(
      Type.Array(
        Type.Object(
          {
            field: Type.String({ pattern: "^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)?$" }),
            value: Type.Optional(expression),
            in: Type.Optional(expression),
            equals: Type.Optional(expression),
            at: Type.Optional(name),
            says: Type.String({ minLength: 1 }),
          },
          strict,
        ),
      ),
    ),
    no_overlap: Type.Optional(Type.Object({ field: name, within: name }, strict)),
    unique_among: Type.Optional(Type.Array(Type.Array(name, { minItems: 2 }))),
    derive: Type.Optional(values),
    pools: Type.Optional(
      Type.Record(
        name,
        Type.Object(
          {
            bitmap: name,
            size: Type.Optional(Type.Integer({ minimum: 1 })),
            first: Type.Optional(Type.Integer({ minimum: 0 })),
            addresses: Type.Optional(name),
            block: Type.Optional(Type.Object({ network: name, length: name }, strict)),
            left: Type.Optional(name),
            recorded: Type.Optional(Type.Boolean()),
          },
          strict,
        ),
      ),
    ),
    dependents: Type.Optional(
      Type.Array(
        Type.Object(
          {
            as: name,
            type: name,
            fields: values,
            omit: Type.Optional(Type.Array(Type.String())),
            status: Type.Optional(Type.String()),
            before: Type.Optional(Type.Boolean()),
            when: Type.Optional(expression),
          },
          strict,
        ),
      ),
    ),
    changes: Type.Optional(
      Type.Array(
        Type.Object(
          {
            target: expression,
            type: name,
            when: Type.Enum(["create", "complete"]),
            set: values,
            on_delete: Type.Optional(values),
          },
          strict,
        ),
      ),
    ),
    checks: Type.Optional(
      Type.Array(
        Type.Object(
          {
            when: Type.Optional(Type.Object({ field: Type.String(), equals: Type.Optional(Type.String()) }, strict)),
            require: Type.Optional(Type.Array(Type.String())),
            forbid: Type.Optional(Type.Array(Type.String())),
            distinct: Type.Optional(Type.Array(Type.String())),
            fixed: Type.Optional(Type.Array(Type.String())),
          },
          strict,
        ),
      ),
    ),
    stack: Type.Optional(expression),
    monitoring: Type.Optional(expression),
    handlers: Type.Optional(Type.Record(name, handlerTemplate)),
  },
  strict,
);

export type TypeFile = Static<typeof typeFile>;
export type FieldFile = Static<typeof field>;
export type ConditionFile = Static<typeof condition>;
