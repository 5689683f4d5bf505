import { nkeys } from "nats";

interface KeyPair {
  getPublicKey(): string;
  getSeed(): Uint8Array;
  sign(input: Uint8Array): Uint8Array;
}

export interface Credentials {
  /** Text of a .creds file. */
  readonly user: string;
  /** Lines of nats-server's configuration that accept it. */
  readonly config: string;
}

const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };

/** An operator, an account with JetStream and a user, as `nsc` makes them. */
export function makeCredentials(): Credentials {
  const operator: KeyPair = nkeys.createOperator();
  const account: KeyPair = nkeys.createAccount();
  const system: KeyPair = nkeys.createAccount();
  const user: KeyPair = nkeys.createUser();
  const accountClaims = (limits: object) => ({ type: "account", version: 2, limits: { ...unlimited, ...limits } });
  const storage = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 };
  const operatorJwt = sign("operator", operator, operator, {
    type: "operator",
    version: 2,
    system_account: system.getPublicKey(),
  });
  const accountJwt = sign("account", account, operator, accountClaims(storage));
  const systemJwt = sign("system", system, operator, accountClaims({}));
  const userJwt = sign("user", user, account, { type: "user", version: 2, subs: -1, data: -1, payload: -1 });
  return {
    user: [
      "-----BEGIN NATS USER JWT-----",
      userJwt,
      "------END NATS USER JWT------",
      "",
      "-----BEGIN USER NKEY SEED-----",
      Buffer.from(user.getSeed()).toString(),
      "------END USER NKEY SEED------",
      "",
    ].join("\n"),
    config: [
      `operator: ${operatorJwt}`,
      `system_account: ${system.getPublicKey()}`,
      "resolver: MEMORY",
      `resolver_preload: { ${account.getPublicKey()}: ${accountJwt}, ${system.getPublicKey()}: ${systemJwt} }`,
    ].join("\n"),
  };
}

/** A JWT of the version 2 that nats-server takes (ADR-14 of NATS). */
function sign(name: string, subject: KeyPair, issuer: KeyPair, nats: object): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const claims = { jti: name, iat: 1, iss: issuer.getPublicKey(), name, sub: subject.getPublicKey(), nats };
  const signed = `${encode({ typ: "JWT", alg: "ed25519-nkey" })}.${encode(claims)}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString("base64url")}`;
}
