import { ActorSystem } from "../../../src/actors/actor-system.ts";
import type { Role } from "../../../src/actors/cluster/shares.ts";
import { ContrailAdapter } from "../../../src/adapters/contrail/contrail-adapter.ts";
import { type Embedded, openMemory } from "../../../src/adapters/embedded/open.ts";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { listenHttp } from "../../../src/adapters/http/listen-http.ts";
import { NetconfConnector } from "../../../src/adapters/netconf/connector.ts";
import { plainSecrets } from "../../../src/adapters/secrets/sealing.ts";
import { SnmpAdapter } from "../../../src/adapters/snmp/snmp-adapter.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import { type Lab, startLab } from "../../../src/lab/lab.ts";
import { labRoutes } from "../../../src/lab/lab-routes.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

/** Several actor systems in this process that share one set of stores in memory and one lab, as processes share servers. */
export class SharedStores {
  readonly stores: Embedded;
  readonly lab: Lab;
  private readonly closers: Array<() => Promise<void>> = [];

  private constructor(stores: Embedded, lab: Lab) {
    this.stores = stores;
    this.lab = lab;
  }

  static async open(): Promise<SharedStores> {
    const stores = await openMemory({ clock: systemClock, random: systemRandom, logger: silentLogger });
    const lab = await startLab({ timing: "instant", logger: silentLogger, random: systemRandom });
    return new SharedStores(stores, lab);
  }

  /** Starts one actor system; answers its URL when it is a gateway. */
  async start(name: string, roles: readonly Role[]): Promise<{ url: string; stop: () => Promise<void> }> {
    const { catalogue, configurations } = loadTemplates(undefined);
    const { lab, stores } = this;
    const snmp = new SnmpAdapter({
      addressBook: (device) => lab.addressBook.snmp(device) ?? { host: device, port: 161 },
      communities: Object.fromEntries(
        Object.entries(lab.communities).map(([key, community]) => [key, { version: "2c", community }]),
      ),
      logger: silentLogger,
    });
    const system = new ActorSystem(
      catalogue,
      {
        ...stores,
        connector: new NetconfConnector({
          addressBook: ({ host, port }) => lab.addressBook.netconf(host, port),
          hostKeys: { mode: "pin", fingerprints: lab.hostKeys },
          driver: "ssh2",
          logger: silentLogger,
        }),
        snmp,
        controller: new ContrailAdapter({
          apiUrl: lab.controllerUrl,
          analyticsUrl: lab.controllerUrl,
          logger: silentLogger,
        }),
        secrets: plainSecrets,
        renderer: configurations,
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
      },
      {
        name,
        roles,
        memberTtlMs: 3_000,
        project: "admin",
        concurrency: 256,
        attempts: 6,
        monitoringIntervalMs: 30_000,
        confirmTimeoutS: 120,
      },
    );
    await system.start();
    const app = createHttpServer({ api: system.gateway, logger: silentLogger, plugins: [labRoutes(lab)] });
    const { url } = await listenHttp(app, { host: "127.0.0.1", port: 0 });
    let stopped: Promise<void> | undefined;
    const stop = () => {
      stopped ??= (async () => {
        await app.close();
        await system.stop();
        await snmp.close();
      })();
      return stopped;
    };
    this.closers.push(stop);
    return { url, stop };
  }

  async close(): Promise<void> {
    await Promise.all(this.closers.map((close) => close()));
    await this.lab.stop();
    await this.stores.close();
  }
}
