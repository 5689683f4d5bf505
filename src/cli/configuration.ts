import { readFileSync } from "node:fs";
import Type, { type Static } from "typebox";
import { Errors } from "typebox/value";
import { parse } from "yaml";
import { schemaMistake } from "../catalogue/schema-mistake.ts";
import { SignalboxError } from "../errors.ts";
import { MOST_LAB_PAIRS } from "../lab/lab-devices.ts";
import { accessSchema } from "./access-settings.ts";
import { httpSchema } from "./http-settings.ts";
import { etcdSchema, natsSchema } from "./store-settings.ts";

const strict = { additionalProperties: false } as const;
const address = Type.Object(
  { host: Type.String({ minLength: 1 }), port: Type.Integer({ minimum: 1, maximum: 65535 }) },
  strict,
);

// What belongs together is checked when the adapter is made (src/adapters/snmp/snmp-credential.ts).
const credential = Type.Object(
  {
    version: Type.Enum(["2c", "3"]),
    community: Type.Optional(Type.String()),
    user: Type.Optional(Type.String()),
    level: Type.Optional(Type.String()),
    authProtocol: Type.Optional(Type.String()),
    authKey: Type.Optional(Type.String()),
    privProtocol: Type.Optional(Type.String()),
    privKey: Type.Optional(Type.String()),
  },
  strict,
);

/** src/adapters/netconf/algorithms.ts has the sets. */
const algorithmSet = Type.Enum(["modern", "legacy"]);

/** How many resources of which types. */
const quota = Type.Record(Type.String(), Type.Integer({ minimum: 0 }));

/** The settings of the configuration file. */
export const configurationSchema = Type.Object(
  {
    nats: Type.Optional(natsSchema),
    etcd: Type.Optional(etcdSchema),
    access: Type.Optional(accessSchema),
    http: Type.Optional(httpSchema),
    quotas: Type.Optional(
      Type.Object(
        {
          default: Type.Optional(quota),
          tenants: Type.Optional(Type.Record(Type.String({ pattern: "^[0-9A-Fa-f-]{32,36}$" }), quota)),
          pending: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
        },
        strict,
      ),
    ),
    cluster: Type.Optional(
      Type.Object({ member_ttl_ms: Type.Optional(Type.Integer({ minimum: 1000, maximum: 600_000 })) }, strict),
    ),
    audit: Type.Optional(
      Type.Object({ keep_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 36_500 })) }, strict),
    ),
    lab: Type.Optional(
      Type.Object({ pairs: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST_LAB_PAIRS })) }, strict),
    ),
    log: Type.Optional(
      Type.Object(
        {
          level: Type.Optional(Type.Enum(["debug", "info", "warn", "error", "silent"])),
          pretty: Type.Optional(Type.Boolean()),
        },
        strict,
      ),
    ),
    templates: Type.Optional(Type.String()),
    worker: Type.Optional(
      Type.Object(
        {
          name: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9_.-]+$" })),
          concurrency: Type.Optional(Type.Integer({ minimum: 1, maximum: 10000 })),
          attempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
        },
        strict,
      ),
    ),
    monitoring: Type.Optional(Type.Object({ interval_ms: Type.Optional(Type.Integer({ minimum: 100 })) }, strict)),
    netconf: Type.Optional(
      Type.Object(
        {
          driver: Type.Optional(Type.Enum(["ssh2", "node-netconf"])),
          host_keys: Type.Optional(
            Type.Object(
              {
                mode: Type.Enum(["known_hosts", "accept-new", "insecure"]),
                file: Type.Optional(Type.String()),
              },
              strict,
            ),
          ),
          algorithms: Type.Optional(algorithmSet),
          devices: Type.Optional(
            Type.Record(Type.String(), Type.Object({ algorithms: Type.Optional(algorithmSet) }, strict)),
          ),
          rpc_timeout_ms: Type.Optional(Type.Integer({ minimum: 100 })),
          commit_timeout_ms: Type.Optional(Type.Integer({ minimum: 100 })),
          connect_timeout_ms: Type.Optional(Type.Integer({ minimum: 100 })),
          confirm_timeout_s: Type.Optional(Type.Integer({ minimum: 10, maximum: 65535 })),
        },
        strict,
      ),
    ),
    snmp: Type.Optional(
      Type.Object(
        {
          communities: Type.Optional(Type.Record(Type.String(), credential)),
          timeout_ms: Type.Optional(Type.Integer({ minimum: 10 })),
          retries: Type.Optional(Type.Integer({ minimum: 0, maximum: 10 })),
        },
        strict,
      ),
    ),
    contrail: Type.Optional(
      Type.Object(
        {
          api_url: Type.Optional(Type.String()),
          analytics_url: Type.Optional(Type.String()),
          project: Type.Optional(Type.String()),
          timeout_ms: Type.Optional(Type.Integer({ minimum: 100 })),
        },
        strict,
      ),
    ),
    devices: Type.Optional(
      Type.Object({ allowed_networks: Type.Optional(Type.Array(Type.String(), { minItems: 1 })) }, strict),
    ),
    address_book: Type.Optional(
      Type.Object(
        {
          netconf: Type.Optional(Type.Record(Type.String(), address)),
          snmp: Type.Optional(Type.Record(Type.String(), address)),
        },
        strict,
      ),
    ),
  },
  strict,
);

/** What the configuration file may say; the page `docs/configuration.md` explains each setting. */
export type Configuration = Static<typeof configurationSchema>;

/**
 * Reads the configuration file (YAML or JSON). Without a file everything is as by default.
 * @throws SB_CONFIG_INVALID naming file and setting
 */
export function readConfiguration(file: string | undefined): Configuration {
  if (file === undefined) return {};
  let data: unknown;
  try {
    data = spelledOut(parse(readFileSync(file, "utf8")) ?? {});
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new SignalboxError("SB_CONFIG_INVALID", `the configuration file ${file} cannot be read: ${reason}`, {
      cause,
    });
  }
  const mistakes = Errors(configurationSchema, data).flatMap((error) => {
    if (error.keyword === "additionalProperties" || error.keyword === "anyOf") return [];
    const setting = error.instancePath.slice(1).replaceAll("/", ".");
    return [
      error.keyword === "boolean" ? `unknown setting ${setting}` : `${setting || "the file"} ${schemaMistake(error)}`,
    ];
  });
  if (mistakes.length > 0) throw new SignalboxError("SB_CONFIG_INVALID", `${file}: ${mistakes.join("; ")}`);
  return data as Configuration;
}

/** `access: open` is short for the section with that one member. */
function spelledOut(data: unknown): unknown {
  const isOpen = typeof data === "object" && data !== null && (data as { access?: unknown }).access === "open";
  return isOpen ? { ...data, access: { open: true } } : data;
}
