import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { deployFolder, ROLES, readCompose, readDeployed, type Service } from "./deployment-files.ts";

const compose = readCompose();
const services = Object.entries(compose.services);

/** What is mounted: name of the config or secret, and where it is then. */
const mounts = (service: Service) => [
  ...(service.configs ?? []).map(({ source, target }) => ({ kind: "configs" as const, source, target })),
  ...(service.secrets ?? []).map((secret) =>
    typeof secret === "string"
      ? { kind: "secrets" as const, source: secret, target: `/run/secrets/${secret}` }
      : { kind: "secrets" as const, ...secret },
  ),
];

describe("deploy/compose.yaml", () => {
  it("runs three NATS, three etcd, two of each role and the lab", () => {
    expect(Object.keys(compose.services).sort()).toEqual(
      [
        ...["nats", "etcd"].flatMap((name) => [0, 1, 2].map((n) => `${name}-${n}`)),
        ...ROLES.flatMap((role) => [`${role}-0`, `${role}-1`]),
        "lab",
        "lab-ports",
      ].sort(),
    );
  });

  it.each(services)("confines %s", (_, service) => {
    expect(service.read_only).toBe(true);
    expect(service.cap_drop).toEqual(["ALL"]);
    expect(service.security_opt).toContain("no-new-privileges:true");
    expect(service.privileged).toBeUndefined();
  });

  it("publishes the gateways on loopback, each on a port of its own, and nothing else", () => {
    const published = services.flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(published).toEqual([
      ["gateway-0", "127.0.0.1:9091:9091"],
      ["gateway-1", "127.0.0.1:9092:9091"],
    ]);
  });

  it.each(services)(
    "gives %s only what is declared, in files that are there or are made by make-secrets.sh",
    (_, service) => {
      const made = readDeployed("make-secrets.sh");
      for (const { kind, source } of mounts(service)) {
        const declared = compose[kind][source];
        if (declared === undefined) throw new Error(`${source} is not declared`);
        if (kind === "configs") expect(existsSync(join(deployFolder, declared.file)), declared.file).toBe(true);
        // "certificate nats-peer" makes nats-peer.pem and nats-peer.key.
        else
          expect(made).toMatch(
            new RegExp(`(certificate|authority) ${source.replace(/\.(pem|key)$/, "")} |>${source}\\b`),
          );
      }
      for (const volume of service.volumes ?? []) expect(compose.volumes).toHaveProperty(volume.split(":")[0] ?? "");
      for (const name of Object.keys(service.depends_on ?? {})) expect(compose.services).toHaveProperty(name);
    },
  );

  it("declares nothing that nobody uses", () => {
    const used = new Set(
      services.flatMap(([, service]) => mounts(service).map(({ kind, source }) => `${kind}/${source}`)),
    );
    const declared = (["configs", "secrets"] as const).flatMap((kind) =>
      Object.keys(compose[kind]).map((name) => `${kind}/${name}`),
    );
    expect(declared.filter((name) => !used.has(name))).toEqual([]);
  });

  it("puts the files of NATS where its configuration looks for them", () => {
    const configuration = `${readDeployed("nats", "nats-server.conf")}\n${readDeployed("nats", "accounts.conf")}`;
    const read = [
      ...[...configuration.matchAll(/^\s*\w+_file: (\S+)/gm)].map(([, path]) => path),
      ...[...configuration.matchAll(/^\s*include (\S+)/gm)].map(([, name]) => `/etc/nats/${name}`),
    ];
    for (const n of [0, 1, 2]) {
      const targets = mounts(compose.services[`nats-${n}`] ?? {}).map(({ target }) => target);
      expect(targets.sort()).toEqual([...new Set([...read, "/etc/nats/nats-server.conf"])].sort());
      const variables = [...configuration.matchAll(/\$(NATS_\w+)/g)].map(([, name]) => name);
      expect(Object.keys(compose.services[`nats-${n}`]?.environment ?? {}).sort()).toEqual(
        [...new Set(variables)].sort(),
      );
    }
  });

  it("gives all processes the same key, and time to end", () => {
    for (const role of ROLES) {
      for (const n of [0, 1]) {
        const service = compose.services[`${role}-${n}`];
        expect(service?.environment?.["SIGNALBOX_KEY_FILE"]).toBe("/run/secrets/key");
        expect(service?.secrets).toContain("key");
        expect(Number.parseInt(service?.stop_grace_period ?? "", 10)).toBeGreaterThan(30);
        expect(service?.command?.slice(0, 3)).toEqual(["up", "--role", role]);
      }
    }
  });
});
