import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { join } from "node:path";
import type { FastifyPluginCallback } from "fastify";
import { everybody, TokenGatekeeper } from "../actors/access/gatekeeper.ts";
import { type QuotaSettings, Quotas } from "../actors/access/quotas.ts";
import { ActorSystem } from "../actors/actor-system.ts";
import { ROLES, type Role } from "../actors/cluster/shares.ts";
import type { InspectionApi } from "../actors/inspection/inspection-api.ts";
import type { Logger } from "../actors/ports.ts";
import type { CertificateOwner } from "../adapters/access/certificates.ts";
import { ContrailAdapter } from "../adapters/contrail/contrail-adapter.ts";
import { createHttpServer } from "../adapters/http/create-http-server.ts";
import { listenHttp } from "../adapters/http/listen-http.ts";
import { createLogger, type LogLevel } from "../adapters/logging/create-logger.ts";
import type { AlgorithmSet } from "../adapters/netconf/algorithms.ts";
import { NetconfConnector, type NetconfOptions } from "../adapters/netconf/connector.ts";
import type { HostKeyPolicy } from "../adapters/netconf/host-keys.ts";
import { loadKey } from "../adapters/secrets/load-key.ts";
import { plainSecrets, sealing } from "../adapters/secrets/sealing.ts";
import { SnmpAdapter } from "../adapters/snmp/snmp-adapter.ts";
import type { SnmpCredential } from "../adapters/snmp/snmp-credential.ts";
import { inspectWithStately } from "../adapters/stately/stately-inspection.ts";
import { systemClock } from "../adapters/system/system-clock.ts";
import { systemRandom } from "../adapters/system/system-random.ts";
import { loadTemplates } from "../adapters/templates/load-templates.ts";
import { DeviceNetworks } from "../catalogue/device-networks.ts";
import type { Catalogue } from "../catalogue/load-catalogue.ts";
import { SignalboxError } from "../errors.ts";
import { type Lab, startLab as startLabDevices } from "../lab/lab.ts";
import { labRoutes } from "../lab/lab-routes.ts";
import { type Entry, entryOf, isLoopback, openAuthenticator, rateOf, streamLimitsOf } from "./access-settings.ts";
import { type Configuration, readConfiguration } from "./configuration.ts";
import { addressRefusal, agentAddresses, routerAddresses } from "./device-addresses.ts";
import { openTls, requestSourceOf } from "./http-settings.ts";
import { labGateway, withoutGateway } from "./lab-gateway.ts";
import { openStores } from "./open-stores.ts";
import { preparePrivateDirectory, requirePrivateFile, requirePrivateFiles } from "./private-files.ts";
import { startNatsApi } from "./start-nats-api.ts";
import { DEFAULT_DATA, type LabOptions, type RunningSystem, type SystemOptions } from "./system-options.ts";

/**
 * Starts a whole system in this process: embedded stores, actors, devices' adapters, the REST gateway, and the lab when asked for.
 * Resolves when it answers requests.
 */
