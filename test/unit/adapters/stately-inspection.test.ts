import { createInspector, type StatelyInspectionEvent } from "@statelyai/inspect";
import { describe, expect, it } from "vitest";
import { createMachine } from "xstate";
import { machineConfig } from "../../../src/adapters/stately/machine-config.ts";
import { inspectWithStately } from "../../../src/adapters/stately/stately-inspection.ts";
import { describeMachine } from "../../../src/machines/describe-machine.ts";
import { resourceMachine } from "../../../src/machines/resource/resource-machine.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { MemorySystem } from "../actors/memory-system.ts";

describe("the Stately inspector", () => {
  it("is given a definition that XState takes, with the same states", () => {
    const described = describeMachine(resourceMachine);
    const again = describeMachine(createMachine(machineConfig(described) as never));
    const states = (state: typeof described.root): unknown => [
      state.name,
      state.kind,
      state.initial,
      state.states.map(states),
    ];
    expect(states(again.root)).toEqual(states(described.root));
  });

  it("is told of each resource as an actor, and of its events and states in order", async () => {
    const system = await MemorySystem.start();
    const [process] = system.processes;
    if (process?.inspection === undefined) throw new Error("no inspection");
    const told: StatelyInspectionEvent[] = [];
    let enough = () => {};
    const done = new Promise<void>((resolve) => {
      enough = resolve;
    });
    const inspector = createInspector({
      send: (event) => {
        told.push(event);
        if (event.type === "@xstate.snapshot" && JSON.stringify(event.snapshot).includes("create_completed")) enough();
      },
    });
    const stop = inspectWithStately({ inspection: process.inspection, inspector, logger: silentLogger, from: 1 });
    await system.gateway().create("site", { name: "north" });
    await done;
    expect(told.map(({ type }) => type)).toEqual(["@xstate.actor", "@xstate.event", "@xstate.snapshot"]);
    expect(told[1]).toMatchObject({ event: { type: "ADMIT" } });
    expect(told[2]).toMatchObject({ snapshot: { value: { lifecycle: "create_completed", operational: "unknown" } } });
    await stop();
    await system.stop();
  });
});
