import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadTemplates } from "../../src/adapters/templates/load-templates.ts";
import { followTransitions } from "../../src/cli/follow-transitions.ts";
import { GatewayClient } from "../../src/cli/gateway-client.ts";
import { replayScenario, settle } from "../../src/cli/replay-scenario.ts";
import { ResourceTracker } from "../../src/cli/resource-tracker.ts";
import { readScenario, type Scenario } from "../../src/cli/scenario-file.ts";
import { MainProcess } from "../fault/main-process.ts";
import { withStore } from "../fault/read-store.ts";
import { ClusterProcesses } from "../scenario/support/cluster-processes.ts";
import { everyTypeScenario } from "../scenario/support/every-type.ts";
import { type Found, KnownSecrets } from "../scenario/support/known-secrets.ts";
import { demoScenario } from "../scenario/support/running-system.ts";

const { catalogue } = loadTemplates();
const secretFields = new Map(
  [...catalogue.types.values()].flatMap(({ type, fields }) => {
    const names = Object.keys(fields).filter((name) => fields[name]?.secret === true);
    return names.length === 0 ? [] : [[type, names] as const];
  }),
);
/** What MainProcess keeps of a process's output. */
const MOST_LINES = 5000;

let secrets: KnownSecrets;
beforeEach(() => {
  secrets = new KnownSecrets();
});

async function replayed(url: string, scenario: Scenario): Promise<void> {
  const client = new GatewayClient(url);
  const tracker = new ResourceTracker();
  const stopping = new AbortController();
  const following = (async () => {
    for await (const transition of followTransitions(client, 1, stopping.signal)) tracker.add(transition);
  })();
  try {
    await replayScenario(client, scenario, { tracker, timeoutMs: 60_000, onRequest: () => {}, onDone: () => {} });
    expect(await settle(tracker, 60_000)).toEqual([]);
  } finally {
    stopping.abort();
    await following;
  }
}

/** Requests that bring secrets along and are refused in as many ways: what is told of them is searched too. */
async function refusals(url: string): Promise<Found[]> {
  const { body } = (await readScenario(demoScenario)).requests.find(({ path }) => path === "/v2.0/edge_routers") ?? {};
  const { edge_router: router } = body as { edge_router: Record<string, unknown> };
  const secret = () => secrets.make("refused");
  const bodies: readonly unknown[] = [
    { edge_router: { ...router, password: secret() } },
    { edge_router: { ...router, ip: "none", password: secret() } },
    { edge_router: { ...router, password: [secret()] } },
    { edge_router: { ...router, password: { [secret()]: 1 } } },
    { edge_router: { ...router, passwort: secret() } },
    { edge_router: { ...router, ip: "10.79.5.199", password: `${secret()}\u0007` } },
    { edge_router: { ...router, ip: "10.79.5.199", password: `sb2~${secret()}` } },
    `{"edge_router": {"password": "${secret().slice(3)}`,
    `{"edge_router": {"password": ${secret().slice(3)}}}`,
    secret().slice(3),
  ];
  const found: Found[] = [];
  for (const [at, sent] of bodies.entries()) {
    const answer = await fetch(`${url}/v2.0/edge_routers`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof sent === "string" ? sent : JSON.stringify(sent),
    });
    expect([at, answer.ok]).toEqual([at, false]);
    found.push(...secrets.inText(`answer to refused request ${at}`, await answer.text()));
  }
  return found;
}

