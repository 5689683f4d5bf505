import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { JobView, TransitionView } from "../../../src/actors/gateway-api.ts";
import { timingSummary } from "../../../src/cli/demo-report.ts";
import { progressOn } from "../../../src/cli/replay-progress.ts";
import { outcomeOf, ResourceTracker, shortfall } from "../../../src/cli/resource-tracker.ts";
import { readScenario, type ScenarioRequest, withRealIds } from "../../../src/cli/scenario-file.ts";
import { parseHostPort } from "../../../src/cli/system-options.ts";
import { waitUntilActive } from "../../../src/cli/wait-for-resource.ts";

const a = "11111111-1111-4111-8111-111111111111";
const b = "22222222-2222-4222-8222-222222222222";
const ids = new Map([
  [a, "real-a"],
  [b, "real-b"],
  ["gw", "real-gw"],
]);
const demo = new URL("../../../templates/_demo/vpn_gateway.json", import.meta.url);

function transition(more: Partial<TransitionView>): TransitionView {
  return {
    seq: 1,
    time: 0,
    type: "port",
    id: a,
    name: "p",
    version: 1,
    event: "CREATE",
    state: "create.working",
    status: "PENDING_CREATE",
    orchestrationState: "",
    operationalState: "NO_STATE",
    jobs: [],
    error: "",
    deleted: false,
    ...more,
  };
}
const job = (more: Partial<JobView>): JobView => ({
  id: "j",
  action: "create",
  handler: "monitoring_worker",
  phase: "working",
  waitsFor: [],
  attempt: 1,
  devices: [],
  ...more,
});

describe("ids of a scenario", () => {
  it("become the real ones in paths, values, lists, texts and member names", () => {
    const request: ScenarioRequest = {
      method: "PUT",
      path: `/v2.0/gw_interfaces/gw?network_id=${a}`,
      creates: a,
      body: { x: { id: a, list: [b, 1, null], text: `port_${a}:${b}`, [b]: true, gw: "gateway gw" } },
    };
    expect(withRealIds(request, ids)).toEqual({
      method: "PUT",
      path: "/v2.0/gw_interfaces/real-gw?network_id=real-a",
      creates: a,
      body: {
        x: {
          id: "real-a",
          list: ["real-b", 1, null],
          text: "port_real-a:real-b",
          "real-b": true,
          "real-gw": "gateway gw",
        },
      },
    });
  });

  it("stay as they are when nothing created them, and the scenario is not changed", () => {
    const request: ScenarioRequest = { method: "GET", path: `/v2.0/ports/${a}` };
    expect(withRealIds(request, new Map())).toEqual(request);
    const frozen = Object.freeze({ method: "POST", path: "/v2.0/ports", body: Object.freeze({ id: a }) } as const);
    withRealIds(frozen, ids);
    expect(frozen.body.id).toBe(a);
  });
});

describe("the outcome of a resource", () => {
  it.each([
    [{ status: "PENDING_CREATE" }, "pending"],
    [{ status: "ACTIVE", state: "create_completed" }, "done"],
    [{ status: "MONITORING_UNAVAILABLE", state: "create_completed" }, "pending"],
    [{ status: "ERROR", state: "create_failed" }, "failed"],
    [{ status: null, state: "read.working" }, "pending"],
    [{ status: null, state: "read_complete" }, "done"],
    [{ status: null, state: "read_completed" }, "done"],
    [{ status: null, state: "create_completed" }, "done"],
    [{ status: null, state: "update_failed" }, "failed"],
    [{ status: "PENDING_DELETE", deleted: true }, "gone"],
  ] as const)("of %j is %s", (more, outcome) => {
    expect(outcomeOf(transition(more))).toBe(outcome);
  });

  it("falls short until what is monitored is UP", () => {
    const active = transition({ status: "ACTIVE", state: "create_completed" });
    const tracked = (latest: TransitionView, monitored: boolean) => ({ latest, monitored, since: 0 });
    expect(shortfall(tracked(active, false))).toBeUndefined();
    expect(shortfall(tracked(active, true))).toBe("port p is ACTIVE but NO_STATE");
    expect(shortfall(tracked({ ...active, operationalState: "UP" }, true))).toBeUndefined();
    expect(shortfall(tracked({ ...active, operationalState: "FAIL" }, false))).toBe("port p is ACTIVE but FAIL");
  });

  it("is waited for, and remembers that something is monitored", async () => {
    const tracker = new ResourceTracker();
    tracker.add(transition({ jobs: [job({})] }));
    const seen = tracker.until(() => (tracker.resources.get(a)?.latest.status === "ACTIVE" ? "yes" : undefined), {
      timeoutMs: 60_000,
      describe: () => "",
    });
    tracker.add(transition({ status: "ACTIVE", jobs: [] }));
    expect(await seen).toBe("yes");
    expect(tracker.resources.get(a)?.monitored).toBe(true);
    const lost = tracker.until(() => undefined, { timeoutMs: 60_000, describe: () => "" });
    tracker.fail(new Error("no connection"));
    await expect(lost).rejects.toThrow("no connection");
  });

  it("that failed is told with its own error, which ends in one full stop", async () => {
    const tracker = new ResourceTracker();
    tracker.add(
      transition({ status: "ERROR", state: "create_failed", error: "SB_DEVICE_REFUSED: refused. Check it." }),
    );
    const waiting = waitUntilActive(tracker, "port", a, { timeoutMs: 60_000 });
    await expect(waiting).rejects.toThrow(
      /^port p failed in state create_failed: SB_DEVICE_REFUSED: refused\. Check it\.$/,
    );
    await expect(waiting).rejects.toMatchObject({
      code: "SB_DEVICE_REFUSED",
      advice: expect.stringContaining(" retry "),
    });
  });

  it("that was deleted meanwhile is not there, and no failure", async () => {
    const tracker = new ResourceTracker();
    tracker.add(transition({ state: "deleted", deleted: true }));
    await expect(waitUntilActive(tracker, "port", a, { timeoutMs: 60_000 })).rejects.toMatchObject({
      code: "SB_NOT_FOUND",
      message: "port p was deleted.",
    });
  });
});

