import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findProgram } from "./find-program.ts";

const run = promisify(execFile);

/** A certificate and its private key, PEM. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate authority that lives as long as a test. */
export interface Authority extends Certificate {
  /** Issues a certificate for an IP address or a name. */
  issue(subject: { ip?: string; name: string }): Promise<Certificate>;
}

/** Makes an authority with a key of its own; valid for a day. */
export async function makeAuthority(name: string): Promise<Authority> {
  const openssl = await findProgram("openssl", ["openssl"]);
  const make = async (args: readonly string[], files: Record<string, string> = {}): Promise<Certificate> => {
    const folder = await mkdtemp(join(tmpdir(), "signalbox-certificate-"));
    try {
      for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text);
      const common = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "1",
      ];
      await run(openssl.path, [...common, "-keyout", "key.pem", "-out", "certificate.pem", ...args], {
        cwd: folder,
        env: { ...process.env, ...openssl.env },
      });
      return {
        certificate: await readFile(join(folder, "certificate.pem"), "utf8"),
        key: await readFile(join(folder, "key.pem"), "utf8"),
      };
    } finally {
      await rm(folder, { recursive: true });
    }
  };
  const authority = await make(["-subj", `/CN=${name}`, "-addext", "keyUsage=critical,keyCertSign"]);
  return {
    ...authority,
    issue: (subject) =>
      make(
        [
          ...["-subj", `/CN=${subject.name}`, "-CA", "ca.pem", "-CAkey", "ca-key.pem"],
          ...["-addext", `subjectAltName=DNS:${subject.name}${subject.ip === undefined ? "" : `,IP:${subject.ip}`}`],
          ...["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth,clientAuth"],
        ],
        { "ca.pem": authority.certificate, "ca-key.pem": authority.key },
      ),
  };
}
