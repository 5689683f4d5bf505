import { afterEach, describe, expect, it } from "vitest";
import {
  type LabRouter,
  type LabRouterOptions,
  type RouterEvent,
  startLabRouter,
} from "../../../../src/lab/junos/lab-router.ts";
import { generateHostKey } from "../../../../src/lab/junos/ssh-front.ts";
import { childText, findElement, serializeXml, type XmlElement } from "../../../../src/xml/element.ts";
import { type Login, openSession, type TestClient, verdict } from "./netconf-client.ts";

const cleanups: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(options: Partial<LabRouterOptions> = {}): Promise<LabRouter> {
  const router = await startLabRouter({
    name: "MX-2",
    base: "set system host-name r1\n",
    users: [{ user: "lab", password: "secret" }],
    ...options,
  });
  cleanups.push(() => router.stop());
  return router;
}

async function open(router: LabRouter, login: Partial<Login> = {}): Promise<TestClient> {
  const client = await openSession({ port: router.port, ...login });
  cleanups.push(() => client.close());
  return client;
}

const LOCK = "<lock><target><candidate/></target></lock>";
const UNLOCK = "<unlock><target><candidate/></target></unlock>";
const VALIDATE = "<validate><source><candidate/></source></validate>";
const editConfig = (xml: string) =>
  `<edit-config><target><candidate/></target><config><configuration>${xml}</configuration></config></edit-config>`;
const hostName = (name: string) => editConfig(`<system><host-name>${name}</host-name></system>`);
const getConfig = (source: string, filter = "") =>
  `<get-config><source><${source}/></source>${filter && `<filter type="subtree"><configuration>${filter}</configuration></filter>`}</get-config>`;
const nameOf = (reply: XmlElement) => childText(findElement(reply, "system") ?? reply, "host-name");

/** Resolves at the first event that fits. */
const eventOf = <K extends RouterEvent["kind"]>(router: LabRouter, kind: K) =>
  new Promise<Extract<RouterEvent, { kind: K }>>((resolve) => {
    const end = router.subscribe((event) => {
      if (event.kind !== kind) return;
      end();
      resolve(event as Extract<RouterEvent, { kind: K }>);
    });
  });

describe("a session", () => {
  it("is greeted as by Junos: two comments, base:1.0, no other base", async () => {
    const client = await open(await start());
    expect(client.greeting).toMatch(/^<!-- No zombies .*-->\n<!-- user lab, class j-super-user -->\n<hello /);
    expect(client.capabilities).toContain("http://xml.juniper.net/netconf/junos/1.0");
    expect(client.capabilities).toContain("urn:ietf:params:netconf:base:1.0");
    expect(client.capabilities).not.toContain("urn:ietf:params:netconf:base:1.1");
  });

  it("speaks chunked framing when both sides can", async () => {
    const client = await open(await start({ base11: true }), { base11: true });
    expect(nameOf(await client.rpc(getConfig("running")))).toBe("r1");
  });

  it("is opened with a key, and not with a wrong password or user", async () => {
    const privateKey = generateHostKey();
    const { publicKey } = await keyPair(privateKey);
    const router = await start({ users: [{ user: "lab", password: "secret", publicKey }] });
    const client = await open(router, { privateKey });
    expect(verdict(await client.rpc(LOCK))).toBe("ok");
    await expect(openSession({ port: router.port, password: "wrong" })).rejects.toThrow("authentication");
    await expect(openSession({ port: router.port, username: "nobody" })).rejects.toThrow("authentication");
    await expect(openSession({ port: router.port, privateKey: generateHostKey() })).rejects.toThrow("authentication");
  });

  it("answers pipelined requests in order", async () => {
    const client = await open(await start());
    const replies = await Promise.all([
      client.rpc(LOCK),
      client.rpc(hostName("r2")),
      client.rpc(getConfig("candidate")),
      client.rpc("<discard-changes/>"),
      client.rpc(getConfig("candidate")),
      client.rpc(UNLOCK),
    ]);
    expect(replies.map(verdict)).toEqual(["ok", "ok", "data", "ok", "data", "ok"]);
    expect(replies.map(nameOf)).toEqual([undefined, undefined, "r2", undefined, "r1", undefined]);
  });

  it("answers what it does not know, and what is no XML, with an error", async () => {
    const router = await start();
    const client = await open(router);
    expect(verdict(await client.rpc("<make-coffee/>"))).toMatch(/^operation-not-supported: /);
    await expect(client.rpc("<a></b>")).rejects.toThrow();
    await client.closed;
    expect(router.statistics().sessions).toEqual([]);
  });

  it("ends at close-session", async () => {
    const client = await open(await start());
    expect(verdict(await client.rpc("<close-session/>"))).toBe("ok");
    await client.close();
  });

  it("can be killed by another, which frees its lock and drops its changes", async () => {
    const router = await start();
    const [one, two] = [await open(router), await open(router)];
    await one.rpc(LOCK);
    await one.rpc(hostName("r2"));
    expect(verdict(await two.rpc(`<kill-session><session-id>${two.sessionId}</session-id></kill-session>`))).toMatch(
      /^invalid-value/,
    );
    expect(verdict(await two.rpc(`<kill-session><session-id>${one.sessionId}</session-id></kill-session>`))).toBe("ok");
    await one.closed;
    expect(verdict(await two.rpc(LOCK))).toBe("ok");
    expect(nameOf(await two.rpc(getConfig("candidate")))).toBe("r1");
  });
});

