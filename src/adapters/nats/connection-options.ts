import { accessSync, constants, readFileSync } from "node:fs";
import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  nkeyAuthenticator,
  type TlsOptions,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "nats";
import { invalid, type NatsAccess, withoutLogin } from "./options.ts";

const address = /^((nats|tls):\/\/)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/;

/**
 * What the `nats` library needs to know of servers, login and TLS.
 * @param closed when it says true, no further connection is made: the library may be dialling while it is closed
 * @throws SB_CONFIG_INVALID when settings contradict each other or a file cannot be read
 */
export function connectionOptions(access: NatsAccess, closed: () => boolean): ConnectionOptions {
  if (access.servers.length === 0) throw invalid("no NATS server is given");
  for (const server of access.servers) {
    if (address.test(server)) continue;
    throw invalid(
      `the NATS server "${withoutLogin(server)}" is not of the form host:port, nats://host:port or tls://host:port`,
    );
  }
  const tls = tlsOptions(access);
  const login = loginOf(access);
  return {
    servers: [...access.servers],
    name: access.name ?? "signalbox",
    authenticator: (nonce) => {
      if (closed()) throw new Error("the connection was closed meanwhile");
      return login?.(nonce);
    },
    ...(tls === undefined ? {} : { tls }),
    ...(access.inboxPrefix === undefined ? {} : { inboxPrefix: access.inboxPrefix }),
  };
}

function loginOf(access: NatsAccess): Authenticator | undefined {
  const { user, nkeySeedFile, credentialsFile } = access;
  const password = secret("password", access.password, access.passwordFile);
  const token = secret("token", access.token, access.tokenFile);
  const logins: Authenticator[] = [];
  if (user !== undefined) logins.push(usernamePasswordAuthenticator(user, password ?? (() => "")));
  else if (password !== undefined) throw invalid("a NATS password is given without a user");
  if (token !== undefined) logins.push(tokenAuthenticator(token));
  if (nkeySeedFile !== undefined) {
    const read = keptFile(nkeySeedFile);
    logins.push(nkeyAuthenticator(() => Buffer.from(read().trim())));
  }
  if (credentialsFile !== undefined) {
    const read = keptFile(credentialsFile);
    logins.push(credsAuthenticator(() => Buffer.from(read())));
  }
  if (logins.length > 1) {
    throw invalid("more than one login to NATS is given: choose user and password, token, nkey or credentials");
  }
  return logins[0];
}

function secret(what: string, text: string | undefined, file: string | undefined): (() => string) | undefined {
  if (text !== undefined && file !== undefined) throw invalid(`the NATS ${what} and a file with it are both given`);
  if (file === undefined) return text === undefined ? undefined : () => text;
  const read = keptFile(file);
  return () => read().trim();
}

/** Reads a file at each call; while it cannot be read (it is being replaced) what it held last is what counts. */
function keptFile(path: string): () => string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw invalid(`the file ${path} cannot be read`, cause);
  }
  return () => {
    try {
      text = readFileSync(path, "utf8");
    } catch {
      // What it held last is used.
    }
    return text;
  };
}

function tlsOptions({ tls, servers }: NatsAccess): TlsOptions | undefined {
  if (tls === undefined) return servers.some((server) => server.startsWith("tls://")) ? {} : undefined;
  const hasCertificate = tls.certificate !== undefined || tls.certificateFile !== undefined;
  const hasKey = tls.key !== undefined || tls.keyFile !== undefined;
  if (hasCertificate !== hasKey) throw invalid("the NATS client certificate and its key are given together");
  for (const file of [tls.caFile, tls.certificateFile, tls.keyFile]) if (file !== undefined) requireReadable(file);
  return {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.caFile === undefined ? {} : { caFile: tls.caFile }),
    ...(tls.certificate === undefined ? {} : { cert: tls.certificate }),
    ...(tls.certificateFile === undefined ? {} : { certFile: tls.certificateFile }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
    ...(tls.keyFile === undefined ? {} : { keyFile: tls.keyFile }),
    ...(tls.handshakeFirst === undefined ? {} : { handshakeFirst: tls.handshakeFirst }),
  };
}

function requireReadable(path: string): void {
  try {
    accessSync(path, constants.R_OK);
  } catch (cause) {
    throw invalid(`the file ${path} cannot be read`, cause);
  }
}
