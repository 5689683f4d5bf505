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

describe("a disk that takes no more", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "signalbox-full-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("refuses appends with the reason; the process lives on and what was appended stays", async () => {
    const script = new URL("append-until-full.ts", import.meta.url).pathname;
    const command = 'ulimit -f 8000; exec "$0" --import tsx "$1" "$2"';
    const child = spawn("sh", ["-c", command, process.execPath, script, directory], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const exited = once(child, "exit");
    const lines: string[] = [];
    for await (const line of createInterface(child.stdout)) lines.push(line);
    expect(await exited).toEqual([0, null]);
    expect(lines.at(-1)).toBe("closed");
    const refused = lines.filter((line) => line.startsWith("refused"));
    expect(refused).toHaveLength(3);
    for (const line of refused) expect(line).toMatch(/SB_STORE_FAILED: .*(too large|No space|Input.output error)/);

    const appended = lines.filter((line) => line.startsWith("appended")).map((line) => line.split(" ")[1] ?? "");
    expect(appended.length).toBeGreaterThan(0);
    const { log, close } = await openEmbedded({
      directory,
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
    });
    for (const subject of appended) expect(await log.last(subject)).toMatchObject({ subject });
    expect(await log.position()).toBe(appended.length);
    await log.append("a-again", 1, { expectedSeq: 0, messageId: "m" });
    await close();
  });
});
