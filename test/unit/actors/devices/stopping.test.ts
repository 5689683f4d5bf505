import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../../../src/actors/ports.ts";
import { NetconfConnector } from "../../../../src/adapters/netconf/connector.ts";
import { systemClock } from "../../../../src/adapters/system/system-clock.ts";
import type { LabRouter } from "../../../../src/lab/junos/lab-router.ts";
import { element } from "../../../../src/xml/element.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";
import { type LabPair, startLabPair } from "./lab-pair.ts";

let lab: LabPair;
beforeEach(async () => {
  lab = await startLabPair();
});
afterEach(async () => {
  await lab.stop();
});

/** Waits for a router as long as the product does: half a minute for most requests, three for a commit. */
const patient = () =>
  new NetconfConnector({
    addressBook: ({ host }) => {
      const router = lab.routers.get(host);
      return router && { host: router.host, port: router.port };
    },
    hostKeys: { mode: "insecure" },
    logger: silentLogger,
  });

/** Every timer rings soon. */
const hasty: Clock = {
  ...systemClock,
  sleep: (delayMs, signal) => systemClock.sleep(Math.min(delayMs, 10), signal),
  after: (delayMs, task) => systemClock.after(Math.min(delayMs, 50), task),
};

/** Resolves when the router's one-time fault has struck. */
const struck = (router: LabRouter) =>
  new Promise<void>((resolve) => {
    router.subscribe((event) => event.kind === "faults" && event.faults.length === 0 && resolve());
  });

describe("stopping while a router hangs", { timeout: 15_000 }, () => {
  it.each(["lock", "edit-config", "validate"])("does not wait for it before the commit: %s", async (on) => {
    const lanes = lab.start({ connector: patient() });
    lab.router("mx2").setFault({ kind: "hang", on, times: 1 });
    const hangs = struck(lab.router("mx2"));
    const outcome = lanes.submit(lab.job("one")).then(
      () => "done",
      (error: { transient: boolean }) => error,
    );
    await hangs;
    await lanes.stop();
    expect(await outcome).toMatchObject({ transient: true });
    expect(lab.holding("one")).toEqual([]);
    const next = lab.start();
    await next.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    await next.stop();
    expect(lab.remains()).toEqual([]);
  });

  it("leaves a commit that takes too long to the journal, and the next life settles it", async () => {
    const lanes = lab.start({ connector: patient(), clock: hasty });
    lab.router("mx2").setFault({ kind: "hang", on: "commit-confirmed", times: 1 });
    const hangs = struck(lab.router("mx2"));
    const outcome = lanes.submit(lab.job("one")).catch((error: { code: string }) => error.code);
    await hangs;
    await lanes.stop();
    expect(await outcome).toBe("SB_LANE_IN_DOUBT");
    expect((await lab.journal()).at(-1)).toMatchObject({ phase: "committing", jobs: ["one"] });
    const next = lab.start();
    await next.recover();
    await lab.settled();
    expect(lab.holding("one")).toEqual([]);
    await next.submit(lab.job("one"));
    expect(lab.holding("one")).toEqual(["mx1", "mx2"]);
    await next.stop();
    expect(lab.remains()).toEqual([]);
  });
});

describe("what a router quotes when it rejects", () => {
  it.each([
    ["load", "a-key-that-nobody-sees"],
    ["commit", "a-key-that-nobody-sees"],
    ["load", "k7"],
  ] as const)("does not show a secret: at %s, %s", async (at, secret) => {
    const lanes = lab.start();
    lab.router("mx1").setFault({ kind: "reject", statement: secret, at });
    const port = element("interface", [
      element("name", "ge-0/0/1"),
      element("description", lab.secrets.seal(secret, "router/1/password")),
    ]);
    const tree = element("configuration", [element("interfaces", [port])]);
    const error = await lanes.submit(lab.job("one", ["mx1", "mx2"], tree)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ device: "mx1", message: expect.stringContaining("***"), transient: false });
    const everything = JSON.stringify([error, String(error), lanes.lanes(), lab.lines]);
    expect(everything).toContain("ge-0/0/1");
    expect(everything).not.toContain(secret);
  });
});
