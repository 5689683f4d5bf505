import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openEmbedded } from "../../../src/adapters/embedded/open.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

const reports = 120;

describe("a process that is killed in the middle of writing", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "signalbox-killed-"));
  });
  afterEach(() => rm(directory, { recursive: true }));
  const open = () => openEmbedded({ directory, clock: systemClock, random: systemRandom, logger: silentLogger });

  it("loses nothing that it had reported, and does not block its successor", async () => {
    const script = new URL("append-until-killed.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, ["--import", "tsx", script, directory], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    const reported: Array<{ name: string; n: number; seq: number }> = [];
    for await (const line of createInterface(child.stdout)) {
      const [name = "", n, seq] = line.split(" ");
      reported.push({ name, n: Number(n), seq: Number(seq) });
      if (reported.length === 1) {
        await expect(open()).rejects.toMatchObject({ code: "SB_DATA_IN_USE" });
      }
      if (reported.length === reports) child.kill("SIGKILL");
    }
    expect(await exited).toEqual([null, "SIGKILL"]);
    expect(reported.length).toBeGreaterThanOrEqual(reports);

    const { log, queues, documents, close } = await open();
    const found = new Map<string, number>();
    let position = 0;
    for await (const { seq, data } of log.read(1)) {
      expect(seq).toBeGreaterThan(position);
      position = seq;
      found.set((data as { text: string }).text, seq);
    }
    expect(await log.position()).toBe(position);
    for (const { name, n, seq } of reported) {
      expect(found.get(`${name}-${n}`)).toBe(seq);
      expect((await documents.get(`done/${name}-${n}`))?.value).toBe(seq);
    }
    expect(await queues.queue("jobs").depth()).toBeGreaterThanOrEqual(reported.length);
    expect(await documents.get("lease/child")).toBeUndefined();
    await close();
  });
});
