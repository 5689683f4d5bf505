import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LabAgent, startLabAgent } from "../../../src/lab/agents/lab-agent.ts";
import { findProgram } from "../../servers/find-program.ts";

const run = promisify(execFile);
const PORTS = 100;

describe("the lab's agent, asked by Debian's SNMP tools", () => {
  let agent: LabAgent;
  beforeAll(async () => {
    agent = await startLabAgent({
      name: "MX-1",
      descr: "Lab router",
      community: "lab",
      interfaces: () => Array.from({ length: PORTS }, (_, port) => ({ name: `ae0.${port}`, up: port !== 7 })),
    });
  });
  afterAll(() => agent.close());

  async function ask(tool: string, ...args: string[]): Promise<string[]> {
    const program = await findProgram(tool, ["snmp"]);
    const common = ["-v2c", "-c", "lab", "-On", "-m", "", "-t", "2", "-r", "0"];
    const { stdout } = await run(program.path, [...common, `udp:127.0.0.1:${agent.port}`, ...args], {
      env: { ...process.env, ...program.env, MIBS: "" },
    });
    return stdout.trim().split("\n");
  }

  it("answers snmpget with every type it has", async () => {
    const lines = await ask(
      "snmpget",
      "1.3.6.1.2.1.1.5.0",
      "1.3.6.1.2.1.1.2.0",
      "1.3.6.1.2.1.2.2.1.8.508",
      "1.3.6.1.2.1.2.2.1.5.501",
      "1.3.6.1.2.1.31.1.1.1.1.9",
      "1.3.6.1.9.9.0",
    );
    expect(lines).toEqual([
      '.1.3.6.1.2.1.1.5.0 = STRING: "MX-1"',
      expect.stringContaining("= OID: .1.3.6.1.4.1.2636."),
      ".1.3.6.1.2.1.2.2.1.8.508 = INTEGER: 2",
      ".1.3.6.1.2.1.2.2.1.5.501 = Gauge32: 4294967295",
      ".1.3.6.1.2.1.31.1.1.1.1.9 = No Such Instance currently exists at this OID",
      ".1.3.6.1.9.9.0 = No Such Object available on this agent at this OID",
    ]);
    const [uptime, octets] = await ask("snmpget", "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.31.1.1.1.6.501");
    expect(uptime).toContain("Timeticks: (");
    expect(octets).toContain("Counter64: ");
  });

  it("is walked from end to end by snmpwalk and by snmpbulkwalk, with the same names in the same order", async () => {
    const names = (lines: string[]) => {
      expect(lines.at(-1)).toContain("No more variables left in this MIB View");
      return lines.slice(0, -1).map((line) => line.split(" ")[0]);
    };
    const walked = names(await ask("snmpwalk", "1.3.6.1.2.1"));
    const scalars = 5;
    const columns = 10;
    expect(walked).toHaveLength(scalars + columns * PORTS);
    expect(new Set(walked).size).toBe(walked.length);
    expect(names(await ask("snmpbulkwalk", "-Cr40", "1.3.6.1.2.1"))).toEqual(walked);
  });

  it("refuses snmpset", async () => {
    await expect(ask("snmpset", "1.3.6.1.2.1.1.5.0", "s", "other")).rejects.toThrow(/notWritable/);
  });

  it("does not answer another community", async () => {
    const program = await findProgram("snmpget", ["snmp"]);
    const asked = run(
      program.path,
      ["-v2c", "-c", "other", "-t", "0.3", "-r", "0", `udp:127.0.0.1:${agent.port}`, "1.3.6.1.2.1.1.3.0"],
      { env: { ...process.env, ...program.env, MIBS: "" } },
    );
    await expect(asked).rejects.toThrow(/Timeout/);
  });
});
