import { once } from "node:events";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findProgram } from "./find-program.ts";
import { generateKeyPair } from "./key-pair.ts";
import { freeTcpPort, startProcess, tcpBanner } from "./server-process.ts";

/** netconfd and its subsystem meet here, whatever TMPDIR says: so only one netconfd can run at a time. */
const MEETING_SOCKET = "/tmp/ncxserver.sock";
const LOCK_FILE = "/tmp/signalbox-netconfd.lock";
const PACKAGES = ["netconfd", "openssh-server"];

export interface NetconfdOptions {
  /** YANG modules to load; ietf-interfaces with iana-if-type when left out. */
  readonly modules?: readonly string[];
}

export interface RunningNetconfd {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** PEM (OpenSSH) text of the key that the server accepts. */
  readonly privateKey: string;
  /** Public host key as in known_hosts: `ssh-ed25519 AAAA...`. */
  readonly hostKey: string;
  stop(): Promise<void>;
}

/**
 * Starts yuma123's netconfd behind an own sshd on 127.0.0.1: base:1.0 and 1.1, candidate, confirmed-commit:1.1,
 * validate, xpath. Waits for its turn when another test process has one.
 */
export async function startNetconfd(options: NetconfdOptions = {}): Promise<RunningNetconfd> {
  const netconfd = await findProgram("netconfd", PACKAGES);
  const subsystem = await findProgram("netconf-subsystem", PACKAGES);
  const sshd = await findProgram("sshd", PACKAGES);
  const cleanups: Array<() => Promise<void>> = [];
  const stop = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    cleanups.push(await takeTurn());
    await refuseForeignServer();
    // One that was killed leaves it, and the next one starts and cannot be reached.
    await rm(MEETING_SOCKET, { force: true });
    const folder = await mkdtemp(join(tmpdir(), "signalbox-netconfd-"));
    cleanups.push(() => rm(folder, { recursive: true, force: true }));
    const port = await freeTcpPort();
    const { username } = userInfo();
    const modules = options.modules ?? ["ietf-interfaces", "iana-if-type"];
    const yang = join(netconfd.root, "/usr/share/yuma/modules");
    const server = startProcess(
      netconfd.path,
      [
        ...modules.map((name) => `--module=${name}`),
        "--target=candidate",
        `--superuser=${username}`,
        `--port=${port}`,
        "--log-level=info",
        "--no-startup",
        `--modpath=${yang}`,
      ],
      // It writes its backup of the configuration into the current folder.
      { env: { ...netconfd.env, HOME: folder }, folder },
    );
    cleanups.push(server.stop);
    await server.said("Running netconfd server");

    const hostKeys = generateKeyPair();
    const userKeys = generateKeyPair();
    const file = (name: string) => join(folder, name);
    await writeFile(file("host_key"), hostKeys.private, { mode: 0o600 });
    await writeFile(file("authorized_keys"), `${userKeys.public}\n`, { mode: 0o600 });
    const libraries = subsystem.env.LD_LIBRARY_PATH;
    const command =
      libraries === undefined ? subsystem.path : `/usr/bin/env LD_LIBRARY_PATH=${libraries} ${subsystem.path}`;
    const config = [
      "ListenAddress 127.0.0.1",
      `Port ${port}`,
      `HostKey ${file("host_key")}`,
      `AuthorizedKeysFile ${file("authorized_keys")}`,
      `PidFile ${file("sshd.pid")}`,
      `Subsystem netconf ${command}`,
      "PubkeyAuthentication yes",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin yes",
      "StrictModes no",
      "UsePAM no",
      "MaxStartups 100",
    ];
    await writeFile(file("sshd_config"), `${config.join("\n")}\n`);
    // sshd separates its privileges into this folder when it runs as root.
    if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true });
    const daemon = startProcess(sshd.path, ["-D", "-e", "-f", file("sshd_config")], { env: sshd.env, folder });
    cleanups.push(daemon.stop);
    await tcpBanner(port, () => daemon.child.exitCode === null).catch((cause: unknown) => {
      throw new Error(`sshd did not start:\n${daemon.output()}`, { cause });
    });
    return { host: "127.0.0.1", port, username, privateKey: userKeys.private, hostKey: hostKeys.public, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits until no other test process has a netconfd; returns what gives the turn back. */
async function takeTurn(): Promise<() => Promise<void>> {
  for (;;) {
    try {
      const handle = await open(LOCK_FILE, "wx");
      await handle.writeFile(String(process.pid));
      await handle.close();
      return () => rm(LOCK_FILE, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const holder = Number(await readFile(LOCK_FILE, "utf8").catch(() => ""));
      // An empty file is one that its holder is about to write.
      if (holder > 0 && !isAlive(holder)) await rm(LOCK_FILE, { force: true });
      else await delay(100);
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function refuseForeignServer(): Promise<void> {
  const socket = connect(MEETING_SOCKET);
  const answered = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  if (answered)
    throw new Error(`a netconfd that these tests did not start is running: it answers at ${MEETING_SOCKET}`);
}
