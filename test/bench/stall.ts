import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseJson } from "../../src/adapters/api/parse-json.ts";
import type { Benchmark, BenchReport } from "./benchmark.ts";
import { buildProgram } from "./build-program.ts";
import { type ChildSystem, startLabProcess, startOrchestrator, writeLabConfiguration } from "./child-system.ts";
import { type StallShape, stallShapes } from "./stall-shapes.ts";

const TENANT = "0123456789abcdef0123456789abcdef";
const ROLES = ["admin", "operator", "member", "reader"] as const;
type Role = (typeof ROLES)[number];
/** Between two looks. */
const LOOK_MS = 5;
const GOAL_MS = 250;

/** The longest that `/livez` takes while one request is under way, for requests of every shape by every role. */
export const stallBenchmark: Benchmark = {
  name: "stall",
  title: "What one request keeps a process from",
  async run({ quick, say }): Promise<BenchReport> {
    if (!quick) await buildProgram(say);
    const folder = mkdtempSync(join(tmpdir(), "signalbox-stall-"));
    const lab = await startLabProcess({ built: !quick });
    let system: ChildSystem | undefined;
    try {
      system = await startOrchestrator({
        built: !quick,
        data: join(folder, "data"),
        config: await configure(lab, folder),
      });
      const resources = await seed(system.url, quick ? 1 : 20);
      say(`${resources} resources to list`);
      const idle = await idleFigure(system.url, quick ? 500 : 10_000);
      const rows: string[][] = [];
      let worst = 0;
      for (const shape of stallShapes) {
        const figures: string[] = [];
        for (const role of ROLES) {
          const { ms, status } = await stallOf(system.url, shape, role);
          worst = Math.max(worst, ms);
          figures.push(`${ms.toFixed(0)} (${status})`);
        }
        say(`${shape.name}: ${figures.join(", ")}`);
        rows.push([shape.name, ...figures]);
      }
      return {
        tables: [
          {
            caption: `The worst /livez while a request is under way, ms, and the status of its answer; idle ${idle.toFixed(0)} ms, with ${resources} resources`,
            headings: ["request", ...ROLES],
            rows: [...rows, ["the worst of all", worst.toFixed(0), "", "", ""]],
          },
          {
            caption: "Reading JSON of 1 MB, ms, the best of 9",
            headings: ["text", "JSON.parse", "with places, limits and members that are there twice", "ratio"],
            rows: readerRows(),
          },
        ],
        notes: [
          `Goals: the worst below ${GOAL_MS} ms, and JSON read at not less than a third of JSON.parse. The program is a process of its own; /livez is asked ` +
            `${LOOK_MS} ms after its last answer, from the process that sends the request. Idle is the worst of as many looks with nothing sent.`,
        ],
      };
    } finally {
      await system?.stop();
      await lab.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

const tokenOf = (role: Role) => `the-${role}-of-this-benchmark`;

async function configure(lab: ChildSystem, folder: string): Promise<string> {
  const file = await writeLabConfiguration(lab, folder);
  const tokens = ROLES.map((role) => ({
    name: role,
    role,
    token: tokenOf(role),
    ...(role === "member" || role === "reader" ? { tenant: TENANT } : {}),
  }));
  const tokensFile = join(folder, "tokens.json");
  writeFileSync(tokensFile, JSON.stringify({ tokens }), { mode: 0o600 });
  const configuration = JSON.parse(readFileSync(file, "utf8")) as object;
  writeFileSync(file, JSON.stringify({ ...configuration, access: { tokens_file: tokensFile } }), { mode: 0o600 });
  return file;
}

/** Makes thousands of what has no work to do, so that there is something to list. */
async function seed(url: string, thousands: number): Promise<number> {
  for (let at = 0; at < thousands; at += 1) {
    const items = Array.from({ length: 1000 }, (_, each) => ({
      name: `stall-${at}-${each}`,
      tenant_id: TENANT,
      uplink_interfaces: [],
      downlink_interfaces: [],
    }));
    const body = Buffer.from(JSON.stringify({ vpn_services: items }));
    const shape = { name: "seed", method: "POST", path: "/v2.0/vpn_services/bulk" } as const;
    const status = await send(url, shape, "admin", body);
    if (status !== 200) throw new Error(`the resources to list were not made: ${status}`);
  }
  return thousands * 1000;
}

/** The worst look while nothing is sent. */
async function idleFigure(url: string, ms: number): Promise<number> {
  const looks = new Looks(url);
  await sleep(ms);
  return looks.worst();
}

async function stallOf(url: string, shape: StallShape, role: Role): Promise<{ ms: number; status: number }> {
  const body = shape.body?.();
  const looks = new Looks(url);
  await looks.begun;
  const status = await send(url, shape, role, body);
  // What the request has left behind counts, too.
  await sleep(10 * LOOK_MS);
  return { ms: await looks.worst(), status };
}

/** Looks at /livez again and again. */
class Looks {
  readonly begun: Promise<void>;
  #worst = 0;
  #over = false;
  readonly #done: Promise<void>;

  constructor(url: string) {
    let first = () => {};
    this.begun = new Promise((resolve) => {
      first = resolve;
    });
    this.#done = this.#look(url, first);
  }

  async worst(): Promise<number> {
    this.#over = true;
    await this.#done;
    return this.#worst;
  }

  async #look(url: string, first: () => void): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let at = 0; !this.#over; at += 1) {
      const start = performance.now();
      const sent = request(`${url}/livez`, { agent });
      sent.end();
      const [answer] = (await once(sent, "response")) as [IncomingMessage];
      answer.resume();
      await once(answer, "end");
      // The first one opens the connection.
      if (at > 0) this.#worst = Math.max(this.#worst, performance.now() - start);
      first();
      await sleep(LOOK_MS);
    }
    agent.destroy();
  }
}

async function send(url: string, shape: StallShape, role: Role, body: Buffer | undefined): Promise<number> {
  const { method, path, headers, chunked = false } = shape;
  // Kept open, so that the server reads what it does not want and its answer arrives.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const sent = request(`${url}${path}`, {
    method,
    agent,
    headers: {
      "x-auth-token": tokenOf(role),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(body === undefined || chunked ? {} : { "content-length": body.length }),
      ...headers,
    },
  });
  let status = 0;
  const writable = () => {};
  sent.on("drain", () => writable());
  const answered = new Promise<void>((resolve) => {
    // The server may answer, and leave, before it has read all.
    sent.on("error", () => resolve());
    sent.once("response", (answer) => {
      status = answer.statusCode ?? 0;
      answer.resume();
      answer.once("close", () => resolve());
    });
  });
  for (let at = 0; body !== undefined && at < body.length; at += 65_536) {
    if (!sent.write(body.subarray(at, at + 65_536)))
      await Promise.race([once(sent, "drain").catch(() => {}), answered]);
  }
  sent.end();
  await answered;
  agent.destroy();
  return status;
}

