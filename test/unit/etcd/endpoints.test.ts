import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { clientsFor, type EtcdAccess } from "../../../src/adapters/etcd/endpoints.ts";
import { openEtcd } from "../../../src/adapters/etcd/open.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-etcd-files-"));
});
afterEach(() => rm(folder, { recursive: true }));

const http = ["http://192.0.2.1:2379"];
const https = ["https://192.0.2.1:2379"];

it.each<[string, EtcdAccess]>([
  ["No etcd endpoint", { endpoints: [] }],
  ["192.0.2.1:2379", { endpoints: ["192.0.2.1:2379"] }],
  ["http://192.0.2.1", { endpoints: ["http://192.0.2.1"] }],
  ["http://192.0.2.1:2379/", { endpoints: ["http://192.0.2.1:2379/"] }],
  ["http://a:b@192.0.2.1:2379", { endpoints: ["http://a:b@192.0.2.1:2379"] }],
  ["partly http", { endpoints: [...http, ...https] }],
  ["user and password", { endpoints: http, user: "a" }],
  ["user and password", { endpoints: http, password: "a" }],
  ["not https", { endpoints: http, tls: {} }],
  ["its key", { endpoints: https, tls: { certificate: "a" } }],
  ["both as text and as a file", { endpoints: http, user: "a", password: "a", passwordFile: "a" }],
  ["cannot be read", { endpoints: https, tls: { caFile: "/does/not/exist" } }],
])("refuses a configuration with a mistake: %s", (mistake, access) => {
  expect(() => clientsFor(access, systemClock)).toThrow(
    expect.objectContaining({ code: "SB_CONFIG_INVALID", message: expect.stringContaining(mistake) }),
  );
});

it("takes names, IPv4 and IPv6 addresses, and secrets from files", async () => {
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, "store-word\n");
  const endpoints = ["http://etcd-1.example:2379", "http://192.0.2.1:80", "http://[2001:db8::1]:2379"];
  const clients = clientsFor({ endpoints, user: "a", passwordFile }, systemClock);
  expect(clients.map(({ endpoint }) => endpoint)).toEqual(endpoints);
  for (const client of clients) client.close();
});

it("refuses a namespace that does not start with a slash", async () => {
  const options = { endpoints: http, clock: systemClock, logger: silentLogger };
  await expect(openEtcd({ ...options, namespace: "site" })).rejects.toMatchObject({ code: "SB_CONFIG_INVALID" });
});
