import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SnmpAdapter } from "../../src/adapters/snmp/snmp-adapter.ts";
import type { SnmpCredential } from "../../src/adapters/snmp/snmp-credential.ts";
import { startLabAgent } from "../../src/lab/agents/lab-agent.ts";
import { type RunningSnmpd, startSnmpd } from "../servers/snmpd.ts";
import { silentLogger } from "../unit/snmp/silent-logger.ts";
import { snmpClientContract } from "./snmp-client/suite.ts";

function adapter(port: number, communities: Record<string, SnmpCredential>, timeoutMs: number): SnmpAdapter {
  return new SnmpAdapter({
    addressBook: () => ({ host: "127.0.0.1", port }),
    communities,
    timeoutMs,
    retries: 1,
    logger: silentLogger,
  });
}

const wrong: SnmpCredential = { version: "2c", community: "not-this-one" };

snmpClientContract("the lab's agent, v2c", async () => {
  const agent = await startLabAgent({
    name: "QFX-NW02",
    community: "lab",
    interfaces: () => Array.from({ length: 60 }, (_, port) => ({ name: `xe-0/0/${port}`, up: true })),
  });
  const client = adapter(agent.port, { LAB: { version: "2c", community: "lab" }, WRONG: wrong }, 500);
  return {
    client,
    device: "QFX-NW02",
    community: "LAB",
    wrongCommunity: "WRONG",
    interface: { name: "xe-0/0/3", index: 504 },
    stop: async () => {
      await client.close();
      await agent.close();
    },
  };
});

snmpClientContract("Debian's snmpd, v2c", async () => {
  const agent = await startSnmpd({ community: "real" });
  const client = adapter(agent.port, { REAL: { version: "2c", community: "real" }, WRONG: wrong }, 1000);
  return {
    client,
    device: "server-1",
    community: "REAL",
    wrongCommunity: "WRONG",
    interface: { name: "lo", index: 1 },
    stop: async () => {
      await client.close();
      await agent.stop();
    },
  };
});

const AUTH_PRIV = {
  version: "3",
  user: "watcher",
  level: "authPriv",
  authProtocol: "sha",
  authKey: "correct-auth-key",
  privProtocol: "aes",
  privKey: "correct-priv-key",
} as const;

snmpClientContract("Debian's snmpd, v3 authPriv", async () => {
  const agent = await startSnmpd({
    community: "real",
    lines: ["createUser watcher SHA correct-auth-key AES correct-priv-key", "rouser watcher authPriv"],
  });
  const client = adapter(agent.port, { V3: AUTH_PRIV, WRONG: wrong }, 1000);
  return {
    client,
    device: "server-1",
    community: "V3",
    wrongCommunity: "WRONG",
    interface: { name: "lo", index: 1 },
    stop: async () => {
      await client.close();
      await agent.stop();
    },
  };
});

describe("SNMPv3 against Debian's snmpd", () => {
  const lines = [
    "createUser signer SHA-256 correct-auth-key",
    "rouser signer authNoPriv",
    "createUser watcher SHA correct-auth-key AES correct-priv-key",
    "rouser watcher authPriv",
  ];
  const communities: Record<string, SnmpCredential> = {
    SIGNED: {
      version: "3",
      user: "signer",
      level: "authNoPriv",
      authProtocol: "sha256",
      authKey: "correct-auth-key",
    },
    SEALED: AUTH_PRIV,
    STRANGER: { ...AUTH_PRIV, user: "stranger" },
    WRONG_KEY: { ...AUTH_PRIV, authKey: "another-auth-key" },
  };
  const sysUpTime = ["1.3.6.1.2.1.1.3.0"];
  let agent: RunningSnmpd;
  let client: SnmpAdapter;
  beforeAll(async () => {
    agent = await startSnmpd({ community: "real", lines });
    client = adapter(agent.port, communities, 1000);
  });
  afterAll(async () => {
    await client.close();
    await agent.stop();
  });

  it("reads with authentication alone", async () => {
    const [uptime] = await client.get("server-1", "SIGNED", sysUpTime);
    expect(typeof uptime).toBe("number");
  });

  it("says that the agent does not know the user", async () => {
    await expect(client.get("server-1", "STRANGER", sysUpTime)).rejects.toMatchObject({
      code: "SB_SNMP_FAILED",
      transient: false,
      message: expect.stringContaining("Unknown User Name"),
    });
  });

  it("says that the key is wrong, without showing it", async () => {
    const error = await client.get("server-1", "WRONG_KEY", sysUpTime).then(() => undefined, String);
    expect(error).toContain("Wrong Digest");
    expect(error).not.toContain("another-auth-key");
  });

  it("goes on after the agent restarted with another engine time", async () => {
    expect(await client.get("server-1", "SEALED", sysUpTime)).toHaveLength(1);
    const { port } = agent;
    await agent.stop();
    agent = await startSnmpd({ community: "real", lines, port });
    const [uptime] = await client.get("server-1", "SEALED", sysUpTime);
    expect(typeof uptime).toBe("number");
  });
});
