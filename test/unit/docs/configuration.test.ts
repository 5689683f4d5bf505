import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkCredential, type SnmpCredential } from "../../../src/adapters/snmp/snmp-credential.ts";
import { configurationSchema, readConfiguration } from "../../../src/cli/configuration.ts";
import { blocksOf, rowsOf, sectionOf, textOf } from "./documents.ts";
import { settingsOf } from "./setting-names.ts";

const page = textOf("docs/configuration.md");

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "signalbox-configuration-"));
  file = join(folder, "signalbox.yaml");
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("docs/configuration.md", () => {
  it("has a row for every setting and no other", () => {
    const rows = rowsOf(sectionOf(page, "## Settings of the file"));
    const documented = rows.map(([setting = ""]) => setting.replaceAll("`", ""));
    expect(documented.toSorted()).toEqual(settingsOf(configurationSchema).toSorted());
  });

  it("has an example that is accepted and leaves nothing out", () => {
    const [example = ""] = blocksOf(sectionOf(page, "## Example"), "yaml");
    writeFileSync(file, example);
    const configuration = readConfiguration(file);
    expect(configuration.address_book?.netconf?.["10.79.5.184"]).toEqual({ host: "127.0.0.1", port: 38353 });
    const groups = Object.keys(configurationSchema.properties);
    expect(groups.filter((group) => !example.includes(`${group}:`))).toEqual([]);
  });
});

describe("a mistake in the configuration file", () => {
  it.each([
    ["netconf: { drivr: ssh2 }", "unknown setting netconf.drivr"],
    ["log: { level: loud }", "log.level must be one of debug, info, warn, error, silent"],
    [
      "netconf: { host_keys: { mode: pin } }",
      "netconf.host_keys.mode must be one of known_hosts, accept-new, insecure",
    ],
    ["snmp: { communities: { A: null } }", "snmp.communities.A must be object"],
    ["snmp: { communities: { A: public } }", "snmp.communities.A must be object"],
    ["snmp: { communities: { A: { version: 2 } } }", "snmp.communities.A.version must be one of 2c, 3"],
    ['snmp: { communities: { A: { version: "2c", comunity: x } } }', "unknown setting snmp.communities.A.comunity"],
    ["worker: { concurrency: 0 }", "worker.concurrency must be >= 1"],
  ])("%s is named once", (text, cause) => {
    writeFileSync(file, text);
    let message = "";
    try {
      readConfiguration(file);
    } catch (thrown) {
      message = (thrown as Error).message;
    }
    expect(message).toBe(`${file}: ${cause}`);
  });

  it.each([
    ['{ version: "2c" }', "the community is empty"],
    ['{ version: "3", level: authPriv }', "the user is empty"],
  ])("is found when the adapter is made: the community %s", (credential, cause) => {
    writeFileSync(file, `snmp: { communities: { A: ${credential} } }`);
    const read = readConfiguration(file).snmp?.communities?.["A"] as SnmpCredential;
    expect(() => checkCredential("A", read)).toThrowError(`SNMP community A: ${cause}`);
  });
});