describe("progress", () => {
  const written = (live: boolean) => {
    let text = "";
    const terminal = {
      out: (words: string) => {
        text += words;
      },
      err: () => {},
      live,
      columns: 200,
      input: async () => "",
    };
    return { progress: progressOn(terminal), text: () => text };
  };

  it("is a line for every change where nobody looks on", () => {
    const { progress, text } = written(false);
    progress.note("[1/1] POST /v2.0/ports");
    progress.add(
      transition({ jobs: [job({ devices: ["10.0.0.1"] }), job({ phase: "waiting", handler: "heat_worker" })] }),
    );
    progress.add(transition({ jobs: [job({ devices: ["10.0.0.1"] })] }));
    progress.add(transition({ status: "ACTIVE", state: "create_completed", operationalState: "UP" }));
    progress.end();
    expect(
      text()
        .replace(/ +/g, " ")
        .replace(/\d+\.\ds/g, "TIME"),
    ).toBe(
      "[1/1] POST /v2.0/ports\n" +
        " port p create.working PENDING_CREATE create monitoring_worker 10.0.0.1 TIME\n" +
        " port p create_completed ACTIVE UP TIME\n",
    );
  });

  it("is drawn over itself in a terminal, and what is settled stays above", () => {
    const { progress, text } = written(true);
    progress.add(transition({}));
    progress.note("note");
    progress.add(transition({ status: "ACTIVE", state: "create_completed" }));
    progress.end();
    const [first, second] = text().split("\u001b[1A\u001b[0J");
    expect(first).toMatch(/^note\n {2}port p +create\.working PENDING_CREATE +\d+\.\ds\n$/);
    expect(second).toMatch(/^ {2}port p +create_completed ACTIVE +\d+\.\ds\n$/);
  });
});

describe("the demo", () => {
  it("has a scenario of 20 requests in which every reference is to something created before", async () => {
    const { requests } = await readScenario(demo.pathname);
    expect(requests).toHaveLength(20);
    const text = await readFile(demo, "utf8");
    for (const id of text.match(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g) ?? []) {
      expect(requests.map((request) => request.creates)).toContain(id);
    }
    const made = new Map(requests.map((request, index) => [request.creates ?? "", `#${index}`]));
    for (const [index, request] of requests.entries()) {
      for (const [, number] of JSON.stringify(withRealIds(request, made).body).matchAll(/"#(\d+)"/g)) {
        expect(Number(number)).toBeLessThan(index);
      }
    }
    expect(requests[18]?.body).toMatchObject({
      gw_interface: { name: "sample-gw-interface", gw_vipv4: "172.16.101.151", vrid: 20, netmask: 24 },
    });
  });

  it("sums the times up beside the original's", () => {
    const summary = timingSummary([
      { method: "POST", type: "gw_interface", id: a, name: "g", seconds: 8.126 },
      { method: "POST", type: "qos_option", id: b, name: "q", seconds: 0.5 },
    ]);
    expect(summary).toBe(
      "RESOURCE           NAME  SECONDS  ORIGINAL\n" +
        "-----------------  ----  -------  --------\n" +
        "gw_interface       g     8.13     32.0\n" +
        "qos_option         q     0.50\n" +
        "of these, in both        8.1      32.0\n",
    );
  });
});

describe("addresses to listen on", () => {
  it.each([
    ["127.0.0.1:80", { host: "127.0.0.1", port: 80 }],
    ["[::1]:0", { host: "::1", port: 0 }],
    ["localhost:9091", { host: "localhost", port: 9091 }],
    ["9091", { host: "127.0.0.1", port: 9091 }],
  ])("%s is read", (text, address) => {
    expect(parseHostPort(text)).toEqual(address);
  });

  it.each(["", "host", "host:", "host:x", "host:65536", "::1:80", "a b:80"])("%j is refused", (text) => {
    expect(() => parseHostPort(text)).toThrow("is not an address to listen on");
  });
});
