import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Runs the benchmarks as `npm run bench` does. */
async function bench(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { SIGNALBOX_CASES: _cases, ...env } = process.env;
  const child = spawn(process.execPath, ["--expose-gc", "--import", "tsx", "test/bench/run.ts", ...args], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (data: string) => {
    text.out += data;
  });
  child.stderr.setEncoding("utf8").on("data", (data: string) => {
    text.err += data;
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, ...text };
}

/** The cells of a table row that begins so, without the first one. */
function cells(out: string, row: string): string[] {
  const line = out.split("\n").find((each) => each.startsWith(row)) ?? "";
  return line.split(/ {2,}/).slice(1);
}

describe("npm run bench -- --quick", () => {
  it("replays the scenario and prints its figures beside the original's", async () => {
    const { code, out, err } = await bench("--quick", "--only", "scenario");
    expect(err).not.toContain("failed");
    expect(code).toBe(0);
    expect(cells(out, "gw_interface ")).toEqual([expect.stringMatching(/^\d+\.\d\d$/), "32.0"]);
    expect(cells(out, "all 20 requests")).toEqual([expect.stringMatching(/^\d+\.\d\d$/)]);
    expect(out).toMatch(/\d+ cores \(.*\), \d+ GiB, Linux .*, Node v\d+/);
  });

  it("makes a few gateways in a process of their own and prints its memory and its commits", async () => {
    const { code, out, err } = await bench("--quick", "--only", "memory");
    expect(err).not.toContain("failed");
    expect(code).toBe(0);
    for (const state of ["nothing in it", "everything ACTIVE and UP", "restarted, idle"]) {
      const [rss = 0, anonymous = 0, file = 0] = cells(out, state).map(Number.parseFloat);
      expect(rss).toBeGreaterThan(0);
      expect(Math.abs(rss - anonymous - file)).toBeLessThanOrEqual(2);
    }
    expect(cells(out, "commits of a router per gw_interface")[0]).toMatch(/^\d+\.\d{3}, \d+ in all$/);
  });

  it("runs lifecycles and a bare loop, and times answers, on a real nats-server and etcd", async () => {
    const { code, out, err } = await bench("--quick", "--only", "throughput", "--only", "latency");
    expect(err).not.toContain("failed");
    expect(code).toBe(0);
    const [bare = 0] = cells(out, "the bare loop  ").map(Number);
    const [made = 0] = cells(out, "POST until ACTIVE  ").map(Number);
    expect(bare).toBeGreaterThan(made);
    expect(made).toBeGreaterThan(0);
    expect(out).toMatch(/with two jobs, 6 records of the log .*, 6 messages of the feed and 2 of the queues/);
    for (const what of ["POST over REST, 100 a second", "get over NATS, one after the other"]) {
      const [median = 0, most = 0, nearlyAll = 0] = cells(out, what).map(Number);
      expect(median).toBeGreaterThan(0);
      expect(nearlyAll).toBeGreaterThanOrEqual(most);
      expect(most).toBeGreaterThanOrEqual(median);
    }
  });

  it("says what it takes when it is asked for something else", async () => {
    const { code, err } = await bench("--only", "nothing");
    expect(code).toBe(2);
    expect(err).toContain("there is no benchmark nothing");
    expect(err).toContain("netconf, stores, throughput, latency");
  });
});