export async function startSystem(options: SystemOptions): Promise<RunningSystem> {
  const configuration = readConfiguration(options.config);
  const logger = createLogger({
    level: (options.logLevel ?? configuration.log?.level ?? "info") as LogLevel,
    ...(configuration.log?.pretty === undefined ? {} : { pretty: configuration.log.pretty }),
  });
  const { catalogue, configurations } = loadTemplates(configuration.templates);
  const closers: Array<() => Promise<void>> = [];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const data = options.data ?? DEFAULT_DATA;
    requirePrivateFiles(configuration, { file: options.config, env: process.env });
    preparePrivateDirectory(data, logger);
    requirePrivateFile(join(data, "key"), "the key in the data directory");
    const roles = options.roles ?? ROLES;
    const { access = {} } = configuration;
    const isGateway = roles.includes("gateway");
    // Another process tells everybody how it is, and nothing else.
    const isServing = isGateway || options.lab;
    const { http = {} } = configuration;
    const owners = http.tls?.clients as readonly CertificateOwner[] | undefined;
    const overNats = isGateway && configuration.nats !== undefined;
    const entry = isServing
      ? entryOf(access, { http: options.http.host, nats: overNats, certificates: owners !== undefined })
      : undefined;
    warnOfOpen(entry, options.http.host, overNats, logger);
    const authenticator =
      entry === "tokens" ? await openAuthenticator(access, owners, { clock: systemClock, logger }) : everybody;
    const tls = await openTls(http, { clock: systemClock, logger });
    closers.push(async () => tls?.certificate.close());
    const stores = await openStores({ configuration, data, clock: systemClock, random: systemRandom, logger });
    closers.push(() => stores.close());
    if (!stores.shared) requireAllRoles(roles);
    const secrets = options.plainSecrets ? plainSecrets : await openSealing(data, stores.shared, logger);
    const lab = options.lab
      ? await startLabDevices(labOptions({ ...options, ...configuration.lab, data }, logger))
      : undefined;
    if (lab) closers.push(() => lab.stop());
    const networks = networksOf(configuration);
    const snmp = makeSnmp(configuration, lab, networks, logger);
    closers.push(async () => snmp.close());
    const system = new ActorSystem(
      catalogue,
      {
        log: stores.log,
        queues: stores.queues,
        documents: stores.documents,
        connector: makeConnector(configuration, lab, data, networks, logger),
        snmp,
        controller: makeController(configuration, lab, logger),
        secrets,
        renderer: configurations,
        addressRefusal: addressRefusal(
          { lab: lab?.addressBook, book: configuration.address_book?.netconf, networks },
          configuration.address_book?.snmp,
        ),
        clock: systemClock,
        random: systemRandom,
        logger,
        storesHealthy: () => stores.healthy(),
      },
      {
        name: configuration.worker?.name ?? `${hostname()}-${process.pid}`,
        roles,
        // A process that has its stores for itself has nobody to hand over to.
        memberTtlMs: configuration.cluster?.member_ttl_ms ?? (stores.shared ? 3_000 : 60_000),
        quotas: knownQuotas(configuration.quotas, catalogue),
        project: configuration.contrail?.project ?? "admin",
        concurrency: configuration.worker?.concurrency ?? 256,
        attempts: configuration.worker?.attempts ?? 6,
        monitoringIntervalMs: configuration.monitoring?.interval_ms ?? 30_000,
        confirmTimeoutS: configuration.netconf?.confirm_timeout_s ?? 120,
        auditKeepDays: configuration.audit?.keep_days ?? 400,
        shared: stores.shared,
      },
    );
    await system.start();
    closers.push(() => system.stop());
    const plugins: FastifyPluginCallback[] = lab ? [labRoutes(lab)] : [];
    const api = isGateway ? system.gateway : withoutGateway(() => system.gateway.readiness());
    const gatekeeper = new TokenGatekeeper({
      api,
      authenticator,
      clock: systemClock,
      rate: rateOf(access),
      streams: streamLimitsOf(access, entry),
      journal: system.auditJournal,
    });
    const source = requestSourceOf(http, options.http.host, entry, tls?.certificate.names);
    const { inspection } = system;
    const secure = tls && { tls };
    const app = createHttpServer({ api, gatekeeper, source, ...secure, logger, plugins, inspection });
    closers.push(() => app.close());
    const { url } = await listenHttp(app, options.http, tls === undefined ? "http" : "https");
    if (entry === "local") requireLocal(options.http.host, app.server.address());
    if (options.inspectStately !== undefined && system.inspection !== undefined) {
      closers.push(
        await startStately(options.inspectStately, system.inspection, (await stores.log.position()) + 1, logger),
      );
    }
    if (configuration.nats && (roles.includes("gateway") || roles.includes("projector"))) {
      const settings = configuration.nats;
      const { gateway } = system;
      const clock = systemClock;
      closers.push(await startNatsApi({ settings, roles, api: gateway, gatekeeper, publicUrl: url, clock, logger }));
    }
    logger.info({ url, data, roles, lab: options.lab }, "listening");
    return { url, stop: close, ...(tls && { reload: () => tls.certificate.reload() }) };
  } catch (error) {
    await close().catch(() => {});
    throw error;
  }
}

/** @throws SB_USAGE when the package is not installed */
async function startStately(url: string, inspection: InspectionApi, from: number, logger: Logger) {
  const { createWebSocketInspector } = await import("@statelyai/inspect").catch((cause: unknown) => {
    throw new SignalboxError("SB_USAGE", "--inspect-stately needs the package @statelyai/inspect", {
      cause,
      advice: "Install it with npm install @statelyai/inspect.",
    });
  });
  return inspectWithStately({ inspection, inspector: createWebSocketInspector({ url }), logger, from });
}