describe("the candidate", () => {
  it("is locked by one: the other one is told who", async () => {
    const router = await start();
    const [one, two] = [await open(router), await open(router)];
    await one.rpc(LOCK);
    const denied = await two.rpc(LOCK);
    expect(verdict(denied)).toMatch(/^lock-denied: configuration database locked by: lab terminal \(pid \d+\)/);
    expect(findElement(denied, "session-id")?.text).toBe(one.sessionId);
    for (const operation of [hostName("r2"), "<discard-changes/>", "<commit/>"]) {
      expect(verdict(await two.rpc(operation))).toMatch(/^lock-denied/);
    }
    expect(verdict(await two.rpc(UNLOCK))).toMatch(/^operation-failed/);
    await one.rpc(UNLOCK);
    expect(verdict(await two.rpc(LOCK))).toBe("ok");
    expect(router.statistics()).toMatchObject({ locks: 2, locksDenied: 1, sessionsOpened: 2, maxConcurrentEditors: 0 });
    // To ask for the lock is what a careful client does; to go on without it is not.
    const tried = ["edit", "discard changes", "commit"].map(
      (what) => `lab (session ${two.sessionId}) tried to ${what} while lab (session ${one.sessionId}) holds the lock`,
    );
    expect(router.statistics().violations).toEqual(tried);
  });

  it("is not locked while it holds somebody's changes, and two editors are written down", async () => {
    const router = await start();
    const [one, two] = [await open(router), await open(router)];
    await one.rpc(hostName("r2"));
    expect(verdict(await two.rpc(LOCK))).toBe("lock-denied: configuration database modified");
    expect(verdict(await two.rpc(hostName("r3")))).toBe("ok");
    const { violations, maxConcurrentEditors } = router.statistics();
    expect(maxConcurrentEditors).toBe(2);
    expect(violations).toEqual([
      `lab (session ${two.sessionId}) edited beside the uncommitted changes of lab (session ${one.sessionId})`,
    ]);
  });

  it("loses lock and changes of a session that ends", async () => {
    const router = await start();
    const one = await open(router);
    await one.rpc(LOCK);
    await one.rpc(hostName("r2"));
    const ended = eventOf(router, "session-closed");
    await one.close();
    await ended;
    const two = await open(router);
    expect(verdict(await two.rpc(LOCK))).toBe("ok");
    expect(nameOf(await two.rpc(getConfig("candidate")))).toBe("r1");
  });

  it("takes XML, text, set lines and rollbacks", async () => {
    const router = await start();
    const client = await open(router);
    const load = async (attributes: string, content: string) =>
      verdict(await client.rpc(`<load-configuration ${attributes}>${content}</load-configuration>`));
    const name = async () => nameOf(await client.rpc(getConfig("candidate")));
    expect(
      await load('action="merge"', "<configuration><system><host-name>xml</host-name></system></configuration>"),
    ).toBe("ok");
    expect(await name()).toBe("xml");
    expect(await load('format="text"', "<configuration-text>system { host-name text; }</configuration-text>")).toBe(
      "ok",
    );
    expect(await name()).toBe("text");
    expect(await load('action="set"', "<configuration-set>set system host-name set</configuration-set>")).toBe("ok");
    expect(await name()).toBe("set");
    expect(await load('rollback="0"', "")).toBe("ok");
    expect(await name()).toBe("r1");
    expect(await load('format="text"', "<configuration-text>system {\n host-name ;\n}</configuration-text>")).toMatch(
      /^operation-failed: line 2: syntax error/,
    );
    expect(await load('rollback="7"', "")).toMatch(/^invalid-value/);
  });

  it("is left as it was by a load that fails, unless the router loads in part", async () => {
    const half = editConfig("<system><host-name>r2</host-name></system><no-such/>");
    for (const [partialLoad, expected] of [
      [false, "r1"],
      [true, "r2"],
    ] as const) {
      const client = await open(await start({ partialLoad }));
      expect(verdict(await client.rpc(half))).toBe("operation-failed: syntax error");
      expect(nameOf(await client.rpc(getConfig("candidate")))).toBe(expected);
    }
  });

  it("is compared with running on request", async () => {
    const client = await open(await start());
    await client.rpc(hostName("r2"));
    const reply = await client.rpc('<get-configuration compare="rollback" rollback="0"/>');
    expect(findElement(reply, "configuration-output")?.text).toBe(
      "[edit system]\n-   host-name r1;\n+   host-name r2;",
    );
    const text = await client.rpc('<get-configuration format="text" database="committed"/>');
    expect(findElement(text, "configuration-text")?.text).toBe("system {\n    host-name r1;\n}");
  });
});

