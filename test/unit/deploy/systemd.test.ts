import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { findProgram } from "../../servers/find-program.ts";
import { deployFolder, ROLES, readDeployed } from "./deployment-files.ts";

const run = promisify(execFile);
const unit = readDeployed("systemd", "signalbox@.service");

it("systemd takes the units and the drop-ins without a word", async () => {
  const { path, env } = await findProgram("systemd-analyze", ["systemd"]);
  const folder = await mkdtemp(join(tmpdir(), "signalbox-systemd-"));
  try {
    await cp(join(deployFolder, "systemd"), folder, { recursive: true });
    // The programs are where this machine has them: systemd looks for them.
    await writeFile(join(folder, "signalbox@worker.service"), unit.replace("/usr/bin/node ", `${process.execPath} `));
    await rm(join(folder, "signalbox@.service"));
    for (const name of ["nats-server", "etcd"]) {
      await writeFile(join(folder, `${name}.service`), "[Service]\nExecStart=/bin/true\n");
      const dropIn = join(folder, `${name}.service.d`, "signalbox.conf");
      await writeFile(dropIn, (await readFile(dropIn, "utf8")).replace("/usr/sbin/nats-server ", "/bin/true "));
    }
    for (const name of ["signalbox@worker", "nats-server", "etcd"]) {
      const { stdout, stderr } = await run(path, ["verify", join(folder, `${name}.service`)], {
        env: { ...process.env, ...env, SYSTEMD_UNIT_PATH: `${folder}:`, SYSTEMD_LOG_LEVEL: "warning" },
      });
      expect(`${stdout}${stderr}`).toBe("");
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it("every role of one machine listens on a port of its own", async () => {
  const files = (await readdir(join(deployFolder, "systemd"))).filter((file) =>
    /^environment\.\w+\.example$/.test(file),
  );
  expect(files).toHaveLength(ROLES.length - 1);
  const addresses = ["environment.example", ...files].map(
    (file) => /^SIGNALBOX_HTTP=(\S+)$/m.exec(readDeployed("systemd", file))?.[1],
  );
  expect(new Set(addresses)).toEqual(new Set([1, 2, 3, 4, 5].map((n) => `127.0.0.1:${9090 + n}`)));
});

it("the unit gives the process every secret that the configuration names, and waits for its end", () => {
  const given = [...unit.matchAll(/^LoadCredential=([^:]+):/gm)].map(([, name]) => name);
  const named = [...readDeployed("config", "signalbox.yaml").matchAll(/\/run\/secrets\/(\S+)/g)].map(
    ([, name]) => name,
  );
  expect(given.sort()).toEqual([...new Set([...named, "key"])].sort());
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(30);
});

it("the examples for NATS and etcd set what compose.yaml sets", () => {
  const named = (file: string) => [...readDeployed("systemd", file).matchAll(/^(\w+)=/gm)].map(([, name]) => name);
  const compose = readDeployed("compose.yaml");
  const inCompose = (prefix: string) =>
    new Set([...compose.matchAll(new RegExp(`\\b(${prefix}_\\w+):`, "g"))].map(([, name]) => name));
  expect(new Set(named("nats.environment.example"))).toEqual(inCompose("NATS"));
  expect(new Set(named("etcd.environment.example"))).toEqual(inCompose("ETCD"));
});
