import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "nats";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { adoptPresentLog } from "../../src/cli/adopt-log.ts";
import { startSystem } from "../../src/cli/start-system.ts";
import type { RunningSystem } from "../../src/cli/system-options.ts";
import { type RunningEtcd, startEtcd } from "../servers/etcd.ts";
import { type NatsProcess, startNatsProcess } from "../servers/nats-server.ts";
import { types } from "../unit/actors/memory-system.ts";

let nats: NatsProcess;
let etcd: RunningEtcd;
let folder: string;
let config: string;
let running: RunningSystem | undefined;
let lives = 0;

beforeAll(async () => {
  [nats, etcd] = await Promise.all([startNatsProcess(), startEtcd()]);
});
afterAll(async () => {
  await Promise.all([nats.stop(), etcd.stop()]);
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-replaced-"));
  await mkdir(join(folder, "templates", "site"), { recursive: true });
  await writeFile(join(folder, "templates", "site", "type.yaml"), types.site);
});
afterEach(async () => {
  await running?.stop();
  running = undefined;
  await rm(folder, { recursive: true });
});

/** A system with stores of its own on the servers. */
async function configure(storage: "file" | "memory"): Promise<string> {
  lives += 1;
  const namespace = `replaced-${lives}`;
  config = join(folder, "signalbox.json");
  const settings = {
    access: { open: true },
    templates: join(folder, "templates"),
    cluster: { member_ttl_ms: 1000 },
    nats: { servers: [nats.address], namespace, storage },
    etcd: { endpoints: [etcd.endpoint], namespace: `/${namespace}` },
  };
  await writeFile(config, JSON.stringify(settings));
  return `${namespace}-log`;
}

async function start(): Promise<RunningSystem> {
  const http = { host: "127.0.0.1", port: 0 };
  const data = join(folder, "data");
  running = await startSystem({
    config,
    data,
    http,
    lab: false,
    timing: "instant",
    plainSecrets: true,
    logLevel: "silent",
  });
  return running;
}

async function stop(): Promise<void> {
  await running?.stop();
  running = undefined;
}

const post = (name: string) =>
  fetch(`${running?.url}/v2.0/sites`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ site: { name } }),
  });
const names = async (path: string, pick: RegExp) => {
  const text = await (await fetch(`${running?.url}${path}`)).text();
  return [...text.matchAll(pick)].map(([, name]) => name).sort();
};
const inDocuments = () => names("/signalbox/v1/documents?prefix=/config/", /"name":"([^"]*)"/g);
const inApi = () => names("/v2.0/sites", /"name":"([^"]*)"/g);

async function removeStream(name: string): Promise<void> {
  const connection = await connect({ servers: nats.address });
  await (await connection.jetstreamManager()).streams.delete(name);
  await connection.close();
}

async function isThere(name: string): Promise<boolean> {
  const connection = await connect({ servers: nats.address });
  try {
    return await (await connection.jetstreamManager()).streams.info(name).then(
      () => true,
      () => false,
    );
  } finally {
    await connection.close();
  }
}

const replaced = expect.objectContaining({ code: "SB_LOG_REPLACED" });

/** The log is lost and gone: no start makes an empty one, and the operator's command goes on. */
async function adoptAndGoOn(stream: string): Promise<void> {
  await expect(start()).rejects.toEqual(replaced);
  expect(await isThere(stream)).toBe(false);
  const asked = await adoptPresentLog({ config, confirmed: false });
  expect(asked).toMatchObject({ deleted: undefined, reason: expect.stringContaining(stream) });
  expect(await isThere(stream)).toBe(false);
  const { deleted } = await adoptPresentLog({ config, confirmed: true });
  expect(deleted).toBeGreaterThan(0);
  await start();
  expect(await inApi()).toEqual([]);
  expect((await post("new")).status).toBe(201);
  await vi.waitFor(async () => expect(await inDocuments()).toEqual(["new"]), 10_000);
  expect((await fetch(`${running?.url}/readyz`)).status).toBe(200);
}

describe("a log on NATS that is lost", () => {
  it("while the system is down: it does not start, until the operator adopts another log", async () => {
    const stream = await configure("file");
    await start();
    expect((await post("old")).status).toBe(201);
    await vi.waitFor(async () => expect(await inDocuments()).toEqual(["old"]), 10_000);
    await stop();
    await removeStream(stream);
    await adoptAndGoOn(stream);
  });

  it("while it runs: it is not ready, takes no request, and does not start again", async () => {
    const stream = await configure("file");
    await start();
    expect((await post("old")).status).toBe(201);
    await vi.waitFor(async () => expect(await inDocuments()).toEqual(["old"]), 10_000);
    await removeStream(stream);
    await vi.waitFor(async () => {
      const answer = await fetch(`${running?.url}/readyz`);
      expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining(`${stream} is gone`)]);
    }, 10_000);
    const refused = await post("lost");
    expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining("SB_LOG_REPLACED")]);
    expect(await inDocuments()).toEqual(["old"]);
    await stop();
    await adoptAndGoOn(stream);
  });

  it("in memory, by a restart of the server: the same", async () => {
    const stream = await configure("memory");
    await start();
    expect((await post("old")).status).toBe(201);
    await vi.waitFor(async () => expect(await inDocuments()).toEqual(["old"]), 10_000);
    await nats.kill();
    await nats.start();
    await vi.waitFor(async () => {
      const answer = await fetch(`${running?.url}/readyz`);
      expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining(`${stream} is gone`)]);
    }, 20_000);
    await stop();
    await adoptAndGoOn(stream);
  });
});