/** Starts the simulated devices alone, with their HTTP API. */
export async function startLab(options: LabOptions): Promise<RunningSystem> {
  const logger = createLogger({ level: "info" });
  const { host } = options.http;
  if (options.open !== true && !isLoopback(host))
    throw new SignalboxError(
      "SB_USAGE",
      `${host} can be reached from other machines, and the lab asks nobody for a token.`,
      {
        advice: "Listen on 127.0.0.1, or let everybody who gets there change the lab with --open.",
      },
    );
  warnOfOpen(options.open === true ? "open" : "local", host, false, logger);
  const lab = await startLabDevices(labOptions(options, logger));
  try {
    const app = createHttpServer({
      api: labGateway,
      source: requestSourceOf({}, options.http.host, options.open === true ? "open" : "local"),
      logger,
      plugins: [labRoutes(lab)],
    });
    const { url } = await listenHttp(app, options.http);
    return {
      url,
      stop: async () => {
        await app.close();
        await lab.stop();
      },
    };
  } catch (error) {
    await lab.stop();
    throw error;
  }
}

/** Where localhost leads is for the machine's own tables to say. @throws SB_CONFIG_INVALID */
function requireLocal(host: string, bound: AddressInfo | string | null): void {
  if (bound === null || typeof bound === "string" || isLoopback(bound.address)) return;
  throw new SignalboxError("SB_CONFIG_INVALID", `${host} is ${bound.address} here, which other machines reach`, {
    advice: "Listen on 127.0.0.1, or name access.tokens_file or access.jwt in the configuration (docs/access.md).",
  });
}

/** At each start: what was meant for a trial may have been forgotten. */
function warnOfOpen(entry: Entry | undefined, host: string, overNats: boolean, logger: Logger): void {
  if (entry !== "open") return;
  const transports = overNats ? ["http", "nats"] : ["http"];
  logger.warn({ host, transports }, "access is open: whoever reaches this process may do everything, without a token");
}

function labOptions(options: Pick<LabOptions, "timing" | "labConfig" | "pairs" | "data">, logger: Logger) {
  return {
    timing: options.timing,
    logger,
    random: systemRandom,
    ...(options.labConfig === undefined ? {} : { labConfig: options.labConfig }),
    ...(options.pairs === undefined ? {} : { pairs: options.pairs }),
    ...(options.data === undefined ? {} : { data: join(options.data, "lab") }),
  };
}

/** @throws SB_CONFIG_INVALID when it names a type that there is not */
function knownQuotas(settings: QuotaSettings | undefined, { types }: Catalogue): QuotaSettings | undefined {
  const unknown = [...new Quotas(settings).types()].find((type) => !types.has(type));
  if (unknown === undefined) return settings;
  throw new SignalboxError("SB_CONFIG_INVALID", `quotas name ${unknown}, which is no resource type`, {
    advice: `The types are ${[...types.keys()].sort().join(", ")}.`,
  });
}

/** @throws SB_USAGE: nobody else could do what is left out */
function requireAllRoles(roles: readonly Role[]): void {
  const missing = ROLES.filter((role) => !roles.includes(role));
  if (missing.length === 0) return;
  throw new SignalboxError("SB_USAGE", `with its own stores this process has to be ${missing.join(", ")} too.`, {
    advice: "Leave --role out, or name nats and etcd in the configuration so that several processes share them.",
  });
}

async function openSealing(data: string, shared: boolean, logger: Logger) {
  if (shared && !process.env.SIGNALBOX_KEY && !process.env.SIGNALBOX_KEY_FILE) {
    throw new SignalboxError(
      "SB_CONFIG_INVALID",
      "no key for secrets is given, and processes that share their stores need the same one",
      {
        advice: "Set SIGNALBOX_KEY or SIGNALBOX_KEY_FILE for all of them; `openssl rand -hex 32` makes a key.",
      },
    );
  }
  const { key, former, source, path, created } = await loadKey({ env: process.env, dataDirectory: data });
  if (created) logger.warn({ path }, "made a key for secrets; keep a copy: what is sealed with it is lost without it");
  else logger.debug({ source }, "key for secrets loaded");
  return sealing(key, former);
}

