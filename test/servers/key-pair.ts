import ssh2 from "ssh2";

export interface KeyPair {
  /** Private key in OpenSSH's format. */
  readonly private: string;
  /** `ssh-ed25519 AAAA...` */
  readonly public: string;
}

/** A new Ed25519 key pair. ssh2 1.17 now and then makes one that nothing can read; such a one is thrown away. */
export function generateKeyPair(): KeyPair {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync("ed25519");
    const readable = [pair.private, pair.public].every((key) => !(ssh2.utils.parseKey(key) instanceof Error));
    if (readable) return pair;
  }
}
