import Type, { type Static } from "typebox";
import type { EtcdOptions } from "../adapters/etcd/open.ts";
import type { NatsOptions } from "../adapters/nats/options.ts";

const strict = { additionalProperties: false } as const;
const text = Type.Optional(Type.String({ minLength: 1 }));

/** The `nats` section of the configuration. */
export const natsSchema = Type.Object(
  {
    servers: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
    namespace: text,
    storage: Type.Optional(Type.Enum(["file", "memory"])),
    replicas: Type.Optional(Type.Enum([1, 3, 5])),
    history_per_subject: Type.Optional(Type.Integer({ minimum: 16 })),
    max_bytes: Type.Optional(Type.Integer({ minimum: 1 })),
    user: text,
    password: text,
    password_file: text,
    token: text,
    token_file: text,
    nkey_seed_file: text,
    credentials_file: text,
    inbox_prefix: text,
    tls: Type.Optional(
      Type.Object(
        {
          ca_file: text,
          certificate_file: text,
          key_file: text,
          handshake_first: Type.Optional(Type.Boolean()),
        },
        strict,
      ),
    ),
  },
  strict,
);

/** The `etcd` section of the configuration. */
export const etcdSchema = Type.Object(
  {
    endpoints: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }),
    namespace: text,
    user: text,
    password: text,
    password_file: text,
    max_operations: Type.Optional(Type.Integer({ minimum: 2, maximum: 10_000 })),
    tls: Type.Optional(
      Type.Object({ ca_file: text, certificate_file: text, key_file: text, server_name: text }, strict),
    ),
  },
  strict,
);

type Common = "clock" | "random" | "logger";

export function natsOptions(settings: Static<typeof natsSchema>): Omit<NatsOptions, Common> {
  const { tls, ...rest } = settings;
  return { ...camelCased(rest), ...(tls === undefined ? {} : { tls: camelCased(tls) }) } as Omit<NatsOptions, Common>;
}

export function etcdOptions(settings: Static<typeof etcdSchema>): Omit<EtcdOptions, Common> {
  const { tls, ...rest } = settings;
  return { ...camelCased(rest), ...(tls === undefined ? {} : { tls: camelCased(tls) }) } as Omit<EtcdOptions, Common>;
}

/** Settings are written in snake_case, options of adapters in camelCase; the words are the same. */
function camelCased(settings: object): object {
  return Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}
