import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ServerCertificate } from "../../../src/adapters/http/server-certificate.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { makeAuthority } from "../../servers/certificates.ts";
import { RecordingLogger } from "./recording-logger.ts";

const HOUR = 3_600_000;
let folder: string;
let certificateFile: string;
let keyFile: string;
/** When the certificate's life of a day begins. */
let from: number;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-certificate-"));
  [certificateFile, keyFile] = [join(folder, "server.pem"), join(folder, "server.key")];
  const issued = await (await makeAuthority("servers")).issue({ name: "gateway.example", ip: "::1" });
  await Promise.all([writeFile(certificateFile, issued.certificate), writeFile(keyFile, issued.key)]);
  from = Date.parse(new X509Certificate(issued.certificate).validFrom);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("a certificate whose end comes near is told of once a day, and each day", async () => {
  const clock = new VirtualClock(from);
  const logger = new RecordingLogger();
  const certificate = await ServerCertificate.open({ certificateFile, keyFile, clock, logger });
  const told = () => logger.lines.filter(({ message }) => message.includes("expire")).map(({ level }) => level);
  clock.advance(15 * HOUR);
  expect(told()).toEqual([]);
  clock.advance(2 * HOUR);
  expect(told()).toEqual(["warn"]);
  clock.advance(6 * HOUR);
  expect(told()).toEqual(["warn"]);
  clock.advance(48 * HOUR);
  expect(told()).toEqual(["warn", "error", "error"]);
  certificate.close();
  expect(clock.pending()).toBe(0);
});

it("knows its names as a Host header has them", async () => {
  const clock = new VirtualClock(from);
  const certificate = await ServerCertificate.open({ certificateFile, keyFile, clock, logger: new RecordingLogger() });
  expect(certificate.names).toEqual(["gateway.example", "[0:0:0:0:0:0:0:1]"]);
  certificate.close();
});

it.each([
  ["a file that is not there", { keyFile: "/no/such/file" }, "http.tls.key_file /no/such/file"],
  ["a key that is none", { keyFile: "CERTIFICATE" }, "cannot be used"],
  ["ciphers that there are not", { ciphers: "NONE-OF-THESE" }, "cannot be used"],
  ["an authority that is none", { clientCaFile: "KEY" }, "no certificate of an authority"],
])("does not begin with %s", async (_what, given, says) => {
  const files: Record<string, string> = { CERTIFICATE: certificateFile, KEY: keyFile };
  const named = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, files[value] ?? value]));
  const clock = new VirtualClock(from);
  const opened = ServerCertificate.open({ certificateFile, keyFile, clock, logger: new RecordingLogger(), ...named });
  await expect(opened).rejects.toMatchObject({ code: "SB_CONFIG_INVALID", message: expect.stringContaining(says) });
  expect(clock.pending()).toBe(0);
});
