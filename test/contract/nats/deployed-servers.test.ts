import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Etcd3 } from "etcd3";
import {
  type ConnectionOptions,
  connect,
  ErrorCode,
  type JetStreamManager,
  type NatsConnection,
  NatsError,
  StringCodec,
} from "nats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { findProgram } from "../../servers/find-program.ts";
import { freeTcpPort, type ServerProcess, startProcess } from "../../servers/server-process.ts";

const run = promisify(execFile);
const deploy = fileURLToPath(new URL("../../../deploy", import.meta.url));
const text = StringCodec();
const SIZE = 3;
const RETRY_MS = 50;
/** JetStream's number of: the leader has not heard of enough servers yet. */
const NO_SUITABLE_PEERS = 10005;

type Environment = Record<string, string>;

/** The environment of a service of deploy/compose.yaml. */
async function environmentOf(service: string): Promise<Environment> {
  const compose = parse(await readFile(join(deploy, "compose.yaml"), "utf8"), { merge: true, maxAliasCount: -1 });
  return compose.services[service].environment;
}

/**
 * Asks until there is an answer. A cluster that has just started, or lost a server, first elects leaders and tells what is
 * subscribed where; until then it answers "not now" or not at all.
 */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof NatsError && notNow(error))) throw error;
      await delay(RETRY_MS);
    }
  }
}

function notNow({ code, api_error: api }: NatsError): boolean {
  return code === ErrorCode.Timeout || code === ErrorCode.NoResponders || api?.err_code === NO_SUITABLE_PEERS;
}

async function distinctPorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freeTcpPort());
  return [...ports];
}

