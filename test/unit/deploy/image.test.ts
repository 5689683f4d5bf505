import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { deployFolder, readCompose, readDeployed } from "./deployment-files.ts";

const run = promisify(execFile);
// Continued lines are one.
const dockerfile = readDeployed("Dockerfile").replaceAll(/\\\n\s*/g, "");
const instructions = dockerfile.split("\n").filter((line) => /^[A-Z]+ /.test(line));
const final = instructions.slice(instructions.findLastIndex((line) => line.startsWith("FROM ")));
const stringsOf = (instruction: string): string[] => {
  const line = final.find((each) => each.startsWith(`${instruction} `));
  return JSON.parse(/\[.*\]$/.exec(line ?? "")?.[0] ?? "null");
};

/** Exit code of the health check against a gateway that answers with this status. */
async function healthWith(command: readonly string[], status: number): Promise<unknown> {
  const asked: unknown[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const [program = "", ...args] = command.map((part) => part.replace("127.0.0.1:9091", `127.0.0.1:${port}`));
  const env = { ...process.env, SIGNALBOX_HEALTH_PORT: String(port) };
  const code = await run(program, args, { env }).then(
    () => 0,
    (error: { code?: unknown }) => error.code,
  );
  await new Promise((resolve) => server.close(resolve));
  expect(asked).toEqual(["/livez"]);
  return code;
}

describe("the image", () => {
  it("runs as a user that is not root, with production dependencies alone, without a shell", () => {
    expect(final).toContain("USER 10001:10001");
    expect(final.filter((line) => line.startsWith("RUN "))).toEqual([]);
    expect(final).toContain("COPY --from=dependencies /build/node_modules ./node_modules");
    expect(instructions.filter((line) => line.includes('"npm", "ci"') && line.includes("--omit=dev"))).toHaveLength(1);
    for (const line of instructions.filter((each) => /^(RUN|CMD|ENTRYPOINT|HEALTHCHECK) /.test(each))) {
      expect(line).toMatch(/\[.*\]$/);
    }
  });

  it("copies only what the builder is sent", () => {
    const sent = readDeployed("Dockerfile.dockerignore")
      .split("\n")
      .flatMap((line) => (line.startsWith("!") ? [line.slice(1)] : []));
    const copied = instructions
      .filter((line) => line.startsWith("COPY ") && !line.includes("--from="))
      .flatMap((line) => line.split(" ").slice(1, -1));
    expect([...new Set(copied)].sort()).toEqual(sent.sort());
    for (const path of copied) expect(existsSync(join(deployFolder, "..", path)), path).toBe(true);
  });

  const checks = [
    ["the image", stringsOf("HEALTHCHECK")],
    ["compose.yaml", readCompose().services["worker-0"]?.healthcheck?.test.slice(1) ?? []],
  ] as const;
  it.each(checks)("is well as long as /livez says so, as %s asks", async (_, command) => {
    expect(await healthWith(command, 200)).toBe(0);
    expect(await healthWith(command, 503)).toBe(1);
  });
});
