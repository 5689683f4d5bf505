import { fillParams } from "../../catalogue/fill-params.ts";
import type { HandlerTemplate, ObjectTemplate } from "../../catalogue/type-definition.ts";
import { SignalboxError } from "../../errors.ts";
import type { AppliedObject, StackOutput } from "../../machines/resource/resource-types.ts";
import { Mailboxes } from "../mailboxes.ts";
import type { Controller, ControllerObject, Json } from "../ports.ts";

type Values = Record<string, unknown>;
type Data = { readonly [key: string]: Json | undefined };
type Note = (object: AppliedObject) => void;

/** Makes, changes and removes the controller objects of a stack. Every step may be done twice. */
export class ControllerStack {
  private readonly controller: Controller;
  private readonly project: string;
  /** A list attribute is read, changed and written: one writer at a time for each object. */
  private readonly lists = new Mailboxes();

  constructor(controller: Controller, project: string) {
    this.controller = controller;
    this.project = project;
  }

  /**
   * What `apply` may have made of a template, as far as it can be told: for a job of which another process has made a beginning. What the
   * template has to find on the controller is looked for; where it is not found, what depends on it is known by its name or not at all.
   */
  async possible(template: HandlerTemplate, params: Readonly<Values>): Promise<AppliedObject[]> {
    const values: Values = { ...params, project: this.project };
    const objects: AppliedObject[] = [];
    for (const object of template.objects) {
      const items = object.each === undefined ? [undefined] : values[object.each];
      for (const item of Array.isArray(items) ? (items as unknown[]) : []) {
        const seen = await this.possibleOne(object, item === undefined ? values : { ...values, item }).catch(
          () => undefined,
        );
        if (seen?.applied) objects.push(seen.applied);
        if (seen !== undefined && object.each === undefined) values[object.alias] = seen.value;
      }
    }
    return objects;
  }

  private async possibleOne(
    object: ObjectTemplate,
    values: Values,
  ): Promise<{ value: Values; applied?: AppliedObject }> {
    const { action, kind } = object;
    if (action === "reference") return { value: {}, applied: listEntryOf(object, values).applied };
    const fqName = object.fqName === undefined ? undefined : nameList(object.fqName, values);
    const names = fqName === undefined ? {} : namesOf(fqName);
    if (action === "find") {
      const found = await this.find(object, values).catch(() => undefined);
      return { value: found === undefined ? names : describe(found) };
    }
    if (object.uuid !== undefined) {
      const uuid = String(fillParams(object.uuid, values));
      return { value: { uuid, ...names }, applied: { action: "ensure", kind, uuid } };
    }
    return fqName === undefined ? { value: {} } : { value: names, applied: { action: "named", kind, fqName } };
  }

  /**
   * Makes the objects of a template be as its parameters say, and removes those of `former` that are no longer wanted.
   * @param onMade told of each object as it is made, or may have been: what is there when this throws
   * @returns what was made, and the outputs of the stack
   * @throws SB_CONTROLLER_UNREACHABLE, SB_CONTROLLER_REJECTED, SB_PARAMETER_INVALID
   */
  async apply(
    template: HandlerTemplate,
    params: Readonly<Values>,
    former: readonly AppliedObject[],
    onMade: Note = () => {},
  ): Promise<{ objects: AppliedObject[]; outputs: StackOutput[] }> {
    const values: Values = { ...params, project: this.project };
    const objects: AppliedObject[] = [];
    const note: Note = (object) => {
      objects.push(object);
      onMade(object);
    };
    for (const object of template.objects) values[object.alias] = await this.make(object, values, note);
    const outputs = template.outputs.map((output) => {
      const value = fillParams(output.value, values);
      return {
        output_key: output.key,
        output_value: output.json ? jsonText(value) : value,
        description: output.description,
      };
    });
    const names = template.objects.flatMap(({ kind, alias }) => namedIn(kind, values[alias]));
    const kept = new Set([...objects, ...names].map(identity));
    await this.remove(former.filter((object) => !kept.has(identity(object))));
    return { objects, outputs };
  }

  /** Removes what a stack has made, last made first. */
  async remove(objects: readonly AppliedObject[]): Promise<void> {
    for (const object of [...objects].reverse()) {
      if (object.action === "ensure") await this.controller.remove(object.kind, object.uuid);
      else if (object.action === "reference") await this.editList(object, undefined);
      else {
        const found = await this.controller.find(object.kind, object.fqName);
        if (found !== undefined) await this.controller.remove(object.kind, found.uuid);
      }
    }
  }

  private async make(object: ObjectTemplate, values: Values, note: Note): Promise<unknown> {
    if (object.each === undefined) return this.makeOne(object, values, note);
    const items = values[object.each];
    const results: Values[] = [];
    for (const item of Array.isArray(items) ? (items as unknown[]) : []) {
      results.push(await this.makeOne(object, { ...values, item }, note));
    }
    return { refs: results.flatMap((result) => result["refs"] as unknown[]) };
  }

