import { beforeEach, describe, expect, it } from "vitest";
import { OperationalSessions } from "../../../../src/actors/monitoring/operational-sessions.ts";
import { VrrpProbes } from "../../../../src/actors/monitoring/vrrp-probes.ts";
import { plainSecrets } from "../../../../src/adapters/secrets/sealing.ts";
import { VirtualClock } from "../../../../src/adapters/system/virtual-clock.ts";
import { element, type XmlElement } from "../../../../src/xml/element.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";
import { FakeConnector, lost, target } from "./fakes.ts";

/** An answer of a router: the states of its groups, by interface. */
function groups(states: Readonly<Record<string, string>>): XmlElement {
  const entries = Object.entries(states).map(([port, state]) =>
    element("vrrp-interface", [element("interface", port), element("group", "20"), element("vrrp-state", state)]),
  );
  return element("vrrp-information", entries);
}

const login = { host: "mx-1", port: 830, username: "signalbox", password: "secret" };
const vrrp = (port: string) => target("vrrp_session", { ...login, interface: port, group: 20, want: "master" });

describe("the VRRP groups of a router", () => {
  let clock: VirtualClock;
  let connector: FakeConnector;
  let probes: VrrpProbes;
  let states: Record<string, string>;
  const questions = () => connector.sessions.reduce((sum, { asked }) => sum + asked.length, 0);
  beforeEach(() => {
    clock = new VirtualClock(1_700_000_000_000);
    connector = new FakeConnector();
    states = { "ae0.1": "master", "ae0.2": "backup" };
    connector.answer = () => groups(states);
    const sessions = new OperationalSessions({ connector, clock, logger: silentLogger });
    probes = new VrrpProbes({ sessions, secrets: plainSecrets, clock });
  });

  it("are asked for once by all who ask at the same time", async () => {
    const answers = await Promise.all(["ae0.1", "ae0.2", "ae0.3"].map((port) => probes.probe(vrrp(port), 0)));
    expect(answers.map(({ verdict }) => verdict)).toEqual(["good", "bad", "bad"]);
    expect(questions()).toBe(1);
  });

  it("are asked for again by who wants to know how they are now", async () => {
    await probes.probe(vrrp("ae0.3"), 0);
    states = { "ae0.3": "master" };
    expect(await probes.probe(vrrp("ae0.3"), 0)).toMatchObject({ verdict: "good" });
    expect(questions()).toBe(2);
  });

  it("are not asked for again by who is content with an older answer, until it is too old", async () => {
    await probes.probe(vrrp("ae0.1"), 5000);
    states = { "ae0.1": "backup" };
    clock.advance(4999);
    expect(await probes.probe(vrrp("ae0.1"), 5000)).toMatchObject({ verdict: "good" });
    clock.advance(1);
    expect(await probes.probe(vrrp("ae0.1"), 5000)).toMatchObject({ verdict: "bad" });
    expect(questions()).toBe(2);
  });

  it("are asked for again after no answer, and not mixed up with those of another router", async () => {
    connector.answer = () => {
      throw lost();
    };
    await expect(probes.probe(vrrp("ae0.1"), 5000)).rejects.toMatchObject({ code: "SB_DEVICE_CLOSED" });
    connector.answer = () => groups(states);
    expect(await probes.probe(vrrp("ae0.1"), 5000)).toMatchObject({ verdict: "good" });
    states = { "ae0.1": "backup" };
    const other = target("vrrp_session", { ...vrrp("ae0.1").settings, host: "mx-2" });
    expect(await probes.probe(other, 5000)).toMatchObject({ verdict: "bad" });
  });
});
