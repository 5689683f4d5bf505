import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext, type SecureContextOptions, type Server } from "node:tls";
import type { Clock, Logger } from "../../actors/ports.ts";
import { asSignalboxError, SignalboxError } from "../../errors.ts";

export interface ServerCertificateOptions {
  /** The server's certificate and those between it and its authority, PEM. */
  readonly certificateFile: string;
  /** Its private key, PEM. */
  readonly keyFile: string;
  readonly minVersion?: "1.2" | "1.3" | undefined;
  /** OpenSSL's list of ciphers; Node's when not given. */
  readonly ciphers?: string | undefined;
  /** Authorities of clients' certificates, PEM; without it no client is asked for one. */
  readonly clientCaFile?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the files held when they were read. */
interface Pair {
  readonly context: SecureContextOptions;
  readonly certificate: X509Certificate;
  readonly stamp: string;
}

const LOOK_MS = 2_000;
const DAY_MS = 86_400_000;
const SOON_MS = 30 * DAY_MS;

/**
 * The certificate that a server shows, read again when one of its files changes or `reload` is called. Connections that are open stay as they
 * are; new ones get the new certificate. While what the files hold cannot be used, the log says so and what they held before stays.
 */
export class ServerCertificate {
  readonly #options: ServerCertificateOptions;
  readonly #servers = new Set<Server>();
  #pair: Pair;
  /** Of what was found broken, to say so once. */
  #broken: string | undefined;
  #warned = Number.NEGATIVE_INFINITY;
  #cancel: () => void = () => {};
  #reading: Promise<void> = Promise.resolve();

  private constructor(options: ServerCertificateOptions, pair: Pair) {
    this.#options = options;
    this.#pair = pair;
  }

  /** @throws SB_CONFIG_INVALID when a file cannot be read, or certificate and key do not belong together */
  static async open(options: ServerCertificateOptions): Promise<ServerCertificate> {
    const made = new ServerCertificate(options, await readPair(options));
    made.#warn();
    made.#watch();
    return made;
  }

  /** What a server is made with. */
  get context(): SecureContextOptions {
    return this.#pair.context;
  }

  /** The names that the certificate is for, without those that stand for many. */
  get names(): readonly string[] {
    const entries = (this.#pair.certificate.subjectAltName ?? "").split(", ");
    return entries.flatMap((entry) => {
      const [, kind, name = ""] = /^(DNS|IP Address):([^"*]+)$/.exec(entry) ?? [];
      if (kind === undefined) return [];
      return [kind === "DNS" || !name.includes(":") ? name : `[${name}]`];
    });
  }

  /** From now on the server shows whatever certificate is the last one. */
  serve(server: Server): void {
    this.#servers.add(server);
    server.once("close", () => this.#servers.delete(server));
  }

  /** Reads the files again, whether they have changed or not. Never throws: what cannot be used is logged. */
  reload(): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read());
    return this.#reading;
  }

  close(): void {
    this.#cancel();
    this.#cancel = () => {};
  }

  #watch(): void {
    this.#cancel = this.#options.clock.after(LOOK_MS, () => {
      this.#watch();
      this.#warn();
      void this.#look();
    });
  }

  async #look(): Promise<void> {
    const stamp = await stampOf(this.#options).catch(() => "gone");
    if (stamp !== this.#pair.stamp && stamp !== this.#broken) await this.reload();
  }

  async #read(): Promise<void> {
    const { clock, logger, certificateFile } = this.#options;
    const stamp = await stampOf(this.#options).catch(() => "gone");
    try {
      const pair = await readPair(this.#options);
      if (endOf(pair) <= clock.now() && endOf(this.#pair) > endOf(pair))
        throw new SignalboxError("SB_CONFIG_INVALID", `${certificateFile} has expired at ${pair.certificate.validTo}`);
      for (const server of this.#servers) server.setSecureContext(pair.context);
      this.#pair = pair;
      this.#broken = undefined;
      this.#warned = Number.NEGATIVE_INFINITY;
      logger.info({ certificate: certificateFile, until: pair.certificate.validTo }, "the certificate was read again");
      this.#warn();
    } catch (thrown) {
      if (this.#broken === stamp) return;
      this.#broken = stamp;
      const { code, message } = asSignalboxError(thrown);
      logger.error({ code, error: message }, "the new certificate cannot be used; the one of before stays");
    }
  }

  /** Once a day from 30 days before its end on, or from the last third of a short life. */
  #warn(): void {
    const { clock, logger, certificateFile } = this.#options;
    const now = clock.now();
    const end = endOf(this.#pair);
    const life = end - Date.parse(this.#pair.certificate.validFrom);
    if (now < end - Math.min(SOON_MS, life / 3) || Math.abs(now - this.#warned) < DAY_MS) return;
    this.#warned = now;
    const fields = { certificate: certificateFile, until: this.#pair.certificate.validTo };
    if (now < end) logger.warn(fields, "the certificate expires soon: clients will refuse it then");
    else logger.error(fields, "the certificate has expired: clients refuse it");
  }
}

async function readPair(options: ServerCertificateOptions): Promise<Pair> {
  const { certificateFile, keyFile, clientCaFile, minVersion = "1.2", ciphers } = options;
  const stamp = await stampOf(options);
  const [cert, key, ca] = await Promise.all([
    read("http.tls.certificate_file", certificateFile),
    read("http.tls.key_file", keyFile),
    clientCaFile === undefined ? undefined : read("http.tls.client_ca_file", clientCaFile),
  ]);
  const context: SecureContextOptions = {
    cert,
    key,
    minVersion: minVersion === "1.3" ? "TLSv1.3" : "TLSv1.2",
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(ca === undefined ? {} : { ca: checkedAuthorities(clientCaFile ?? "", ca) }),
  };
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
    createSecureContext(context);
  } catch (cause) {
    throw invalid(`${certificateFile} and ${keyFile} cannot be used`, cause);
  }
  return { context, certificate, stamp };
}

/** Text that is no certificate would be no authority, and nobody would be let in or everybody's certificate be a stranger's. */
function checkedAuthorities(file: string, text: Buffer): Buffer {
  try {
    new X509Certificate(text);
    return text;
  } catch (cause) {
    throw invalid(`${file} is no certificate of an authority`, cause);
  }
}

async function read(setting: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw invalid(`${setting} ${file} cannot be read`, cause);
  }
}

async function stampOf({ certificateFile, keyFile, clientCaFile }: ServerCertificateOptions): Promise<string> {
  const files = [certificateFile, keyFile, ...(clientCaFile === undefined ? [] : [clientCaFile])];
  const stamps = await Promise.all(
    files.map((file) =>
      stat(file).then(
        ({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`,
        () => "gone",
      ),
    ),
  );
  return stamps.join(", ");
}

function endOf({ certificate }: Pair): number {
  return Date.parse(certificate.validTo);
}

function invalid(what: string, cause: unknown): SignalboxError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SignalboxError("SB_CONFIG_INVALID", `${what}: ${reason}`, {
    cause,
    advice: "Give a certificate and its own private key, both PEM.",
  });
}
