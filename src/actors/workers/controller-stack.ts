import { fillParams } from "../../catalogue/fill-params.ts";
import type { HandlerTemplate, ObjectTemplate } from "../../catalogue/type-definition.ts";
import { SignalboxError } from "../../errors.ts";
import type { AppliedObject, StackOutput } from "../../machines/resource/resource-types.ts";
import type { Exclusive } from "../cluster/exclusive.ts";
import type { Controller, ControllerObject, Json, ObjectOwner } from "../ports.ts";
import { ControllerLists, type ListEntry } from "./controller-lists.ts";

type Values = Record<string, unknown>;
type Data = { readonly [key: string]: Json | undefined };
type Wanted = Parameters<Controller["ensure"]>[0];
type Note = (object: AppliedObject) => void;

export interface ControllerStackOptions {
  readonly controller: Controller;
  /** Name of the controller's project that all objects are in. */
  readonly project: string;
  readonly exclusive: Exclusive;
}

/** What one run of a stack works with. */
interface Run {
  readonly template: HandlerTemplate;
  readonly owner: ObjectOwner;
  readonly note: Note;
  /** What the resource's record says that it has made. */
  readonly former: readonly AppliedObject[];
}

/**
 * Makes, changes and removes the controller objects of a stack. Every step may be done twice. What another resource has made, or nobody
 * that is known, is neither changed nor removed.
 */
export class ControllerStack {
  private readonly controller: Controller;
  private readonly project: string;
  private readonly lists: ControllerLists;

