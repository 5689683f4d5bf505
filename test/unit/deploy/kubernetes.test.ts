import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type Manifest, ROLES, readDeployed, readManifests } from "./deployment-files.ts";

const files = readManifests();
const manifests = files.map(({ manifest }) => manifest);
const ofKind = (kind: string) => manifests.filter((manifest) => manifest.kind === kind);
const found = (kind: string, name: string): Manifest => {
  const manifest = ofKind(kind).find(({ metadata }) => metadata.name === name);
  if (manifest === undefined) throw new Error(`no ${kind} ${name}`);
  return manifest;
};
const workloads = [...ofKind("Deployment"), ...ofKind("StatefulSet")];

const API_VERSIONS: Readonly<Record<string, string>> = {
  Namespace: "v1",
  ConfigMap: "v1",
  Secret: "v1",
  Service: "v1",
  Deployment: "apps/v1",
  StatefulSet: "apps/v1",
  PodDisruptionBudget: "policy/v1",
  NetworkPolicy: "networking.k8s.io/v1",
  Kustomization: "kustomize.config.k8s.io/v1beta1",
};

describe("deploy/kubernetes", () => {
  it.each(files.map(({ file, manifest }) => [file, manifest.kind, manifest] as const))(
    "%s: the %s is of the version that has it, and in the namespace",
    (_, kind, { apiVersion, metadata }) => {
      expect(apiVersion).toBe(API_VERSIONS[kind]);
      if (kind !== "Namespace" && kind !== "Kustomization") expect(metadata.namespace).toBe("signalbox");
    },
  );

  it("runs two of each role and three of each server", () => {
    const replicas = Object.fromEntries(workloads.map(({ metadata, spec }) => [metadata.name, spec?.replicas]));
    expect(replicas).toEqual({ ...Object.fromEntries(ROLES.map((role) => [role, 2])), nats: 3, etcd: 3 });
  });

  it("applies every file but the example of secrets", () => {
    const [kustomization] = files.filter(({ manifest }) => manifest.kind === "Kustomization");
    const others = files
      .map(({ file }) => file)
      .filter((file) => !/^(kustomization|secret\.example)\.yaml$/.test(file));
    expect([...(kustomization?.manifest.resources ?? [])].sort()).toEqual([...new Set(others)].sort());
  });

  describe.each(workloads.map((workload) => [workload.metadata.name, workload] as const))("%s", (name, { spec }) => {
    const pod = spec?.template?.spec;
    const labels = spec?.template?.metadata.labels ?? {};

    it("selects its own pods, as do its budget and its service", () => {
      expect(spec?.selector?.matchLabels).toEqual(labels);
      expect(labels["app.kubernetes.io/name"]).toBe(name);
      const budget = found("PodDisruptionBudget", name).spec;
      expect(budget?.selector?.matchLabels).toEqual(labels);
      expect(budget?.maxUnavailable).toBe(1);
      for (const service of ofKind("Service").filter(({ metadata }) => metadata.name === name)) {
        expect(service.spec?.selector).toEqual(labels);
      }
    });

    it("is confined", () => {
      expect(pod?.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
      for (const { securityContext } of pod?.containers ?? []) {
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        });
      }
    });

    it("mounts volumes that it has, and is probed at ports that it has", () => {
      const volumes = [
        ...(pod?.volumes ?? []).map((volume) => volume["name"]),
        ...(spec?.volumeClaimTemplates ?? []).map(({ metadata }) => metadata.name),
      ];
      const [container] = pod?.containers ?? [];
      const mounted = (container?.volumeMounts ?? []).map((mount) => mount.name);
      expect([...new Set(mounted)].sort()).toEqual([...volumes].sort());
      const ports = (container?.ports ?? []).map((port) => port.name);
      expect(ports).toContain(container?.livenessProbe?.httpGet.port);
      expect(ports).toContain(container?.readinessProbe?.httpGet.port);
    });

    it("is given time to end", () => {
      expect(pod?.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(30);
    });
  });

  describe.each(ROLES)("%s", (role) => {
    const pod = found("Deployment", role).spec?.template?.spec;
    const [container] = pod?.containers ?? [];

    it("is what the gateway is, with another role", () => {
      const [gateway] = files.filter(({ file, manifest }) => file === "gateway.yaml" && manifest.kind === "Deployment");
      expect(JSON.stringify(found("Deployment", role)).replaceAll(`"${role}"`, '"gateway"')).toBe(
        JSON.stringify(gateway?.manifest),
      );
    });

    it("is probed, and drains for 30 s before it is killed", () => {
      expect(container?.livenessProbe?.httpGet.path).toBe("/livez");
      expect(container?.readinessProbe?.httpGet.path).toBe("/readyz");
      expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(30);
      expect(container?.args?.slice(0, 3)).toEqual(["up", "--role", role]);
      expect(container?.env).toContainEqual({ name: "SIGNALBOX_KEY_FILE", value: "/run/secrets/key" });
    });
  });

  it("holds the configuration files of deploy/nats, with those of servers since 2.10", () => {
    expect(found("ConfigMap", "nats").data).toEqual({
      "nats-server.conf": readDeployed("nats", "nats-server.conf"),
      "accounts.conf": readDeployed("nats", "accounts.conf"),
      "sync.conf": readDeployed("nats", "sync-2.10.conf"),
    });
    const variables = [...readDeployed("nats", "nats-server.conf").matchAll(/\$(NATS_\w+)/g)].map(([, name]) => name);
    const [container] = found("StatefulSet", "nats").spec?.template?.spec.containers ?? [];
    expect(container?.env?.map(({ name }) => name).sort()).toEqual([...new Set(variables)].sort());
  });

  it("holds no secret", () => {
    for (const { stringData, data } of ofKind("Secret")) {
      expect(data).toBeUndefined();
      expect(new Set(Object.values(stringData ?? {}))).toEqual(new Set(["replace-me"]));
    }
    expect(ofKind("Secret")).toHaveLength(3);
    for (const { data } of ofKind("ConfigMap")) {
      expect(JSON.stringify(data)).not.toMatch(/PRIVATE KEY|^\s*password: "?[^$\s]/m);
    }
  });

  it("keeps every pod apart but for what a policy names", () => {
    const [closed] = ofKind("NetworkPolicy").filter(({ metadata }) => metadata.name === "nothing-by-default");
    expect(closed?.spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
  });

  it("serves the gateway at the port that its pods have", () => {
    const service = found("Service", "gateway").spec?.ports?.[0];
    const [container] = found("Deployment", "gateway").spec?.template?.spec.containers ?? [];
    expect(container?.ports).toContainEqual({ name: service?.targetPort, containerPort: 9091 });
  });

  it("has the configuration of deploy/config, with the names of its own servers", () => {
    const shipped = parse(readDeployed("config", "signalbox.yaml"));
    const mine = parse(found("ConfigMap", "signalbox").data?.["signalbox.yaml"] ?? "");
    expect(mine).toEqual({
      ...shipped,
      nats: { ...shipped.nats, servers: [0, 1, 2].map((n) => `tls://nats-${n}.nats:4222`) },
      etcd: { ...shipped.etcd, endpoints: [0, 1, 2].map((n) => `https://etcd-${n}.etcd:2379`) },
    });
  });
});