/** Of texts of each kind: what JSON.parse takes for them, and what the gateway's reader does. */
function readerRows(): string[][] {
  const bytes = 2 ** 20;
  const list = (item: (at: number) => string, length: number) => {
    const items: string[] = [];
    for (let at = 0, size = 0; size < bytes; at += 1, size += length) items.push(item(at));
    return `[${items.join(",")}]`;
  };
  const texts: ReadonlyArray<readonly [string, string]> = [
    [
      "resources",
      list((at) => JSON.stringify({ name: `n${at}`, vrid: at % 255, shared: false, tags: { a: "b" } }), 60),
    ],
    ["other names in each object", list((at) => `{"a${at}":1,"b${at}":2}`, 24)],
    ["numbers", list((at) => String(at % 10), 2)],
    ["empty objects", list(() => "{}", 3)],
    ["short texts", list(() => '"ab"', 5)],
    ["one long text", JSON.stringify("x".repeat(bytes))],
    ["escapes", JSON.stringify('"\\'.repeat(bytes / 4))],
    ["other alphabets", JSON.stringify("日本é".repeat(bytes / 8))],
  ];
  return texts.map(([name, text]) => {
    const content = Buffer.from(text);
    const plain = best(() => JSON.parse(content.toString("utf8")));
    const own = best(() => parseJson(content));
    return [name, plain.toFixed(2), own.toFixed(2), (plain / own).toFixed(2)];
  });
}

function best(run: () => unknown): number {
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at < 9; at += 1) {
    const start = performance.now();
    run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}
