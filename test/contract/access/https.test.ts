import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startSystem } from "../../../src/cli/start-system.ts";
import type { RunningSystem } from "../../../src/cli/system-options.ts";
import { type Authority, type Certificate, makeAuthority } from "../../servers/certificates.ts";
import { runCli } from "./run-cli.ts";

const tenant = "1".repeat(32);
const token = "a-token-of-an-operator";

let folder: string;
let authority: Authority;
let clients: Authority;
let first: Certificate;
let system: RunningSystem;
let port: number;

const inFolder = (name: string) => join(folder, name);
async function put(name: string, content: string): Promise<string> {
  await writeFile(inFolder(`${name}.next`), content, { mode: 0o600 });
  await rename(inFolder(`${name}.next`), inFolder(name));
  return inFolder(name);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-https-"));
  [authority, clients] = await Promise.all([makeAuthority("servers"), makeAuthority("clients")]);
  first = await authority.issue({ name: "gateway.example", ip: "127.0.0.1" });
  await Promise.all([put("server.pem", first.certificate), put("server.key", first.key)]);
  await Promise.all([put("ca.pem", authority.certificate), put("clients.pem", clients.certificate)]);
  await put("tokens.json", JSON.stringify({ tokens: [{ name: "ops", role: "operator", token }] }));
  const config = await put(
    "signalbox.json",
    JSON.stringify({
      access: { tokens_file: inFolder("tokens.json") },
      http: {
        tls: {
          certificate_file: inFolder("server.pem"),
          key_file: inFolder("server.key"),
          client_ca_file: inFolder("clients.pem"),
          clients: [
            { subject: "CN=root", name: "root", role: "admin" },
            { san: "DNS:acme.example", name: "acme", role: "member", tenant },
          ],
        },
      },
    }),
  );
  const http = { host: "127.0.0.1", port: 0 };
  const more = { lab: false, timing: "instant", plainSecrets: false, logLevel: "silent" } as const;
  system = await startSystem({ config, data: inFolder("data"), http, ...more });
  port = Number(new URL(system.url).port);
});
afterAll(async () => {
  await system?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Given {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly certificate?: Certificate;
  readonly agent?: Agent;
}

async function send(path: string, { method = "GET", headers = {}, certificate, agent }: Given = {}) {
  const sent = request({
    host: "127.0.0.1",
    port,
    path,
    method,
    headers,
    ca: authority.certificate,
    servername: "gateway.example",
    ...(certificate && { cert: certificate.certificate, key: certificate.key }),
    agent: agent ?? new Agent(),
  }).end();
  const [answer] = await once(sent, "response");
  const body = await text(answer);
  return { status: Number(answer.statusCode), headers: answer.headers, body, socket: answer.socket as Socket };
}

/** The serial number of the certificate that a new connection is shown. */
async function shownSerial(): Promise<string> {
  const socket: TLSSocket = connect({
    host: "127.0.0.1",
    port,
    ca: authority.certificate,
    servername: "gateway.example",
  });
  await once(socket, "secureConnect");
  const { serialNumber } = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
}

describe("a gateway that speaks TLS", () => {
  it("says to browsers that it does, and to everybody that answers are not to be kept", async () => {
    expect(system.url).toBe(`https://127.0.0.1:${port}`);
    for (const path of ["/livez", "/readyz", "/v2.0/networks", "/nothing"]) {
      const { headers } = await send(path);
      expect(headers["strict-transport-security"]).toBe("max-age=31536000");
      expect(headers["cache-control"]).toBe("no-store");
    }
  });

  it("takes nothing older than TLS 1.2, and no HTTP without TLS", async () => {
    const old = connect({
      host: "127.0.0.1",
      port,
      ca: authority.certificate,
      maxVersion: "TLSv1.1",
      minVersion: "TLSv1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    const [error] = await once(old, "error");
    expect(String(error)).toMatch(/protocol version|unsupported protocol/i);
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow();
    const twelve = connect({
      host: "127.0.0.1",
      port,
      ca: authority.certificate,
      maxVersion: "TLSv1.2",
      servername: "gateway.example",
    });
    await once(twelve, "secureConnect");
    expect(twelve.getProtocol()).toBe("TLSv1.2");
    twelve.destroy();
  });

  it("knows its own name, and no other, and counts its own pages as of https", async () => {
    const auth = { "x-auth-token": token };
    const of = async (headers: Record<string, string>) =>
      (await send("/v2.0/networks", { headers: { ...auth, ...headers } })).status;
    expect(await of({ host: `127.0.0.1:${port}`, origin: `https://127.0.0.1:${port}` })).toBe(200);
    expect(await of({ host: `gateway.example:${port}` })).toBe(200);
    expect(await of({ origin: `http://127.0.0.1:${port}` })).toBe(403);
    expect(await of({ host: "attacker.example" })).toBe(421);
  });
});

describe("a client's certificate", () => {
  it("says who it is, by its subject or another name, where no token does", async () => {
    const issue = (name: string) => clients.issue({ name });
    const [root, acme, nobody] = await Promise.all(["root", "acme.example", "nobody"].map(issue));
    const statusOf = async (certificate: Certificate | undefined, headers = {}) =>
      (await send("/signalbox/v1/documents", { headers, ...(certificate && { certificate }) })).status;
    expect(await statusOf(root)).toBe(200);
    expect(await statusOf(acme)).toBe(403);
    expect(await statusOf(nobody)).toBe(401);
    expect(await statusOf(undefined)).toBe(401);
    expect(await statusOf(acme, { "x-auth-token": token })).toBe(200);
    expect(await statusOf(root, { "x-auth-token": "a-token-of-nobody-at-all" })).toBe(401);
    const made = { method: "POST", headers: { "content-type": "application/json" }, certificate: acme as Certificate };
    expect((await send("/v2.0/networks", made)).status).toBe(400);
    // What a browser shows by itself does not make a form's request a request.
    expect((await send("/v2.0/networks", { method: "POST", certificate: acme as Certificate })).status).toBe(415);
  });

  it("of a stranger's authority, or that it made itself, is refused with the reason", async () => {
    const [strangers, itself] = await Promise.all([authority.issue({ name: "root" }), makeAuthority("root")]);
    for (const certificate of [strangers, itself]) {
      const { status, body } = await send("/v2.0/networks", { certificate });
      expect([status, JSON.parse(body).detail]).toEqual([401, expect.stringContaining("certificate is not valid")]);
    }
    expect((await send("/livez", { certificate: itself })).status).toBe(200);
  });
});

describe("a new certificate", () => {
  it("is shown to new connections and leaves those that are open alone; a broken one changes nothing", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const before = await send("/livez", { agent });
    const streaming = request({
      host: "127.0.0.1",
      port,
      path: "/signalbox/v1/transitions?follow=true",
      headers: { "x-auth-token": token, accept: "text/event-stream" },
      ca: authority.certificate,
    }).end();
    const [stream] = await once(streaming, "response");
    const old = await shownSerial();
    const second = await authority.issue({ name: "gateway.example", ip: "127.0.0.1" });
    // The certificate without its key: what is there in between is no pair.
    await put("server.pem", second.certificate);
    await system.reload?.();
    expect(await shownSerial()).toBe(old);
    await put("server.key", second.key);
    await system.reload?.();
    expect(await shownSerial()).not.toBe(old);
    for (const broken of ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]) {
      await put("server.pem", broken);
      await system.reload?.();
      expect((await send("/livez")).status).toBe(200);
    }
    await rm(inFolder("server.key"));
    await system.reload?.();
    expect(await shownSerial()).not.toBe(old);
    const after = await send("/livez", { agent });
    expect([after.status, after.socket]).toEqual([200, before.socket]);
    expect(stream.destroyed || stream.complete).toBe(false);
    streaming.destroy();
    agent.destroy();
    // By itself, when the files change.
    await Promise.all([put("server.pem", first.certificate), put("server.key", first.key)]);
    while ((await shownSerial()) !== old) await send("/livez");
  });
});

describe("the command line", () => {
  it("speaks to it with the authority that it is told", async () => {
    const env = { SIGNALBOX_URL: system.url, SIGNALBOX_TOKEN: token };
    const listed = await runCli(["--ca", inFolder("ca.pem"), "network", "list", "--output", "json"], env);
    expect([listed.code, JSON.parse(listed.out)]).toEqual([0, { networks: [] }]);
    const after = await runCli(["network", "list", "--output", "json", "--ca", inFolder("ca.pem")], env);
    expect(after.code).toBe(0);
    const byEnvironment = await runCli(["network", "list"], { ...env, SIGNALBOX_CA: inFolder("ca.pem") });
    expect(byEnvironment.code).toBe(0);
    const unknown = await runCli(["network", "list"], env);
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringMatching(/certificate.*not accepted[\s\S]*--ca/)]);
    const other = await runCli(["network", "list", "--ca", inFolder("clients.pem")], env);
    expect([other.code, other.err]).toEqual([1, expect.stringMatching(/certificate.*not accepted/)]);
  });

  it("shows a certificate of its own", async () => {
    const { certificate, key } = await clients.issue({ name: "root" });
    const [cert, keyFile] = await Promise.all([put("client.pem", certificate), put("client.key", key)]);
    const env = { SIGNALBOX_URL: system.url, SIGNALBOX_CA: inFolder("ca.pem"), SIGNALBOX_CERT: cert };
    expect((await runCli(["documents", "get", "--output", "json"], { ...env, SIGNALBOX_CERT_KEY: keyFile })).code).toBe(
      0,
    );
    const without = await runCli(["documents", "get"], env);
    expect([without.code, without.err]).toEqual([2, expect.stringContaining("needs its key")]);
  });
});