/** A creation that a router rejects, naming the statement with the key. */
async function rejectedByRouter(url: string, scenario: Scenario): Promise<void> {
  const asked = scenario.requests.find(({ path }) => path === "/v2.0/vpn_interfaces");
  const { vpn_interfaces: made } = (await (await fetch(`${url}/v2.0/vpn_interfaces`)).json()) as {
    vpn_interfaces: Array<Record<string, unknown>>;
  };
  const [one] = made;
  if (asked === undefined || one === undefined) return;
  const stopping = new AbortController();
  const until = async (id: string, state: string) => {
    for await (const transition of followTransitions(new GatewayClient(url), 1, stopping.signal)) {
      if (transition.id === id && transition.state === state) return;
    }
  };
  const send = (method: string, path: string, body?: object) =>
    fetch(`${url}${path}`, {
      method,
      headers: { "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
  expect((await send("DELETE", `/v2.0/vpn_interfaces/${one["id"]}`)).status).toBe(204);
  await until(String(one["id"]), "deleted");
  for (const router of ["MX-1", "MX-2"]) {
    const fault = { kind: "reject", statement: "authentication-key", at: "load" };
    expect((await send("POST", `/lab/routers/${router}/faults`, fault)).ok).toBe(true);
  }
  const { vpn_interface: fields } = asked.body as { vpn_interface: Record<string, unknown> };
  const again = Object.fromEntries(
    Object.keys(fields).map((name) => [name, name === "bgp_md5" ? secrets.make("rejected") : one[name]]),
  );
  const answer = await send("POST", "/v2.0/vpn_interfaces", { vpn_interface: again });
  expect(answer.status).toBe(201);
  const { vpn_interface: view } = (await answer.json()) as { vpn_interface: { id: string } };
  await until(view.id, "create_failed");
  stopping.abort();
}

/** Everything that the API shows. */
async function shown(url: string): Promise<Found[]> {
  const pages = ["/signalbox/v1/transitions", "/signalbox/v1/documents?prefix=%2F", "/signalbox/v1/audit?limit=1000"];
  for (const { collection } of catalogue.types.values()) {
    pages.push(`/v2.0/${collection}`);
    const list = (await (await fetch(`${url}/v2.0/${collection}`)).json()) as Record<string, Array<{ id: string }>>;
    for (const { id } of list[collection] ?? [])
      pages.push(`/v2.0/${collection}/${id}`, `/v2.0/${collection}/${id}/history`);
  }
  const found: Found[] = [];
  for (const page of pages) {
    const answer = await fetch(`${url}${page}`);
    expect([page, answer.status]).toEqual([page, 200]);
    found.push(...secrets.inText(page, await answer.text()));
  }
  return found;
}

function said(lines: readonly string[], where: string): Found[] {
  // What was said first would be forgotten otherwise.
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.length).toBeLessThan(MOST_LINES);
  return secrets.inText(where, lines.join("\n"));
}

/** The store read by its own program: it compresses what is large. */
function stored(data: string): Promise<Found[]> {
  return withStore(join(data, "store"), async ({ log, documents }) => {
    const found: Found[] = [];
    for await (const record of log.read(1))
      found.push(...secrets.inText(`record ${record.seq}`, JSON.stringify(record)));
    for (const document of await documents.range("/")) {
      found.push(...secrets.inText(`document ${document.key}`, JSON.stringify(document)));
    }
    return found;
  });
}

describe("one process with its own stores", () => {
  let data: string;
  beforeEach(async () => {
    data = await mkdtemp(join(tmpdir(), "signalbox-secrets-"));
  });
  afterEach(() => rm(data, { recursive: true, force: true }));

  /** Runs it, and answers where secrets were found in the end. The lab's own folder is left out: devices know their passwords. */
  async function run(how: readonly string[], work: (url: string) => Promise<Found[]>): Promise<Found[]> {
    const args = ["up", "--lab", "--data", data, "--http", "127.0.0.1:0", ...how];
    const process = new MainProcess(args);
    const found: Found[] = [];
    try {
      const [, url = ""] = await process.says(/^Signalbox is up at (\S+)$/);
      found.push(...(await work(url)));
    } finally {
      process.signal("SIGTERM");
      await process.ended;
    }
    found.push(...said(process.lines, "output"), ...(await secrets.inFolder(data, ["lab"])), ...(await stored(data)));
    return found;
  }

  it("writes no secret of any type in the clear, whatever requests do, refused ones too", {
    timeout: 180_000,
  }, async () => {
    const scenario = secrets.planted(await everyTypeScenario(), secretFields);
    const found = await run(["--log-level", "debug"], async (url) => {
      await replayed(url, scenario);
      const refused = await refusals(url);
      await rejectedByRouter(url, scenario);
      return [...refused, ...(await shown(url))];
    });
    expect(found).toEqual([]);
    const wanted = [...secretFields].flatMap(([type, names]) => names.map((name) => `${type}.${name}`));
    expect([...secrets.purposes].sort()).toEqual([...wanted, "refused", "rejected"].sort());
    expect(secrets.searched.places).toBeGreaterThan(500);
  });

  it("is found out where it does: in its store, its documents and its records", { timeout: 60_000 }, async () => {
    const scenario = secrets.planted(await readScenario(demoScenario), secretFields);
    const first = { ...scenario, requests: scenario.requests.slice(0, 1) };
    const found = await run(["--plain-secrets", "--log-level", "debug"], async (url) => {
      await replayed(url, first);
      return shown(url);
    });
    const where = (part: RegExp) => found.filter(({ where, as }) => as === "utf8" && part.test(where)).length;
    expect(where(/\/store\//)).toBeGreaterThan(0);
    expect(where(/^record /)).toBeGreaterThan(0);
    expect(where(/^document /)).toBeGreaterThan(0);
    expect(new Set(found.map(({ secret }) => secret))).toEqual(new Set(["ese_device.password"]));
  });
});

describe("processes of single roles on NATS and etcd", () => {
  async function run(key: string | undefined, requests: number): Promise<Found[]> {
    const scenario = secrets.planted(await readScenario(demoScenario), secretFields);
    const cluster = await ClusterProcesses.open({ readable: true, ...(key === undefined ? {} : { key }) });
    try {
      await cluster.startEach(1);
      await replayed(cluster.url, { ...scenario, requests: scenario.requests.slice(0, requests) });
      const found = [...(key === undefined ? [] : await refusals(cluster.url)), ...(await shown(cluster.url))];
      await cluster.stopMembers();
      for (const { role, process } of cluster.members) found.push(...said(process.lines, `output of ${role}`));
      expect(cluster.written.length).toBe(2 + cluster.members.length);
      for (const folder of cluster.written) found.push(...(await secrets.inFolder(folder)));
      return found;
    } finally {
      await cluster.close();
    }
  }

  it("write no secret in the clear, nor do their servers", { timeout: 180_000 }, async () => {
    expect(await run(randomBytes(32).toString("hex"), Number.POSITIVE_INFINITY)).toEqual([]);
    expect(secrets.searched.bytes).toBeGreaterThan(1_000_000);
  });

  it("are found out where they do: in the files of NATS and of etcd", { timeout: 120_000 }, async () => {
    const found = await run(undefined, 1);
    const folders = new Set(found.flatMap(({ where }) => /signalbox-(nats|etcd)-/.exec(where)?.[1] ?? []));
    expect([...folders].sort()).toEqual(["etcd", "nats"]);
  });
});

describe("the search", () => {
  it.each(["utf8", "utf16le", "hex", "base64"] as const)(
    "finds a secret that is written in %s, wherever it stands",
    (encoding) => {
      const secret = secrets.make("planted");
      for (const before of ["", "a", "ab", "abc"]) {
        const text = Buffer.from(`${before}${secret} and more`);
        const bytes =
          encoding === "utf16le"
            ? Buffer.from(text.toString(), "utf16le")
            : Buffer.from(encoding === "utf8" ? text.toString() : text.toString(encoding));
        const found = secrets.inBytes("here", Buffer.concat([Buffer.alloc(1001, 7), bytes]));
        expect(found.map(({ as }) => as).join()).toContain(encoding);
      }
      expect(secrets.inText("here", "nothing")).toEqual([]);
    },
  );

  it("finds it in what JSON, XML and URLs make of it", () => {
    const secret = secrets.make("planted");
    const xml = secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
    for (const text of [
      JSON.stringify({ secret }),
      JSON.stringify(JSON.stringify(secret)),
      xml,
      encodeURIComponent(secret),
    ]) {
      expect(secrets.inText("here", text)).toHaveLength(1);
    }
  });
});
