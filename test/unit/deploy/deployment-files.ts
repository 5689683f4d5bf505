import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, parseAllDocuments } from "yaml";

/** The folder deploy/. */
export const deployFolder = fileURLToPath(new URL("../../../deploy", import.meta.url));

export const ROLES = ["gateway", "actors", "worker", "monitor", "projector"] as const;

export function readDeployed(...path: string[]): string {
  return readFileSync(join(deployFolder, ...path), "utf8");
}

export interface Service {
  readonly image?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly privileged?: boolean;
  readonly stop_grace_period?: string;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly configs?: readonly { readonly source: string; readonly target: string }[];
  readonly secrets?: readonly (string | { readonly source: string; readonly target: string })[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly volumes?: readonly string[];
  readonly network_mode?: string;
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly configs: Readonly<Record<string, { readonly file: string }>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

export function readCompose(): Compose {
  return parse(readDeployed("compose.yaml"), { merge: true, maxAliasCount: -1 });
}

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}

export interface Container {
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly livenessProbe?: { readonly httpGet: { readonly path: string; readonly port: string } };
  readonly readinessProbe?: { readonly httpGet: { readonly path: string; readonly port: string } };
}

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly resources?: readonly string[];
  readonly spec?: {
    readonly replicas?: number;
    readonly selector?: Selector & Readonly<Record<string, unknown>>;
    readonly maxUnavailable?: number;
    readonly ports?: readonly { readonly port: number; readonly targetPort?: string }[];
    readonly template?: {
      readonly metadata: { readonly labels: Readonly<Record<string, string>> };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: Readonly<Record<string, unknown>>;
        readonly containers: readonly Container[];
        readonly volumes: readonly Readonly<Record<string, unknown>>[];
      };
    };
    readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
  };
}

/** Every object of deploy/kubernetes, with the file it is in. */
export function readManifests(): { readonly file: string; readonly manifest: Manifest }[] {
  const files = readdirSync(join(deployFolder, "kubernetes")).filter((file) => file.endsWith(".yaml"));
  return files.flatMap((file) =>
    // As kubectl reads it: YAML 1.1.
    parseAllDocuments(readDeployed("kubernetes", file), { version: "1.1" }).map((document) => {
      const [mistake] = [...document.errors, ...document.warnings];
      if (mistake) throw mistake;
      return { file, manifest: document.toJS() as Manifest };
    }),
  );
}
