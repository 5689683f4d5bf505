import { closeSync, openSync, realpathSync, statSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { SignalboxError } from "../../errors.ts";

/** The right to use a data directory. The kernel takes it back when the process ends, however it ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Locks a data directory for this process by listening on sockets: a listening socket exists exactly as long as its
 * process, so nothing stale can be left that holds.
 *
 * Two of them on Linux: an abstract socket, which is taken atomically but seen only within one network namespace; and a
 * socket file in the directory, which containers that share the volume see too. A socket file that nobody listens
 * on any more is replaced.
 * @throws SB_DATA_IN_USE when another process, or this one, has the lock
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = realpathSync(directory);
  const held: Array<() => Promise<void>> = [];
  const release = async () => {
    for (const free of held.splice(0).reverse()) await free();
  };
  try {
    if (process.platform === "linux") {
      // By device and inode: containers on the host's network may have different directories at the same path.
      const { dev, ino } = statSync(path, { bigint: true });
      const server = await listen(`\0signalbox-${dev}-${ino}`);
      if (server === undefined) throw inUse(path);
      held.push(() => close(server));
    }
    held.push(await lockFile(path));
  } catch (error) {
    await release();
    throw error;
  }
  return { release };
}

const lockName = "signalbox.lock";

/** Takes the socket file; returns what frees it. */
async function lockFile(directory: string): Promise<() => Promise<void>> {
  const file = join(directory, lockName);
  // The address of a socket has room for about 100 bytes; Linux reaches a deep directory through an open descriptor. It
  // stays open as long as the socket, which is unlinked by this address when it is closed.
  const deep = Buffer.byteLength(file) > 100 && process.platform === "linux";
  const descriptor = deep ? openSync(directory, "r") : undefined;
  const address = descriptor === undefined ? file : `/proc/self/fd/${descriptor}/${lockName}`;
  const closeDescriptor = () => {
    if (descriptor !== undefined) closeSync(descriptor);
  };
  try {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      const server = await listen(address);
      if (server !== undefined) return () => close(server).then(closeDescriptor);
      const found = identity(file);
      if (await answers(address)) break;
      // Only the very file that did not answer is removed, not one that another process has put there since.
      if (found !== undefined && identity(file) === found) unlinkSync(file);
    }
    throw inUse(directory);
  } catch (error) {
    closeDescriptor();
    // A file system without sockets: the abstract socket has to do.
    if (process.platform === "linux" && ["ENOTSUP", "EOPNOTSUPP", "EPERM"].includes(codeOf(error))) {
      return async () => undefined;
    }
    throw error;
  }
}

/** Listens at the address; undefined when it is taken. */
function listen(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error) => (codeOf(error) === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    server.listen({ path: address, exclusive: true }, () => {
      // The lock shall not keep the process alive.
      server.unref();
      resolve(server);
    });
  });
}

/** Whether anybody listens at the address. */
function answers(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => resolve(!["ECONNREFUSED", "ENOENT"].includes(codeOf(error))));
  });
}

function identity(file: string): string | undefined {
  try {
    const { ino, ctimeNs } = statSync(file, { bigint: true });
    return `${ino}:${ctimeNs}`;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function inUse(directory: string): SignalboxError {
  return new SignalboxError("SB_DATA_IN_USE", `The data directory ${directory} is in use by another process`);
}