describe("a commit", () => {
  it("is refused with the statement that stands against it, and changes nothing", async () => {
    const router = await start();
    const client = await open(router);
    await client.rpc(
      editConfig(
        "<interfaces><interface><name>ae0</name><unit><name>5</name><apply-groups>NONE</apply-groups></unit></interface></interfaces>",
      ),
    );
    for (const operation of [VALIDATE, "<commit/>", "<commit-configuration><check/></commit-configuration>"]) {
      const reply = await client.rpc(operation);
      expect(verdict(reply)).toBe("operation-failed: group 'NONE' is not defined");
      expect(findElement(reply, "error-path")?.text).toBe("[edit interfaces ae0 unit 5]");
      expect(findElement(reply, "bad-element")?.text).toBe("apply-groups NONE");
    }
    expect(router.isAtBase()).toBe(true);
    expect(router.statistics()).toMatchObject({ commits: 0, commitsFailed: 1 });
  });

  it("is kept in the history with its log", async () => {
    const client = await open(await start());
    await client.rpc(hostName("r2"));
    expect(verdict(await client.rpc("<commit-configuration><log>job 7</log></commit-configuration>"))).toBe("ok");
    const reply = await client.rpc("<get-commit-information/>");
    const entries = findElement(reply, "commit-information")?.children.map((entry) =>
      ["sequence-number", "user", "client", "log"].map((name) => childText(entry, name)),
    );
    expect(entries).toEqual([
      ["0", "lab", "netconf", "job 7"],
      ["1", "root", "other", undefined],
    ]);
  });

  it("that is confirmed stays", async () => {
    const router = await start();
    const client = await open(router);
    await client.rpc(hostName("r2"));
    expect(verdict(await client.rpc("<commit><confirmed/><confirm-timeout>600</confirm-timeout></commit>"))).toBe("ok");
    expect(router.pendingDeadline()).toBeGreaterThan(0);
    expect(verdict(await (await open(router)).rpc("<commit/>"))).toBe("ok");
    expect(router.pendingDeadline()).toBeUndefined();
    expect(router.compareWithBase()).toBe("[edit system]\n-   host-name r1;\n+   host-name r2;\n");
    expect(router.setWithBase()).toBe("set system host-name r2\n");
  });

  it("that is not confirmed is taken back, although its session has gone", async () => {
    const router = await start({ secondMs: 10 });
    const client = await open(router);
    const committed = eventOf(router, "commit");
    const rolledBack = eventOf(router, "rollback");
    await client.rpc(hostName("r2"));
    await client.rpc("<commit><confirmed/><confirm-timeout>5</confirm-timeout></commit>");
    await client.close();
    expect((await committed).confirmedWithinMs).toBe(50);
    expect((await rolledBack).commit).toMatchObject({ user: "root", client: "other" });
    expect(router.isAtBase()).toBe(true);
    expect(router.history().map(({ log }) => log)).toEqual([
      "automatic rollback: the commit was not confirmed in time",
      "",
      "",
    ]);
    expect(router.statistics().automaticRollbacks).toBe(1);
  });

  it("counts the confirm timeout of commit-configuration in minutes", async () => {
    const router = await start({ secondMs: 1 });
    const client = await open(router);
    await client.rpc(hostName("r2"));
    const committed = eventOf(router, "commit");
    await client.rpc("<commit-configuration><confirmed/><confirm-timeout>20</confirm-timeout></commit-configuration>");
    expect((await committed).confirmedWithinMs).toBe(1200);
    expect(verdict(await client.rpc("<cancel-commit/>"))).toBe("ok");
    expect(router.isAtBase()).toBe(true);
  });

  it("can be taken back by a rollback and another commit", async () => {
    const router = await start();
    const client = await open(router);
    await client.rpc(hostName("r2"));
    await client.rpc("<commit/>");
    await client.rpc('<load-configuration rollback="1"/>');
    expect(verdict(await client.rpc("<commit/>"))).toBe("ok");
    expect(router.isAtBase()).toBe(true);
  });
});

