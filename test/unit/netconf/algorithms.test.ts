import ssh2, { type ServerConfig } from "ssh2";
import { afterEach, describe, expect, it } from "vitest";
import {
  type AlgorithmSet,
  algorithmLists,
  noCommonAlgorithm,
  sshAlgorithms,
} from "../../../src/adapters/netconf/algorithms.ts";
import { NetconfConnector, type NetconfOptions } from "../../../src/adapters/netconf/connector.ts";
import { startScriptedRouter } from "../../servers/scripted-router.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

const DEVICE = "mx-old.example";
type Algorithms = NonNullable<ServerConfig["algorithms"]>;

describe("SSH algorithms", () => {
  const cleanups: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  const connectTo = async (algorithms: Algorithms, choice?: NetconfOptions["algorithms"], hostKey?: string) => {
    const router = await startScriptedRouter({
      ssh: { algorithms, ...(hostKey === undefined ? {} : { hostKeys: [hostKey] }) },
    });
    cleanups.push(router.stop);
    const connector = new NetconfConnector({
      addressBook: () => ({ host: "127.0.0.1", port: router.port }),
      hostKeys: { mode: "insecure" },
      logger: silentLogger,
      ...(choice === undefined ? {} : { algorithms: choice }),
    });
    const session = await connector.connect({ host: DEVICE, port: 830, username: "lab", password: "secret" });
    cleanups.push(() => session.close());
    await session.lock();
  };
  let rsaKey: string | undefined;
  const rsa = () => {
    rsaKey ??= ssh2.utils.generateKeyPairSync("rsa", { bits: 2048 }).private;
    return rsaKey;
  };
  const legacy = { byHost: new Map<string, AlgorithmSet>([[DEVICE, "legacy"]]) };

  /** What old releases of Junos offer and nothing newer, each for itself. */
  const old: ReadonlyArray<[string, string, Algorithms, boolean]> = [
    ["key exchange method", "diffie-hellman-group14-sha1", { kex: ["diffie-hellman-group14-sha1"] }, false],
    ["key exchange method", "diffie-hellman-group1-sha1", { kex: ["diffie-hellman-group1-sha1"] }, false],
    ["host key algorithm", "ssh-rsa", { serverHostKey: ["ssh-rsa"] }, true],
    ["cipher", "aes256-cbc", { cipher: ["aes256-cbc"] }, false],
    ["cipher", "aes128-cbc", { cipher: ["aes128-cbc"] }, false],
    ["cipher", "3des-cbc", { cipher: ["3des-cbc"] }, false],
    ["MAC", "hmac-sha1", { cipher: ["aes128-ctr"], hmac: ["hmac-sha1"] }, false],
    ["MAC", "hmac-md5", { cipher: ["aes128-ctr"], hmac: ["hmac-md5"] }, false],
  ];

  it.each(old)(
    "an old %s (%s) is refused by modern, with what is offered, and taken by legacy",
    async (kind, name, offer, withRsa) => {
      const hostKey = withRsa ? rsa() : undefined;
      const error = await connectTo(offer, undefined, hostKey).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "SB_DEVICE_ALGORITHMS",
        device: DEVICE,
        transient: false,
        message: `${DEVICE} and the algorithm set modern have no ${kind} in common: the device offers ${name}`,
        advice: expect.stringContaining("netconf.devices.<host>.algorithms to legacy"),
      });
      await connectTo(offer, legacy, hostKey);
      await connectTo(offer, { all: "legacy" }, hostKey);
    },
  );

  it("takes a device's own set before that of all", async () => {
    const offer: Algorithms = { cipher: ["aes128-cbc"] };
    const strict = connectTo(offer, { all: "legacy", byHost: new Map([[DEVICE, "modern"]]) });
    await expect(strict).rejects.toThrowError(expect.objectContaining({ code: "SB_DEVICE_ALGORITHMS" }));
    const others = connectTo(offer, { byHost: new Map([["mx-2.example", "legacy"]]) });
    await expect(others).rejects.toThrowError(expect.objectContaining({ code: "SB_DEVICE_ALGORITHMS" }));
  });

  it("uses an RSA key with SHA-2 in the modern set", async () => {
    await connectTo({ serverHostKey: ["rsa-sha2-512", "ssh-rsa"] }, undefined, rsa());
  });

  it("says when no set would help, and hides what is no name", () => {
    const offered = {
      kex: ["sntrup761x25519-sha512@openssh.com", "kex-strict-s-v00@openssh.com", "\u001B[31mred"],
      serverHostKey: ["ssh-ed25519"],
      ciphers: [["aes128-ctr"], ["aes128-ctr"]],
      hmacs: [["hmac-sha2-256"], ["hmac-sha2-256"]],
    } as const;
    expect(noCommonAlgorithm(DEVICE, "modern", offered)).toMatchObject({
      message: expect.stringMatching(/the device offers sntrup761x25519-sha512@openssh.com, red$/),
      advice:
        "No set has any of them: enable a newer key exchange method on the device (`system services ssh key-exchange`).",
    });
    expect(noCommonAlgorithm(DEVICE, "legacy", { ...offered, kex: ["curve25519-sha256"] })).toBeUndefined();
  });

  it("asks for keys of a known type first, and for none that the set does not have", () => {
    const ordered = [sshAlgorithms("modern", ["ssh-dss", "ssh-rsa"]).serverHostKey].flat();
    expect(ordered.slice(0, 2)).toEqual(["rsa-sha2-512", "rsa-sha2-256"]);
    expect(ordered.toSorted()).toEqual([...algorithmLists("modern").serverHostKey].toSorted());
  });

  it("has no SHA-1, MD5, CBC or DSA in the modern set", () => {
    const names = Object.values(algorithmLists("modern")).flat();
    expect(names.filter((name) => /sha1|md5|cbc|dss|ssh-rsa/.test(name))).toEqual([]);
  });

  it("is a configuration error with the driver that cannot choose", () => {
    const make = () =>
      new NetconfConnector({
        hostKeys: { mode: "insecure" },
        driver: "node-netconf",
        algorithms: { all: "legacy" },
        logger: silentLogger,
      });
    expect(make).toThrowError(expect.objectContaining({ code: "SB_CONFIG_INVALID" }));
  });
});
