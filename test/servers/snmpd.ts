import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "./find-program.ts";
import { startProcess } from "./server-process.ts";

export interface SnmpdOptions {
  /** Read-only community that 127.0.0.1 may use. */
  readonly community: string;
  /** Further lines of snmpd.conf, such as `sysContact somebody`. */
  readonly lines?: readonly string[];
  /** UDP port; a free one when left out. */
  readonly port?: number;
}

export interface RunningSnmpd {
  readonly host: string;
  readonly port: number;
  /** Pid of the agent, to freeze it with SIGSTOP in a test of timeouts. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** Starts net-snmp's agent on 127.0.0.1 and waits until it answers. Interface 1 is `lo`, up. */
export async function startSnmpd(options: SnmpdOptions): Promise<RunningSnmpd> {
  const program = await findProgram("snmpd", ["snmpd"]);
  const folder = await mkdtemp(join(tmpdir(), "signalbox-snmpd-"));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  // A port that was free may be taken when the agent opens it; then another one is tried.
  for (let attempt = 1; ; attempt += 1) {
    const port = options.port ?? (await freeUdpPort());
    const file = join(folder, "snmpd.conf");
    const lines = [
      `agentaddress udp:127.0.0.1:${port}`,
      `rocommunity ${options.community} 127.0.0.1`,
      ...(options.lines ?? []),
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    const server = startProcess(
      program.path,
      ["-f", "-Lo", "-C", "-c", file, "-p", join(folder, "snmpd.pid"), "-r"],
      // Own state folder, and no MIB files: the agent needs none to answer by number.
      { env: { ...program.env, HOME: folder, SNMP_PERSISTENT_DIR: folder, MIBS: "" }, folder },
    );
    try {
      await server.said("NET-SNMP version");
      return {
        host: "127.0.0.1",
        port,
        pid: server.child.pid ?? 0,
        stop: async () => {
          await server.stop();
          await removeFolder();
        },
      };
    } catch (error) {
      await server.stop();
      if (
        attempt === 5 ||
        options.port !== undefined ||
        !server.output().includes("Error opening specified endpoint")
      ) {
        await removeFolder();
        throw error;
      }
    }
  }
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}
