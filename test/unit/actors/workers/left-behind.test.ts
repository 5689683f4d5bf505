import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Controller, ControllerObject } from "../../../../src/actors/ports.ts";
import { SignalboxError } from "../../../../src/errors.ts";
import { MemorySystem } from "../memory-system.ts";

const type = (name: string, objects: string) => `type: ${name}
collection: ${name}s
title: What is on the controller
fields:
  id: { type: string }
  name: { type: string, writable: [create, update] }
  status: { type: string, default: NO_STATE }
stack: =${name}
handlers:
  ${name}:
    handler: heat_worker
    params: { id: .id, name: .name }
    objects:
${objects}`;

const types = {
  shelf: type("shelf", "      - { as: one, action: ensure, kind: shelf, uuid: $id, fq_name: [$id], data: {} }\n"),
  board: type("board", "      - { as: one, action: ensure, kind: board, fq_name: [board, $id], data: {} }\n"),
  slot: type(
    "slot",
    `      - { as: rack, action: find, kind: rack, fq_name: [racks, first] }
      - { as: one, action: ensure, kind: slot, fq_name: ["\${rack.fq_name}", $id], data: {} }
`,
  ),
};

const unreachable = () => new SignalboxError("SB_CONTROLLER_UNREACHABLE", "no answer came");
const rejected = () => new SignalboxError("SB_CONTROLLER_REJECTED", "not now");
const rack = { kind: "rack", uuid: "r1", fqName: ["racks", "first"], data: {} };

/** One controller as several processes see it, each of which may be answered in another way. */
class SharedController {
  readonly objects = new Map<string, ControllerObject>([["rack/r1", rack]]);

  /** @param answer what comes of making an object; the object is there when it throws nothing, or throws after `put` */
  port(answer: (put: () => ControllerObject) => Promise<ControllerObject>, findable = true): Controller {
    return {
      find: async (kind, fqName) => {
        if (!findable) throw unreachable();
        return [...this.objects.values()].find(
          (object) => object.kind === kind && object.fqName.join() === fqName.join(),
        );
      },
      get: async (kind, uuid) => this.objects.get(`${kind}/${uuid}`),
      ensure: async ({ kind, uuid = `made-${this.objects.size}`, fqName, data }) =>
        answer(() => {
          const object = { kind, uuid, fqName, data };
          this.objects.set(`${kind}/${uuid}`, object);
          return object;
        }),
      remove: async (kind, uuid) => {
        this.objects.delete(`${kind}/${uuid}`);
        return "gone";
      },
      reference: async () => {},
      uve: async () => undefined,
    };
  }
}

describe.each(["shelf", "board", "slot"])("a %s that another process has begun to make", (name) => {
  let system: MemorySystem;
  let controller: SharedController;
  let id: string;

  /** A process makes the object and ends before it knows. */
  beforeEach(async () => {
    system = await MemorySystem.start(0, undefined, { types });
    controller = new SharedController();
    let made = () => {};
    const isMade = new Promise<void>((resolve) => {
      made = resolve;
    });
    let end = () => {};
    const ends = new Promise<void>((resolve) => {
      end = resolve;
    });
    const lost = controller.port(async (put) => {
      put();
      made();
      await ends;
      throw unreachable();
    });
    const first = await system.addProcess({ controller: lost });
    id = String((await system.gateway().create(name, { name: "n" }))["id"]);
    await isMade;
    const stopped = first.stop();
    end();
    await stopped;
    system.processes.shift();
    expect(controller.objects.size).toBe(2);
  });
  afterEach(() => system.stop());

  it.each([
    ["refuses it", () => controller.port(async () => Promise.reject(rejected()))],
    ["is not there", () => controller.port(async () => Promise.reject(unreachable()), false)],
  ])("leaves nothing when it fails because the controller %s, and is deleted", async (_, second) => {
    await system.addProcess({ controller: second() });
    await system.until(id, ({ state }) => state === "create_failed");
    await system.processes.shift()?.stop();
    await system.addProcess({ controller: controller.port(async (put) => put()) });
    await system.gateway().remove(name, id);
    await system.until(id, ({ deleted }) => deleted);
    expect([...controller.objects.values()]).toEqual([rack]);
  });

  it("has what it asks for when it fails, and is tried again", async () => {
    await system.addProcess({ controller: controller.port(async () => Promise.reject(rejected())) });
    await system.until(id, ({ state }) => state === "create_failed");
    await system.processes.shift()?.stop();
    const again = controller.port(async (put) => {
      const there = [...controller.objects.values()].find(({ kind }) => kind === name);
      return there ?? put();
    });
    await system.addProcess({ controller: again });
    await system.gateway().retry(name, id);
    await system.until(id, ({ state }) => state === "create_completed");
    expect([...controller.objects.values()].map(({ kind }) => kind)).toEqual(["rack", name]);
  });
});