  constructor({ controller, project, exclusive }: ControllerStackOptions) {
    this.controller = controller;
    this.project = project;
    this.lists = new ControllerLists(controller, exclusive);
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
      return { value: { uuid, ...names }, applied: { action: "ensure", kind, uuid, unconfirmed: true } };
    }
    return fqName === undefined ? { value: {} } : { value: names, applied: { action: "named", kind, fqName } };
  }

  /**
   * Makes the objects of a template be as its parameters say, and removes those of `former` that are no longer wanted.
   * @param owner the resource whose stack it is
   * @param onMade told of each object as it is made, or may have been: what is there when this throws
   * @returns what was made, and the outputs of the stack
   * @throws SB_CONTROLLER_UNREACHABLE, SB_CONTROLLER_REJECTED, SB_CONTROLLER_NOT_OWNED, SB_PARAMETER_INVALID
   */
  async apply(
    template: HandlerTemplate,
    params: Readonly<Values>,
    owner: ObjectOwner,
    former: readonly AppliedObject[],
    onMade: Note = () => {},
  ): Promise<{ objects: AppliedObject[]; outputs: StackOutput[] }> {
    const values: Values = { ...params, project: this.project };
    const objects = new Map<string, AppliedObject>();
    const note: Note = (object) => {
      objects.set(identity(object), object);
      onMade(object);
    };
    const run: Run = { template, owner, former, note };
    for (const object of template.objects) values[object.alias] = await this.make(object, values, run);
    const outputs = template.outputs.map((output) => {
      const value = fillParams(output.value, values);
      return {
        output_key: output.key,
        output_value: output.json ? jsonText(value) : value,
        description: output.description,
      };
    });
    const names = template.objects.flatMap(({ kind, alias }) => namedIn(kind, values[alias]));
    const kept = new Set([...objects.keys(), ...names.map(identity)]);
    await this.remove(
      former.filter((object) => !kept.has(identity(object))),
      owner,
    );
    return { objects: [...objects.values()], outputs };
  }

  /**
   * Removes what a stack has made, last made first. What is not the owner's by its mark stays, unless it has no mark and the record says for
   * certain that the owner made it, as earlier versions of this program did.
   */
  async remove(objects: readonly AppliedObject[], owner: ObjectOwner): Promise<void> {
    for (const object of [...objects].reverse()) {
      if (object.action === "reference") await this.lists.edit(object, undefined);
      else if (object.action === "ensure")
        await this.controller.remove(object.kind, object.uuid, owner, { unmarked: object.unconfirmed !== true });
      else {
        const found = await this.controller.find(object.kind, object.fqName);
        if (found !== undefined) await this.controller.remove(object.kind, found.uuid, owner);
      }
    }
  }

  private async make(object: ObjectTemplate, values: Values, run: Run): Promise<unknown> {
    if (object.each === undefined) return this.makeOne(object, values, run);
    const items = values[object.each];
    const results: Values[] = [];
    for (const item of Array.isArray(items) ? (items as unknown[]) : []) {
      results.push(await this.makeOne(object, { ...values, item }, run));
    }
    return { refs: results.flatMap((result) => result["refs"] as unknown[]) };
  }

  private async makeOne(object: ObjectTemplate, values: Values, run: Run): Promise<Values> {
    switch (object.action) {
      case "find":
        return describe(await this.find(object, values));
      case "ensure":
        return describe(await this.ensure(object, values, run));
      case "reference": {
        const { applied, entry: wanted } = listEntryOf(object, values);
        const entry = await this.lists.edit(applied, wanted);
        run.note(applied);
        return { entry };
      }
      default:
        return object.action satisfies never;
    }
  }

  private async ensure(object: ObjectTemplate, values: Values, run: Run): Promise<ControllerObject> {
    const { kind } = object;
    const uuid = object.uuid === undefined ? undefined : String(fillParams(object.uuid, values));
    const fqName = nameList(object.fqName, values);
    const madeBefore = madeIn(run.former, kind);
    const wanted: Wanted = {
      kind,
      ...(uuid === undefined ? {} : { uuid }),
      ...(object.parent === undefined
        ? {}
        : { parent: { kind: object.parent.kind, fqName: nameList(object.parent.fqName, values) } }),
      fqName,
      data: fillParams(object.data ?? {}, values) as Data,
      owner: run.owner,
      madeBefore,
    };
    // It may be made although its answer is lost; taking away what is not there is no error.
    if (uuid !== undefined && !madeBefore.includes(uuid)) run.note({ action: "ensure", kind, uuid, unconfirmed: true });
    const ensured = await this.ensureInPlaceOf(object, wanted, run).catch((error: unknown) => {
      if (uuid === undefined && !isAnswered(error)) run.note({ action: "named", kind, fqName });
      throw error;
    });
    run.note({ action: "ensure", kind, uuid: ensured.uuid });
    return ensured;
  }

  /**
   * An object that gets another name is made anew before the one that it had goes, so that something is there all the time. Where the
   * controller does not take both, as with two logical interfaces of one VLAN, the former goes first.
   */
  private async ensureInPlaceOf(object: ObjectTemplate, wanted: Wanted, run: Run): Promise<ControllerObject> {
    try {
      return await this.controller.ensure(wanted);
    } catch (error) {
      const { objects } = run.template;
      const isAlone = object.each === undefined && objects.filter(({ kind }) => kind === object.kind).length === 1;
      const others = isAlone && isRefusal(error) && !error.transient ? await this.othersThan(wanted) : [];
      if (others.length === 0) throw error;
      for (const uuid of others) await this.controller.remove(wanted.kind, uuid, run.owner, { unmarked: true });
      return await this.controller.ensure(wanted);
    }
  }

  /** Of the objects that the resource has made those that have another name than is wanted. */
  private async othersThan({ kind, uuid: given, fqName, madeBefore = [] }: Wanted): Promise<string[]> {
    const found = await Promise.all(madeBefore.map((uuid) => this.controller.get(kind, uuid)));
    return found.flatMap((each) =>
      each !== undefined && each.uuid !== given && each.fqName.join(":") !== fqName.join(":") ? [each.uuid] : [],
    );
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
}

/** The controller has said no: nothing was made. */
function isAnswered(error: unknown): boolean {
  return isRefusal(error) || (error instanceof SignalboxError && error.code === "SB_CONTROLLER_NOT_OWNED");
}

function isRefusal(error: unknown): error is SignalboxError {
  return error instanceof SignalboxError && error.code === "SB_CONTROLLER_REJECTED";
}

/** Uuids of the objects of a kind that were made for certain. */
function madeIn(objects: readonly AppliedObject[], kind: string): string[] {
  return objects.flatMap((object) =>
    object.action === "ensure" && object.kind === kind && object.unconfirmed !== true ? [object.uuid] : [],
  );
}

function listEntryOf(object: ObjectTemplate, values: Values) {
  const data = fillParams(object.data ?? {}, values) as { list: string; key: string; entry: Values };
  const applied: ListEntry = {
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
