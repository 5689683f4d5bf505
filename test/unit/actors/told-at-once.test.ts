import { afterEach, expect, it } from "vitest";
import { MemorySystem } from "./memory-system.ts";

const types = {
  hub: `type: hub
collection: hubs
title: What spokes are on
fields:
  id: { type: string }
  spoke_id: { type: string, default: "" }
  status: { type: string, default: NO_STATE }
`,
  spoke: `type: spoke
collection: spokes
title: Its hub is told of it
fields:
  id: { type: string }
  hub_id: { type: string, required: true, relation: hub, writable: [create], set_by: member, belongs_to: tenant }
  status: { type: string, default: NO_STATE }
changes:
  - target: .hub_id
    type: hub
    when: create
    set: { spoke_id: .id }
`,
};

let system: MemorySystem | undefined;
afterEach(async () => {
  await system?.stop();
  system = undefined;
});

it("a creation is answered when what it changes on others is changed, so that the next request can build on it", async () => {
  system = await MemorySystem.start(1, undefined, { types });
  const gateway = system.gateway();
  const hub = String((await gateway.create("hub", {}))["id"]);
  const { log } = system.embedded;
  const append = log.append.bind(log);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    log.append = async (subject, data, options) => {
      if (subject === `resource.hub.${hub}`) {
        resolve();
        await released;
      }
      return append(subject, data, options);
    };
  });
  let answered = false;
  const creating = gateway.create("spoke", { hub_id: hub }).finally(() => {
    answered = true;
  });
  await reached;
  for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toBe(false);
  release();
  const spoke = await creating;
  expect(await gateway.get("hub", hub)).toMatchObject({ spoke_id: spoke["id"] });
});
