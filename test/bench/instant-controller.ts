import { randomUUID } from "node:crypto";
import type { Controller, ControllerObject } from "../../src/actors/ports.ts";

/** A controller in memory that does everything at once and finds everything well: for measuring what is not the devices. */
export class InstantController implements Controller {
  readonly #objects = new Map<string, ControllerObject>();

  async find(kind: string, fqName: readonly string[]): Promise<ControllerObject | undefined> {
    const name = fqName.join(":");
    return [...this.#objects.values()].find((object) => object.kind === kind && object.fqName.join(":") === name);
  }

  async get(kind: string, uuid: string): Promise<ControllerObject | undefined> {
    return this.#objects.get(`${kind}/${uuid}`);
  }

  async ensure(object: Parameters<Controller["ensure"]>[0]): Promise<ControllerObject> {
    const { kind, fqName, data, uuid = randomUUID() } = object;
    const made = { kind, uuid, fqName, data: { ...this.#objects.get(`${kind}/${uuid}`)?.data, ...data } };
    this.#objects.set(`${kind}/${uuid}`, made);
    return made;
  }

  async remove(kind: string, uuid: string): Promise<"gone"> {
    this.#objects.delete(`${kind}/${uuid}`);
    return "gone";
  }

  async reference(): Promise<void> {
    throw new Error("the benchmarks use no type that refers to another object");
  }

  async uve(): ReturnType<Controller["uve"]> {
    return {};
  }
}
