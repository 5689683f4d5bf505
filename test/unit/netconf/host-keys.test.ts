import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hostKeyChecker } from "../../../src/adapters/netconf/host-keys.ts";
import { fingerprint, matchesKnownHost, parseKnownHosts } from "../../../src/adapters/netconf/known-hosts.ts";

// Made by ssh-keygen, the hashed lines by `ssh-keygen -H`, the fingerprints by `ssh-keygen -l`.
const KEY_1 = "AAAAC3NzaC1lZDI1NTE5AAAAILQZYvx68Yim771t7aKYpb70/3RPm9KFzlBmqyxZQ28K";
const KEY_2 = "AAAAC3NzaC1lZDI1NTE5AAAAIEP2TKo1XEO8pxwqQgX4Qx4akrxrJ9NjzW2HEN/M0sj3";
const FINGERPRINT_1 = "SHA256:r30Zaj9b0xrfrVCjQ0nC7ksf1CyBMIFesjVod2RNcEs";
const plain = `# routers\n\n[mx-1.example]:830 ssh-ed25519 ${KEY_1} comment\nmx-2.example ssh-ed25519 ${KEY_2}\n`;
const hashed = `|1|4OF86Jqx5h1cWoUet6qzrXFaWyA=|DSpbGbiozhDFRjfjdkP62R9m9Co= ssh-ed25519 ${KEY_1}
|1|+cJsEZLkqvjcK687wQPnikg1PKw=|paspUyq7F0zjJLTVFQrtbDUxMOw= ssh-ed25519 ${KEY_2}
`;
const key1 = Buffer.from(KEY_1, "base64");
const key2 = Buffer.from(KEY_2, "base64");
const refusal = (text: string) =>
  expect.objectContaining({ code: "SB_DEVICE_HOST_KEY", message: expect.stringContaining(text) });

describe("host keys", () => {
  let folder = "";
  let file = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "signalbox-host-keys-"));
    file = join(folder, "ssh", "known_hosts");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("has the fingerprint that ssh-keygen shows", () => {
    expect(fingerprint(key1)).toBe(FINGERPRINT_1);
  });

  it.each([
    ["plain", plain],
    ["hashed", hashed],
  ])("finds hosts by name and port in %s lines", async (_, text) => {
    const path = join(folder, "known_hosts");
    await writeFile(path, text);
    const checker = hostKeyChecker({ mode: "known_hosts", file: path });
    await checker.check("mx-1.example", 830, key1);
    await checker.check("MX-2.example", 22, key2);
    expect(await checker.knownTypes("mx-1.example", 830)).toEqual(["ssh-ed25519"]);
    await expect(checker.check("mx-1.example", 830, key2)).rejects.toThrowError(refusal(FINGERPRINT_1));
    await expect(checker.check("mx-1.example", 22, key1)).rejects.toThrowError(refusal("has no key"));
    await expect(checker.check("mx-2.example", 830, key2)).rejects.toThrowError(refusal("has no key"));
  });

  it("refuses a revoked key whatever else the file says", async () => {
    const path = join(folder, "known_hosts");
    await writeFile(path, `${plain}@revoked * ssh-ed25519 ${KEY_1}\n@cert-authority * ssh-ed25519 ${KEY_2}\n`);
    const checker = hostKeyChecker({ mode: "known_hosts", file: path });
    await expect(checker.check("mx-1.example", 830, key1)).rejects.toThrowError(refusal("revoked"));
    await checker.check("mx-2.example", 22, key2);
  });

  it("reads patterns", () => {
    expect(matchesKnownHost("*.example,!mx-9.example", "mx-1.example")).toBe(true);
    expect(matchesKnownHost("*.example,!mx-9.example", "mx-9.example")).toBe(false);
    expect(matchesKnownHost("[mx-?.example]:830", "[mx-1.example]:830")).toBe(true);
    expect(matchesKnownHost("[mx-?.example]:830", "mx-1xexample")).toBe(false);
    expect(parseKnownHosts("host ssh-rsa notakey\nhost\n@cert-authority * ssh-ed25519 x")).toEqual([]);
  });

  it("trusts the first key and no other when new ones are accepted, also when two sessions open at once", async () => {
    const checker = hostKeyChecker({ mode: "accept-new", file });
    const outcomes = await Promise.allSettled([
      checker.check("mx-1.example", 830, key1),
      checker.check("mx-1.example", 830, key2),
      checker.check("mx-1.example", 830, key1),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await readFile(file, "utf8")).toBe(`[mx-1.example]:830 ssh-ed25519 ${KEY_1}\n`);
    await hostKeyChecker({ mode: "known_hosts", file }).check("mx-1.example", 830, key1);
  });

  it("keeps what stands in the last line when that has no line end", async () => {
    const path = join(folder, "known_hosts");
    await writeFile(path, plain.trimEnd());
    await hostKeyChecker({ mode: "accept-new", file: path }).check("mx-3.example", 830, key2);
    expect(parseKnownHosts(await readFile(path, "utf8"))).toHaveLength(3);
  });
});
