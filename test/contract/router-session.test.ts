import { setTimeout as delay } from "node:timers/promises";
import { NetconfConnector, type NetconfOptions } from "../../src/adapters/netconf/connector.ts";
import { startLabRouter } from "../../src/lab/junos/lab-router.ts";
import { startNetconfd } from "../servers/netconfd.ts";
import { freeTcpPort } from "../servers/server-process.ts";
import { silentLogger } from "../servers/silent-logger.ts";
import { ietfInterfacesSample, junosSample } from "./router-session/samples.ts";
import { type RouterTarget, routerSessionContract } from "./router-session/suite.ts";

type Driver = NonNullable<NetconfOptions["driver"]>;

/** netconfd never answers a request that it reads together with the client's hello, as it may when the machine is busy. */
const HELLO_READ_MS = 50;

/** yuma123's netconfd, a server of other hands. */
async function netconfdTarget(driver: Driver): Promise<RouterTarget> {
  const server = await startNetconfd();
  const { port, username, privateKey } = server;
  const address = { host: "netconfd.example", port, username, privateKey };
  const connector = new NetconfConnector({
    addressBook: (wanted) => ({ host: server.host, port: wanted.port }),
    hostKeys: { mode: "insecure" },
    driver,
    logger: silentLogger,
  });
  return {
    connector: {
      async connect(...wanted) {
        const session = await connector.connect(...wanted);
        // No event tells when it has read the client's hello.
        await delay(HELLO_READ_MS);
        return session;
      },
    },
    address,
    wrongLogin: { host: address.host, port, username, password: "wrong" },
    nobody: { ...address, port: await freeTcpPort() },
    sample: ietfInterfacesSample(),
    stop: server.stop,
  };
}

routerSessionContract("netconfd over ssh2", () => netconfdTarget("ssh2"), {
  memory: "session",
  commitAfterValidate: "drops-candidate",
});

// node-netconf speaks base:1.0 only, where netconfd offers no persist id: the pending commit is tied to its session.
routerSessionContract("netconfd over node-netconf", () => netconfdTarget("node-netconf"), {
  memory: "session-bound",
  commitAfterValidate: "drops-candidate",
});

/** The lab's Junos router. */
async function labTarget(driver: Driver, base11: boolean): Promise<RouterTarget> {
  const router = await startLabRouter({
    name: "contract",
    users: [{ user: "lab", password: "lab-secret" }],
    base: "set system host-name contract\n",
    base11,
  });
  const address = { host: "mx.example", port: router.port, username: "lab", password: "lab-secret" };
  const hostKeys =
    driver === "ssh2"
      ? ({ mode: "pin", fingerprints: { [address.host]: router.hostKeyFingerprint } } as const)
      : ({ mode: "insecure" } as const);
  return {
    connector: new NetconfConnector({
      addressBook: (wanted) => ({ host: router.host, port: wanted.port }),
      hostKeys,
      driver,
      logger: silentLogger,
    }),
    address,
    wrongLogin: { ...address, password: "wrong" },
    nobody: { ...address, port: await freeTcpPort() },
    sample: junosSample(),
    stop: router.stop.bind(router),
  };
}

for (const [name, driver, base11] of [
  ["lab over ssh2", "ssh2", false],
  ["lab over ssh2, base:1.1", "ssh2", true],
  ["lab over node-netconf", "node-netconf", false],
] as const) {
  routerSessionContract(name, () => labTarget(driver, base11), { memory: "history", commitAfterValidate: "works" });
}
