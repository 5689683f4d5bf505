import { SignalboxError } from "../../errors.ts";
import type { AppliedObject } from "../../machines/resource/resource-types.ts";
import type { Exclusive } from "../cluster/exclusive.ts";
import type { Controller, Json } from "../ports.ts";

type Values = Record<string, unknown>;

/** An entry of a list that is the attribute of a reference, such as a subnet of a network's IPAM, by its key. */
export type ListEntry = Extract<AppliedObject, { action: "reference" }>;

/**
 * Lists that several resources share, one entry for each. The controller replaces a list as a whole, so it is read, changed and written by
 * one at a time, over all processes: else one would write back the list without what another has just put there.
 */
export class ControllerLists {
  readonly #controller: Controller;
  readonly #exclusive: Exclusive;

  constructor(controller: Controller, exclusive: Exclusive) {
    this.#controller = controller;
    this.#exclusive = exclusive;
  }

  /**
   * Puts an entry into its list, in place of the one with its key, or takes it out.
   * @param entry undefined: to be taken out
   * @returns the entry as the controller holds it; without members when there is none
   * @throws SB_CONTROLLER_UNREACHABLE, SB_CONTROLLER_REJECTED, SB_LEASE_LOST
   */
  edit(where: ListEntry, entry: Values | undefined): Promise<Values> {
    return this.#exclusive(`${where.fromKind}/${where.fromUuid}`, async (check) => {
      const before = await this.#read(where);
      if (before === undefined) {
        if (entry === undefined) return {};
        throw new SignalboxError("SB_CONTROLLER_REJECTED", `the controller has no ${where.fromKind} ${where.fromUuid}`);
      }
      const others = before.items.filter((item) => String(item[where.key]) !== where.keyValue);
      if (entry === undefined && others.length === before.items.length) return {};
      const current = before.items.find((item) => String(item[where.key]) === where.keyValue);
      const items = entry === undefined ? others : [...others, { ...current, ...entry }];
      check();
      await this.#controller.reference({
        operation: items.length === 0 ? "DELETE" : "ADD",
        from: { kind: where.fromKind, uuid: where.fromUuid },
        to: { kind: where.kind, uuid: where.uuid, fqName: before.toFqName },
        attribute: { [where.list]: items as Json },
      });
      const after = await this.#read(where);
      return after?.items.find((item) => String(item[where.key]) === where.keyValue) ?? {};
    });
  }

  async #read(where: ListEntry): Promise<{ items: Values[]; toFqName: readonly string[] } | undefined> {
    const [from, to] = await Promise.all([
      this.#controller.get(where.fromKind, where.fromUuid),
      this.#controller.get(where.kind, where.uuid),
    ]);
    if (from === undefined || to === undefined) return undefined;
    const refs = from.data[`${where.kind.replaceAll("-", "_")}_refs`];
    const reference = (Array.isArray(refs) ? (refs as Array<{ uuid?: string; attr?: Values }>) : []).find(
      (candidate) => candidate.uuid === where.uuid,
    );
    const items = reference?.attr?.[where.list];
    return { items: Array.isArray(items) ? (items as Values[]) : [], toFqName: to.fqName };
  }
}
