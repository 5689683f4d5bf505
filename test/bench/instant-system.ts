import { ROLES } from "../../src/actors/cluster/shares.ts";
import type { InstantController } from "./instant-controller.ts";

/** What the parent gives as the only argument, as JSON. */
export interface InstantSystemOptions {
  readonly nats: string;
  readonly etcd: string;
  /** The build, as users run it; else the source. */
  readonly built: boolean;
  /** As `up` does; else the heap is V8's own affair. */
  readonly smallHeap: boolean;
}

/**
 * The system as `up` starts it on NATS and etcd, in this process and with all roles, but for the devices: the controller is in memory and
 * instant, and nothing else is asked of any. What it is made of is loaded from the build or from the source.
 */
async function start({ nats, etcd, built, smallHeap }: InstantSystemOptions): Promise<void> {
  const from = (name: string) =>
    import(new URL(built ? `../../dist/${name}.js` : `../../src/${name}.ts`, import.meta.url).href);
  const [
    { keepHeapSmallAtRest },
    { everybody, TokenGatekeeper },
    { ActorSystem },
    { createHttpServer },
    { listenHttp },
    { createLogger },
    { plainSecrets },
    { systemClock: clock },
    { systemRandom: random },
    { loadTemplates },
    { openStores },
    { startNatsApi },
    { InstantController: Instant },
  ] = (await Promise.all([
    from("cli/small-heap-at-rest"),
    from("actors/access/gatekeeper"),
    from("actors/actor-system"),
    from("adapters/http/create-http-server"),
    from("adapters/http/listen-http"),
    from("adapters/logging/create-logger"),
    from("adapters/secrets/sealing"),
    from("adapters/system/system-clock"),
    from("adapters/system/system-random"),
    from("adapters/templates/load-templates"),
    from("cli/open-stores"),
    from("cli/start-nats-api"),
    import("./instant-controller.ts"),
  ])) as [
    typeof import("../../src/cli/small-heap-at-rest.ts"),
    typeof import("../../src/actors/access/gatekeeper.ts"),
    typeof import("../../src/actors/actor-system.ts"),
    typeof import("../../src/adapters/http/create-http-server.ts"),
    typeof import("../../src/adapters/http/listen-http.ts"),
    typeof import("../../src/adapters/logging/create-logger.ts"),
    typeof import("../../src/adapters/secrets/sealing.ts"),
    typeof import("../../src/adapters/system/system-clock.ts"),
    typeof import("../../src/adapters/system/system-random.ts"),
    typeof import("../../src/adapters/templates/load-templates.ts"),
    typeof import("../../src/cli/open-stores.ts"),
    typeof import("../../src/cli/start-nats-api.ts"),
    { InstantController: typeof InstantController },
  ];
  if (smallHeap) keepHeapSmallAtRest(clock);
  const logger = createLogger({ level: "warn" });
  const { catalogue, configurations } = loadTemplates(undefined);
  const settings = { servers: [nats] };
  const configuration = { access: { open: true }, nats: settings, etcd: { endpoints: [etcd] } };
  const stores = await openStores({ configuration, data: "", clock, random, logger });
  const noDevice = async () => {
    throw new Error("there is no such device in the benchmarks");
  };
  const system = new ActorSystem(
    catalogue,
    {
      log: stores.log,
      queues: stores.queues,
      documents: stores.documents,
      connector: { connect: noDevice },
      snmp: { get: noDevice, column: noDevice, close: async () => {} },
      controller: new Instant(),
      secrets: plainSecrets,
      renderer: configurations,
      clock,
      random,
      logger,
    },
    {
      name: `bench-${process.pid}`,
      roles: ROLES,
      memberTtlMs: 3_000,
      project: "admin",
      concurrency: 256,
      attempts: 6,
      monitoringIntervalMs: 30_000,
      confirmTimeoutS: 120,
    },
  );
  await system.start();
  const api = system.gateway;
  const gatekeeper = new TokenGatekeeper({
    api,
    authenticator: everybody,
    clock,
    rate: undefined,
    journal: system.auditJournal,
  });
  const app = createHttpServer({ api, gatekeeper, logger });
  const { url } = await listenHttp(app, { host: "127.0.0.1", port: 0 });
  const stopNatsApi = await startNatsApi({ settings, roles: ROLES, api, gatekeeper, publicUrl: url, clock, logger });
  process.once("SIGTERM", async () => {
    await stopNatsApi();
    await app.close();
    await system.stop();
    await stores.close();
  });
  process.stdout.write(`Signalbox is up at ${url}\n`);
}

await start(JSON.parse(process.argv[2] ?? "{}") as InstantSystemOptions);
