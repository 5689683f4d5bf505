import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { findProgram } from "./find-program.ts";
import { generateKeyPair } from "./key-pair.ts";
import { freeTcpPort, startProcess, tcpBanner } from "./server-process.ts";

export interface SshdOptions {
  /** The command line behind the `netconf` subsystem. */
  readonly subsystem: string;
  /** Further lines of sshd_config, such as `RekeyLimit 64K`; they win over those that are set here. */
  readonly config?: readonly string[];
}

export interface RunningSshd {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** PEM (OpenSSH) text of the key that the server accepts. */
  readonly privateKey: string;
  /** Public host key as in known_hosts: `ssh-ed25519 AAAA...`. */
  readonly hostKey: string;
  /** What sshd has logged so far. */
  output(): string;
  stop(): Promise<void>;
}

/** Starts Debian's sshd on 127.0.0.1 with keys of its own; it ends with the test process at the latest. */
export async function startSshd(options: SshdOptions): Promise<RunningSshd> {
  const sshd = await findProgram("sshd", ["openssh-server"]);
  const folder = await mkdtemp(join(tmpdir(), "signalbox-sshd-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const port = await freeTcpPort();
    const hostKeys = generateKeyPair();
    const userKeys = generateKeyPair();
    const file = (name: string) => join(folder, name);
    await writeFile(file("host_key"), hostKeys.private, { mode: 0o600 });
    await writeFile(file("authorized_keys"), `${userKeys.public}\n`, { mode: 0o600 });
    const config = [
      // sshd takes the first value that it reads.
      ...(options.config ?? []),
      "ListenAddress 127.0.0.1",
      `Port ${port}`,
      `HostKey ${file("host_key")}`,
      `AuthorizedKeysFile ${file("authorized_keys")}`,
      `PidFile ${file("sshd.pid")}`,
      `Subsystem netconf ${options.subsystem}`,
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
    const stop = async () => {
      await daemon.stop();
      await remove();
    };
    await tcpBanner(port, () => daemon.child.exitCode === null).catch(async (cause: unknown) => {
      await stop();
      throw new Error(`sshd did not start:\n${daemon.output()}`, { cause });
    });
    const { username } = userInfo();
    const { private: privateKey } = userKeys;
    return { host: "127.0.0.1", port, username, privateKey, hostKey: hostKeys.public, output: daemon.output, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}
