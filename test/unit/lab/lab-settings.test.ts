import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startLab, startSystem } from "../../../src/cli/start-system.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lab-settings-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const http = { host: "127.0.0.1", port: 0 };

async function routersAt(url: string): Promise<string[]> {
  const { routers } = (await (await fetch(`${url}/lab`)).json()) as { routers: Array<{ name: string }> };
  return routers.map(({ name }) => name);
}

it("a lab alone has as many pairs as it is started with", async () => {
  const lab = await startLab({ timing: "instant", http, pairs: 2, data: folder });
  try {
    expect(await routersAt(lab.url)).toEqual(["MX-1", "MX-2", "MX-3", "MX-4"]);
  } finally {
    await lab.stop();
  }
});

it("a gateway with a lab has as many pairs as the configuration says, one when it says nothing", async () => {
  const config = join(folder, "signalbox.yaml");
  for (const [text, count] of [
    ["lab: { pairs: 3 }", 6],
    ["lab: {}", 2],
  ] as const) {
    await writeFile(config, text);
    const options = { lab: true, timing: "instant", plainSecrets: false, logLevel: "silent" } as const;
    const system = await startSystem({ ...options, config, data: join(folder, String(count)), http });
    try {
      expect(await routersAt(system.url)).toHaveLength(count);
    } finally {
      await system.stop();
    }
  }
});