describe("reading", () => {
  it("gives the part that the filter selects, with the keys of the entries", async () => {
    const router = await start({
      base: [
        "set interfaces ae0 unit 5 vlan-id 5",
        "set interfaces ae0 unit 5 family inet address 10.0.0.1/24 vrrp-group 20 priority 105",
        "set interfaces ae0 unit 6 vlan-id 6",
        "set interfaces ae1 mtu 9000",
        "set system host-name r1",
      ].join("\n"),
    });
    const client = await open(router);
    const select = async (filter: string) => {
      const configuration = findElement(await client.rpc(getConfig("running", filter)), "configuration");
      return configuration?.children.map((each) => serializeXml(each, configuration.namespace)).join("");
    };
    expect(
      await select("<interfaces><interface><name>ae0</name><unit><name>5</name></unit></interface></interfaces>"),
    ).toBe(
      "<interfaces><interface><name>ae0</name><unit><name>5</name><vlan-id>5</vlan-id><family><inet><address><name>10.0.0.1/24</name><vrrp-group><name>20</name><priority>105</priority></vrrp-group></address></inet></family></unit></interface></interfaces>",
    );
    expect(await select("<interfaces><interface><name/></interface></interfaces>")).toBe(
      "<interfaces><interface><name>ae0</name></interface><interface><name>ae1</name></interface></interfaces>",
    );
    expect(await select("<interfaces><interface><name>ae9</name></interface></interfaces>")).toBe("");
    expect(await select("<interfaces/><system/>")).toContain("<system><host-name>r1</host-name></system>");
  });

  it("gives VRRP, BGP, interfaces and counters", async () => {
    const router = await start({
      base: [
        "set interfaces ae0 unit 5 vlan-id 5",
        "set interfaces ae0 unit 5 family inet filter input F",
        "set interfaces ae0 unit 5 family inet address 10.0.0.2/24 vrrp-group 20 virtual-address 10.0.0.1",
        "set firewall family inet filter F interface-specific",
        "set firewall family inet filter F term t then count c",
        "set routing-instances vrf instance-type virtual-router",
        "set routing-instances vrf interface ae0.5",
        "set routing-instances vrf routing-options autonomous-system 65101",
        "set routing-instances vrf protocols bgp group g local-address 10.0.0.2",
        "set routing-instances vrf protocols bgp group g peer-as 9598",
        "set routing-instances vrf protocols bgp group g neighbor 10.0.0.9",
      ].join("\n"),
    });
    const client = await open(router);
    const fields = async (operation: string, container: string, ...names: string[]) => {
      const found = findElement(await client.rpc(operation), container);
      return found && names.map((name) => childText(found, name));
    };
    expect(
      await fields(
        "<get-vrrp-information/>",
        "vrrp-interface",
        "interface",
        "group",
        "vrrp-state",
        "virtual-ip-address",
      ),
    ).toEqual(["ae0.5", "20", "master", "10.0.0.1"]);
    expect(
      await fields(
        "<get-bgp-neighbor-information><neighbor-address>10.0.0.9</neighbor-address><instance>vrf</instance></get-bgp-neighbor-information>",
        "bgp-peer",
        "peer-address",
        "peer-state",
        "peer-cfg-rti",
      ),
    ).toEqual(["10.0.0.9+179", "Established", "vrf"]);
    expect(
      await fields(
        "<get-bgp-neighbor-information><neighbor-address>10.0.0.8</neighbor-address></get-bgp-neighbor-information>",
        "bgp-peer",
      ),
    ).toBeUndefined();
    expect(
      await fields(
        "<get-interface-information><interface-name>ae0.5</interface-name></get-interface-information>",
        "logical-interface",
        "name",
        "oper-status",
      ),
    ).toEqual(["ae0.5", "up"]);
    const [name, bytes] =
      (await fields(
        "<get-firewall-filter-information><filtername>F-ae0.5-i</filtername></get-firewall-filter-information>",
        "counter",
        "counter-name",
        "byte-count",
      )) ?? [];
    expect(name).toBe("c-ae0.5-i");
    expect(Number(bytes)).toBeGreaterThanOrEqual(0);
    expect(await fields("<get-system-information/>", "system-information", "os-version")).toEqual(["16.1R1.7"]);
  });
});

async function keyPair(privateKey: string): Promise<{ publicKey: string }> {
  const { default: ssh2 } = await import("ssh2");
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return { publicKey: `ssh-ed25519 ${key.getPublicSSH().toString("base64")}` };
}
