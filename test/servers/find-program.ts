import { execFile } from "node:child_process";
import { access, constants, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const CACHE = fileURLToPath(new URL("../../.cache/debian", import.meta.url));
const INSTALL_TIMEOUT_MS = 300_000;

/** A program of the system, with what its environment needs when it was unpacked rather than installed. */
export interface Program {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  /** Folder that stands for `/` when the program was unpacked into the cache; "" when it is installed. */
  readonly root: string;
}

export interface FindOptions {
  /** Where to look first: the PATH and the folders of system programs. */
  readonly path?: readonly string[];
  /** Where packages are unpacked without root: `.cache/debian` of the repository. */
  readonly cache?: string;
  readonly root?: boolean;
}

/**
 * Finds a program that tests need: on the PATH and in /usr/sbin, or by getting its Debian packages, installed as root
 * and otherwise unpacked into the cache folder. It never gives up silently.
 * @throws Error with the one line that would install the packages
 */
export async function findProgram(
  name: string,
  packages: readonly string[],
  options: FindOptions = {},
): Promise<Program> {
  const path = options.path ?? [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/local/sbin"];
  const asRoot = options.root ?? process.getuid?.() === 0;
  const cache = options.cache ?? CACHE;
  const find = async () => (await installed(name, path)) ?? (asRoot ? undefined : await unpacked(name, cache));
  const present = await find();
  if (present) return present;
  try {
    await (asRoot ? install(packages) : unpack(packages, cache));
  } catch (cause) {
    throw new Error(missing(name, packages), { cause });
  }
  const got = await find();
  if (!got) throw new Error(missing(name, packages));
  return got;
}

const missing = (name: string, packages: readonly string[]): string =>
  `the program ${name} is needed by these tests; install it with: sudo apt-get install -y ${packages.join(" ")}`;

async function executable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function installed(name: string, path: readonly string[]): Promise<Program | undefined> {
  for (const folder of path.filter((entry) => entry !== "")) {
    const candidate = join(folder, name);
    if (await executable(candidate)) return { path: candidate, env: {}, root: "" };
  }
  return undefined;
}

async function unpacked(name: string, cache: string): Promise<Program | undefined> {
  const root = join(cache, "root");
  for (const folder of ["usr/sbin", "usr/bin", "sbin", "bin"]) {
    const candidate = join(root, folder, name);
    if (!(await executable(candidate))) continue;
    const libraries: string[] = [];
    for (const lib of ["usr/lib", "lib"]) {
      const entries = await readdir(join(root, lib)).catch(() => []);
      libraries.push(
        ...entries.filter((entry) => entry.endsWith("-linux-gnu")).map((entry) => join(root, lib, entry)),
        join(root, lib),
      );
    }
    return { path: candidate, env: { LD_LIBRARY_PATH: libraries.join(":") }, root };
  }
  return undefined;
}

async function install(packages: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...args: string[]) => run("apt-get", args, { env, timeout: INSTALL_TIMEOUT_MS });
  await apt("install", "-y", "--no-install-recommends", ...packages).catch(async () => {
    await apt("update");
    await apt("install", "-y", "--no-install-recommends", ...packages);
  });
}

/** Without root: asks apt what the packages would bring in, downloads that, and unpacks it into the cache. */
async function unpack(packages: readonly string[], cache: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "download-"));
  try {
    const apt = (...args: string[]) =>
      run("apt-get", args, { cwd: folder, timeout: INSTALL_TIMEOUT_MS, maxBuffer: 1 << 24 });
    const plan = await apt("install", "--simulate", "--no-install-recommends", ...packages);
    const wanted = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].flatMap((match) => match[1] ?? []);
    await apt("download", ...(wanted.length > 0 ? wanted : packages));
    const root = join(folder, "root");
    for (const file of (await readdir(folder)).filter((entry) => entry.endsWith(".deb"))) {
      await run("dpkg", ["-x", join(folder, file), root], { timeout: INSTALL_TIMEOUT_MS });
    }
    // Programs of earlier calls stay: the new tree is copied over the old one.
    await mkdir(join(cache, "root"), { recursive: true });
    await run("cp", ["-a", `${root}/.`, join(cache, "root")], { timeout: INSTALL_TIMEOUT_MS });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