describe("the servers of deploy/, as processes of this machine", () => {
  let folder: string;
  let secrets: string;
  const servers: ServerProcess[] = [];
  const closers: Array<() => unknown> = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "signalbox-deploy-"));
    secrets = join(folder, "secrets");
    await run("sh", [join(deploy, "make-secrets.sh"), secrets]);
  });
  afterAll(async () => {
    for (const close of closers.reverse()) await close();
    for (const server of servers) await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const secret = (name: string) => readFile(join(secrets, name), "utf8");

  /** The folder /etc/nats of one server, with the paths in it changed to that folder and nothing else. */
  const natsFolder = async (name: string) => {
    const etc = join(folder, name);
    await mkdir(join(etc, "tls"), { recursive: true });
    for (const file of ["accounts.conf", "sync.conf"]) await cp(join(deploy, "nats", file), join(etc, file));
    const configuration = await readFile(join(deploy, "nats", "nats-server.conf"), "utf8");
    await writeFile(join(etc, "nats-server.conf"), configuration.replaceAll("/etc/nats/", `${etc}/`));
    await cp(join(secrets, "passwords.conf"), join(etc, "passwords.conf"));
    for (const [from, to] of [
      ["nats-server.pem", "server.pem"],
      ["nats-server.key", "server.key"],
      ["nats-peer.pem", "peer.pem"],
      ["nats-peer.key", "peer.key"],
      ["peer-ca.pem", "peer-ca.pem"],
    ] as const) {
      await cp(join(secrets, from), join(etc, "tls", to));
    }
    return etc;
  };

  describe("nats-server", () => {
    let ports: { client: number; monitor: number; peers: number }[];
    const environment = async (n: number): Promise<Environment> => {
      const shipped = await environmentOf(`nats-${n}`);
      const mine = ports[n];
      if (mine === undefined) throw new Error(`no server ${n}`);
      const peers = ports.map((port, i) => [`NATS_PEER_${i}`, `nats-route://127.0.0.1:${port.peers}`]);
      const changed = {
        NATS_DATA: join(folder, `nats-data-${n}`),
        NATS_LISTEN: `127.0.0.1:${mine.client}`,
        NATS_MONITOR: `127.0.0.1:${mine.monitor}`,
        NATS_PEERS: `127.0.0.1:${mine.peers}`,
        ...Object.fromEntries(peers),
      };
      // Nothing is set here that compose.yaml does not set.
      expect(Object.keys(shipped).sort()).toEqual([...Object.keys(changed), "NATS_NAME"].sort());
      return { ...shipped, ...changed };
    };
    const start = async (n: number) => {
      const { path, env } = await findProgram("nats-server", ["nats-server"]);
      const etc = await natsFolder(`nats-${n}`);
      const server = startProcess(path, ["--config", join(etc, "nats-server.conf")], {
        env: { ...env, ...(await environment(n)) },
        folder,
      });
      servers.push(server);
      return server;
    };
    const open = async (user: string, passwordFile: string, n: number, options: ConnectionOptions = {}) => {
      const connection = await connect({
        servers: `tls://127.0.0.1:${ports[n]?.client}`,
        user,
        pass: (await secret(passwordFile)).trim(),
        tls: { caFile: join(secrets, "ca.pem") },
        reconnect: false,
        ...options,
      });
      closers.push(() => connection.close());
      return connection;
    };
    let program: NatsConnection;
    let manager: JetStreamManager;
    const running: ServerProcess[] = [];

    beforeAll(async () => {
      const numbers = await distinctPorts(3 * SIZE);
      const port = (at: number) => numbers[at] ?? 0;
      ports = Array.from({ length: SIZE }, (_, n) => ({
        client: port(3 * n),
        monitor: port(3 * n + 1),
        peers: port(3 * n + 2),
      }));
      for (let n = 0; n < SIZE; n += 1) running.push(await start(n));
      await Promise.all(running.map((server) => server.said("Server is ready")));
      // Said once by the leader that they elected, when it is one of JetStream.
      await Promise.any(running.map((server) => server.said("Self is new JetStream cluster metadata leader")));
      program = await open("signalbox", "nats-password", 0);
      manager = await program.jetstreamManager({ timeout: 20_000 });
    });

    it("takes the configuration as it is", async () => {
      const { path, env } = await findProgram("nats-server", ["nats-server"]);
      const etc = await natsFolder("tried");
      const tried = await run(path, ["-t", "-c", join(etc, "nats-server.conf")], {
        env: { ...process.env, ...env, ...(await environment(0)) },
      });
      expect(tried.stderr).toContain("is valid");
    });

    it("keeps a stream on three servers, and serves clients of each", async () => {
      const wanted = { name: "log", subjects: ["signalbox.log.>"], num_replicas: SIZE };
      const { cluster } = await answered(() => manager.streams.add(wanted));
      expect(cluster?.name).toBe("signalbox");
      expect(cluster?.replicas).toHaveLength(SIZE - 1);
      await program.jetstream().publish("signalbox.log.a", text.encode("1"));
      const other = await open("signalbox", "nats-password", 2);
      const stored = await (await other.jetstreamManager()).streams.getMessage("log", {
        last_by_subj: "signalbox.log.a",
      });
      expect(text.decode(stored.data)).toBe("1");
    });

    it("carries an API call from a client of one server to a process at another", async () => {
      program.subscribe("signalbox.v2.networks.get", { callback: (_error, message) => message.respond(message.data) });
      await program.flush();
      const client = await open("api", "api-password", 1, { inboxPrefix: "_INBOX_api" });
      const events = client.subscribe("signalbox.v2.events.>", { max: 1 });
      await client.flush();
      const answer = await answered(() =>
        client.request("signalbox.v2.networks.get", text.encode("n1"), { timeout: 500 }),
      );
      expect(text.decode(answer.data)).toBe("n1");
      program.publish("signalbox.v2.events.network.n1", text.encode("ACTIVE"));
      for await (const event of events) expect(text.decode(event.data)).toBe("ACTIVE");
    });

    it("speaks only TLS with clients, under a certificate of the authority", async () => {
      const plain = connect({ servers: `127.0.0.1:${ports[0]?.client}`, reconnect: false, user: "api", pass: "x" });
      await expect(plain).rejects.toThrow();
      const other = join(secrets, "peer-ca.pem");
      await expect(open("signalbox", "nats-password", 0, { tls: { caFile: other } })).rejects.toThrow(/certificate/);
    });

    it("goes on with two of three", async () => {
      running[1]?.child.kill("SIGKILL");
      await running[1]?.stop();
      const { seq } = await answered(() =>
        program.jetstream().publish("signalbox.log.b", text.encode("2"), { msgID: "b", timeout: 1000 }),
      );
      expect(seq).toBe(2);
    });
  });

  describe("etcd", () => {
    it("answers whom the authority has certified, and nobody else", async () => {
      const { path, env } = await findProgram("etcd", ["etcd-server"]);
      const ports = await distinctPorts(2 * SIZE);
      const url = (n: number, peer: boolean) => `https://127.0.0.1:${ports[2 * n + (peer ? 1 : 0)]}`;
      const members = Array.from({ length: SIZE }, (_, n) => n);
      for (const n of members) {
        const shipped = await environmentOf(`etcd-${n}`);
        const changed = {
          ETCD_DATA_DIR: join(folder, `etcd-data-${n}`),
          ETCD_LISTEN_CLIENT_URLS: url(n, false),
          ETCD_ADVERTISE_CLIENT_URLS: url(n, false),
          ETCD_LISTEN_PEER_URLS: url(n, true),
          ETCD_INITIAL_ADVERTISE_PEER_URLS: url(n, true),
          ETCD_INITIAL_CLUSTER: members.map((i) => `etcd-${i}=${url(i, true)}`).join(","),
        };
        const paths = Object.entries({ ...shipped, ...changed }).map(([name, value]) => [
          name,
          value
            .replace("/etc/etcd/tls/server.", `${secrets}/etcd-server.`)
            .replace("/etc/etcd/tls/peer.", `${secrets}/etcd-peer.`)
            .replace("/etc/etcd/tls/", `${secrets}/`),
        ]);
        servers.push(startProcess(path, [], { env: { ...env, ...Object.fromEntries(paths) }, folder }));
      }
      const etcds = servers.slice(-SIZE);
      await Promise.all(etcds.map((server) => server.said("serving client requests")));

      const rootCertificate = await readFile(join(secrets, "ca.pem"));
      const mine = {
        rootCertificate,
        certChain: await readFile(join(secrets, "signalbox.pem")),
        privateKey: await readFile(join(secrets, "signalbox.key")),
      };
      const client = (n: number, credentials: object) => {
        const made = new Etcd3({
          hosts: url(n, false),
          credentials: credentials as typeof mine,
          defaultCallOptions: () => ({ deadline: Date.now() + 10_000 }),
        });
        closers.push(() => made.close());
        return made;
      };
      await client(0, mine).put("/state/a").value("1");
      expect(await client(2, mine).get("/state/a").string()).toBe("1");
      await expect(client(0, { rootCertificate }).get("/state/a").string()).rejects.toThrow();
      // A certificate of NATS is one of a server: with it nobody is a client.
      const ofNats = {
        rootCertificate,
        certChain: await readFile(join(secrets, "nats-server.pem")),
        privateKey: await readFile(join(secrets, "nats-server.key")),
      };
      await expect(client(0, ofNats).get("/state/a").string()).rejects.toThrow();
    });
  });
});