  private async makeOne(object: ObjectTemplate, values: Values, note: Note): Promise<Values> {
    switch (object.action) {
      case "find":
        return describe(await this.find(object, values));
      case "ensure": {
        const uuid = object.uuid === undefined ? undefined : String(fillParams(object.uuid, values));
        const fqName = nameList(object.fqName, values);
        const { kind } = object;
        // It may be made although its answer is lost; taking away what is not there is no error.
        if (uuid !== undefined) note({ action: "ensure", kind, uuid });
        const ensuring = this.controller.ensure({
          kind,
          ...(uuid === undefined ? {} : { uuid }),
          ...(object.parent === undefined
            ? {}
            : { parent: { kind: object.parent.kind, fqName: nameList(object.parent.fqName, values) } }),
          fqName,
          data: fillParams(object.data ?? {}, values) as Data,
        });
        const ensured = await ensuring.catch((error: unknown) => {
          const isRefused = error instanceof SignalboxError && error.code === "SB_CONTROLLER_REJECTED";
          if (uuid === undefined && !isRefused) note({ action: "named", kind, fqName });
          throw error;
        });
        if (ensured.uuid !== uuid) note({ action: "ensure", kind, uuid: ensured.uuid });
        return describe(ensured);
      }
      case "reference":
        return this.makeListEntry(object, values, note);
      default:
        return object.action satisfies never;
    }
  }

  private async find(object: ObjectTemplate, values: Values): Promise<ControllerObject> {
    const uuid = object.uuid === undefined ? undefined : String(fillParams(object.uuid, values));
    const fqName = object.fqName === undefined ? [] : nameList(object.fqName, values);
    const found =
      uuid === undefined
        ? await this.controller.find(object.kind, fqName)
        : await this.controller.get(object.kind, uuid);
    if (found === undefined) {
      const what = uuid ?? fqName.join(":");
      throw new SignalboxError("SB_CONTROLLER_REJECTED", `the controller has no ${object.kind} ${what}`, {
        statement: `${object.kind} ${what}`,
        advice: "Create it on the controller, or correct the name in the resource.",
      });
    }
    return found;
  }

  /** One entry of a list that is the attribute of a reference, such as a subnet of a network's IPAM. */
  private async makeListEntry(object: ObjectTemplate, values: Values, note: Note): Promise<Values> {
    const { applied, entry: wanted } = listEntryOf(object, values);
    const entry = await this.editList(applied, wanted);
    note(applied);
    return { entry };
  }

  private editList(where: Extract<AppliedObject, { action: "reference" }>, entry: Values | undefined): Promise<Values> {
    return this.lists.run(`${where.fromKind}/${where.fromUuid}`, async () => {
      const before = await this.readList(where);
      if (before === undefined) {
        if (entry === undefined) return {};
        throw new SignalboxError("SB_CONTROLLER_REJECTED", `the controller has no ${where.fromKind} ${where.fromUuid}`);
      }
      const others = before.items.filter((item) => String(item[where.key]) !== where.keyValue);
      if (entry === undefined && others.length === before.items.length) return {};
      const current = before.items.find((item) => String(item[where.key]) === where.keyValue);
      const items = entry === undefined ? others : [...others, { ...current, ...entry }];
      await this.controller.reference({
        operation: items.length === 0 ? "DELETE" : "ADD",
        from: { kind: where.fromKind, uuid: where.fromUuid },
        to: { kind: where.kind, uuid: where.uuid, fqName: before.toFqName },
        attribute: { [where.list]: items as Json },
      });
      const after = await this.readList(where);
      return after?.items.find((item) => String(item[where.key]) === where.keyValue) ?? {};
    });
  }

  private async readList(
    where: Extract<AppliedObject, { action: "reference" }>,
  ): Promise<{ items: Values[]; toFqName: readonly string[] } | undefined> {
    const [from, to] = await Promise.all([
      this.controller.get(where.fromKind, where.fromUuid),
      this.controller.get(where.kind, where.uuid),
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

function listEntryOf(object: ObjectTemplate, values: Values) {
  const data = fillParams(object.data ?? {}, values) as { list: string; key: string; entry: Values };
  const applied: Extract<AppliedObject, { action: "reference" }> = {
    action: "reference",
    kind: object.kind,
    uuid: String(fillParams(object.uuid, values)),
    fromKind: object.from?.kind ?? "",
    fromUuid: String(fillParams(object.from?.uuid ?? "", values)),
    list: data.list,
    key: data.key,
    keyValue: String(data.entry[data.key]),
  };
  return { applied, entry: data.entry };
}

/** What templates may say of an object: `${object.uuid}` and so on. */
function describe(object: ControllerObject): Values {
  return {
    uuid: object.uuid,
    ...namesOf(object.fqName),
    data: object.data,
    refs: [{ to: object.fqName, uuid: object.uuid }],
  };
}

function namesOf(fqName: readonly string[]): Values {
  return { fq_name: fqName, fq_name_text: fqName.join(":"), name: fqName.at(-1) ?? "" };
}

/** The objects that a value of a template stands for, by their names. */
function namedIn(kind: string, value: unknown): AppliedObject[] {
  const { refs = [] } = (value ?? {}) as { refs?: ReadonlyArray<{ to: readonly string[] }> };
  return refs.map(({ to }) => ({ action: "named", kind, fqName: to }));
}

function nameList(tree: unknown, values: Values): string[] {
  const filled = fillParams(tree, values);
  return (Array.isArray(filled) ? filled : [filled]).map(String);
}

/** Equal for what is the same object. */
export function identity(object: AppliedObject): string {
  if (object.action === "named") return `${object.kind}/${object.fqName.join(":")}`;
  return object.action === "ensure"
    ? `${object.kind}/${object.uuid}`
    : `${object.fromKind}/${object.fromUuid}/${object.kind}/${object.uuid}/${object.list}/${object.keyValue}`;
}

/** Lists and nulls from the controller appear as JSON texts; an empty list of address pairs as the controller's null. */
function jsonText(value: unknown): string {
  return JSON.stringify(value ?? null);
}
