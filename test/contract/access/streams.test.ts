import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestSystem } from "../../scenario/support/running-system.ts";

const tenant = "1".repeat(32);
const key = "a key of the issuer, of at least 32 bytes";
const feeds = [
  ["/signalbox/v1/transitions?follow=true", "application/x-ndjson"],
  ["/signalbox/v1/transitions?follow=true", "text/event-stream"],
  ["/signalbox/v1/events", "text/event-stream"],
  ["/signalbox/v1/devices/events", "text/event-stream"],
] as const;
const documents = ["/signalbox/v1/documents/watch", "application/x-ndjson"] as const;

let folder: string;
let system: TestSystem;

type Entry = { name: string; role: string; tenant?: string; token: string };
const reader: Entry = { name: "acme", role: "reader", tenant, token: "a-token-of-a-reader" };
const operator: Entry = { name: "ops", role: "operator", token: "a-token-of-an-operator" };

async function give(...tokens: Entry[]): Promise<void> {
  await writeFile(join(folder, "next"), JSON.stringify({ tokens }), { mode: 0o600 });
  await rename(join(folder, "next"), join(folder, "tokens.json"));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "signalbox-streams-"));
  await give(reader, operator);
  await writeFile(join(folder, "key"), key, { mode: 0o600 });
  const access = {
    tokens_file: join(folder, "tokens.json"),
    jwt: { key_file: join(folder, "key") },
    streams_per_caller: 5,
    streams_per_tenant: 7,
  };
  const config = join(folder, "signalbox.json");
  await writeFile(config, JSON.stringify({ access }), { mode: 0o600 });
  system = await TestSystem.start({ config, lab: false });
});
afterAll(async () => {
  await system?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Opened {
  readonly status: number;
  readonly headers: Headers;
  /** All that came, when it has ended. */
  readonly rest: Promise<string>;
  close(): void;
}

async function open(token: string, [path, accept]: readonly [string, string]): Promise<Opened> {
  const closing = new AbortController();
  const headers = { accept, "x-auth-token": token };
  const answer = await fetch(`${system.url}${path}`, { headers, signal: closing.signal });
  const rest = (async () => {
    let text = "";
    try {
      for await (const piece of answer.body ?? []) text += Buffer.from(piece).toString();
    } catch {
      // Cut off.
    }
    return text;
  })();
  return { status: answer.status, headers: answer.headers, rest, close: () => closing.abort() };
}

async function expectEnd(opened: Opened, accept: string): Promise<void> {
  const text = await opened.rest;
  const words =
    accept === "text/event-stream"
      ? /event: problem\ndata: .*SB_UNAUTHENTICATED.*\n\n$/
      : /\{"problem":\{.*SB_UNAUTHENTICATED.*\}\n$/;
  expect([accept, text]).toEqual([accept, expect.stringMatching(words)]);
}

describe("an open stream ends when", () => {
  it("its token is taken back, and no other's does", async () => {
    await give(reader, operator);
    const all = [...feeds, documents];
    const theirs = await Promise.all(feeds.map((feed) => open(reader.token, feed)));
    const operators = await Promise.all(all.map((feed) => open(operator.token, feed)));
    expect([...theirs, ...operators].map(({ status }) => status)).toEqual([
      200, 200, 200, 200, 200, 200, 200, 200, 200,
    ]);
    await give(operator);
    for (const [at, opened] of theirs.entries()) await expectEnd(opened, feeds[at]?.[1] ?? "");
    const still = await Promise.race([
      ...operators.map(({ rest }) => rest.then(() => "ended")),
      Promise.resolve("open"),
    ]);
    expect(still).toBe("open");
    await give({ ...operator, role: "reader", tenant });
    for (const [at, opened] of operators.entries()) await expectEnd(opened, all[at]?.[1] ?? "");
  });

  it("its signed token expires", async () => {
    const sign = (seconds: number) =>
      new SignJWT({ role: "reader", tenant_id: tenant })
        .setProtectedHeader({ alg: "HS256" })
        .setSubject("signed")
        .setExpirationTime(Math.floor(Date.now() / 1_000) + seconds)
        .sign(new TextEncoder().encode(key));
    const short = await sign(2);
    const opened = await Promise.all(feeds.map((feed) => open(short, feed)));
    expect(opened.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    for (const [at, each] of opened.entries()) await expectEnd(each, feeds[at]?.[1] ?? "");
    // Clocks may be apart, so that a request with it is still taken; a stream would end at once.
    expect((await open(short, feeds[0])).status).toBe(401);
  });
});

it("one caller and one tenant have as many streams as they may have, and operators theirs", async () => {
  const other: Entry = { ...reader, name: "acme-2", token: "a-token-of-a-second-reader" };
  await give(reader, other, operator);
  const opened: Opened[] = [];
  const statuses = async (token: string, count: number) => {
    const seen: number[] = [];
    for (let at = 0; at < count; at += 1) {
      const one = await open(token, feeds[at % feeds.length] ?? feeds[0]);
      seen.push(one.status);
      opened.push(one);
    }
    return seen;
  };
  // The token that came back is known within a second.
  while ((await fetch(`${system.url}/v2.0/networks`, { headers: { "x-auth-token": other.token } })).status === 401);
  expect(await statuses(reader.token, 6)).toEqual([200, 200, 200, 200, 200, 429]);
  const refused = opened.at(-1);
  expect(refused?.headers.get("retry-after")).toBe("1");
  expect(await refused?.rest).toContain("SB_TOO_MANY_STREAMS");
  expect(await statuses(other.token, 3)).toEqual([200, 200, 429]);
  expect(await statuses(operator.token, 2)).toEqual([200, 200]);
  for (const one of opened) one.close();
  await Promise.all(opened.map(({ rest }) => rest));
});