function makeConnector(
  configuration: Configuration,
  lab: Lab | undefined,
  data: string,
  networks: DeviceNetworks,
  logger: Logger,
): NetconfConnector {
  const { netconf, address_book: book } = configuration;
  return new NetconfConnector({
    addressBook: routerAddresses({ lab: lab?.addressBook, book: book?.netconf, networks }),
    hostKeys: hostKeyPolicy(configuration, lab, data),
    ...algorithmChoice(netconf),
    driver: (netconf?.driver ?? "ssh2") as "ssh2" | "node-netconf",
    timeouts: {
      ...(netconf?.rpc_timeout_ms === undefined ? {} : { rpcMs: netconf.rpc_timeout_ms }),
      ...(netconf?.commit_timeout_ms === undefined ? {} : { commitMs: netconf.commit_timeout_ms }),
      ...(netconf?.connect_timeout_ms === undefined ? {} : { connectMs: netconf.connect_timeout_ms }),
    },
    logger,
  });
}

/** The SSH algorithms for all devices and for single ones; nothing when the configuration does not say. */
function algorithmChoice(netconf: Configuration["netconf"]): Pick<NetconfOptions, "algorithms"> {
  if (netconf?.algorithms === undefined && netconf?.devices === undefined) return {};
  const byHost = Object.entries(netconf.devices ?? {}).flatMap(([host, { algorithms }]) =>
    algorithms === undefined ? [] : [[host, algorithms as AlgorithmSet] as const],
  );
  const all = netconf.algorithms as AlgorithmSet | undefined;
  return { algorithms: { ...(all === undefined ? {} : { all }), byHost: new Map(byHost) } };
}

/** Real devices: trusted on first use and then pinned. The lab's devices have their own keys. */
function hostKeyPolicy(configuration: Configuration, lab: Lab | undefined, data: string): HostKeyPolicy {
  const settings = configuration.netconf?.host_keys;
  if (settings === undefined)
    return lab ? { mode: "pin", fingerprints: lab.hostKeys } : { mode: "accept-new", file: join(data, "known_hosts") };
  if (settings.mode === "insecure") return { mode: "insecure" };
  return { mode: settings.mode as "known_hosts" | "accept-new", file: settings.file ?? join(data, "known_hosts") };
}

/** @throws SB_CONFIG_INVALID */
function networksOf({ devices }: Configuration): DeviceNetworks {
  try {
    return new DeviceNetworks(devices?.allowed_networks);
  } catch (cause) {
    throw new SignalboxError("SB_CONFIG_INVALID", `devices.allowed_networks: ${(cause as Error).message}`, { cause });
  }
}

function makeSnmp(
  configuration: Configuration,
  lab: Lab | undefined,
  networks: DeviceNetworks,
  logger: Logger,
): SnmpAdapter {
  const { snmp, address_book: book } = configuration;
  const ofLab = Object.entries(lab?.communities ?? {}).map(
    ([name, community]) => [name, { version: "2c", community }] as const,
  );
  const communities: Record<string, SnmpCredential> = {
    ...Object.fromEntries(ofLab),
    ...(snmp?.communities as Record<string, SnmpCredential> | undefined),
  };
  return new SnmpAdapter({
    addressBook: agentAddresses({ lab: lab?.addressBook, book: book?.snmp, networks }),
    communities,
    ...(snmp?.timeout_ms === undefined ? {} : { timeoutMs: snmp.timeout_ms }),
    ...(snmp?.retries === undefined ? {} : { retries: snmp.retries }),
    logger,
  });
}

function makeController(configuration: Configuration, lab: Lab | undefined, logger: Logger): ContrailAdapter {
  const { contrail } = configuration;
  const apiUrl = contrail?.api_url ?? lab?.controllerUrl ?? "http://127.0.0.1:8082";
  const analyticsUrl = contrail?.analytics_url ?? (contrail?.api_url === undefined ? lab?.controllerUrl : undefined);
  return new ContrailAdapter({
    apiUrl,
    ...(analyticsUrl === undefined ? {} : { analyticsUrl }),
    ...(contrail?.timeout_ms === undefined ? {} : { timeoutMs: contrail.timeout_ms }),
    logger,
  });
}
