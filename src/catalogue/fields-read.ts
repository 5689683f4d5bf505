import type { Expression } from "./expression.ts";

/** The own fields that an expression of a resource reads, or whose relations it follows; fields of list items are not among them. */
export function fieldsRead(expression: Expression): ReadonlySet<string> {
  const read = new Set<string>();
  collect(expression, false, read);
  return read;
}

function collect(expression: Expression, isItem: boolean, read: Set<string>): void {
  switch (expression.kind) {
    case "constant":
    case "member":
      return;
    case "call":
      for (const argument of expression.args) collect(argument, isItem, read);
      return;
    case "concat":
      for (const part of expression.parts) collect(part, isItem, read);
      return;
    case "each":
      collect(expression.list, isItem, read);
      collect(expression.item, true, read);
      return;
    case "if":
      for (const part of [expression.left, expression.right, expression.then, expression.otherwise])
        collect(part, isItem, read);
      return;
    case "path": {
      const [first] = expression.steps;
      if (first?.kind === "computed") collect(first.field, isItem, read);
      if (isItem) return;
      if (first === undefined && expression.tail.kind === "field") add(expression.tail.field[0], read);
      else if (first !== undefined && first.kind !== "computed") add(first.field, read);
      return;
    }
    default:
      expression satisfies never;
  }
}

function add(name: string | undefined, read: Set<string>): void {
  if (name !== undefined) read.add(name);
}

/** The own fields whose values an expression takes for ids of resources, without their being declared as such. */
export function fieldsLookedUp(expression: Expression): ReadonlySet<string> {
  const found = new Set<string>();
  lookUps(expression, found);
  return found;
}

/** The functions that find a resource by a value. */
const LOOK_UPS = new Set(["known", "holder"]);

function lookUps(expression: Expression, found: Set<string>): void {
  switch (expression.kind) {
    case "constant":
    case "member":
      return;
    case "call":
      for (const argument of expression.args) {
        if (LOOK_UPS.has(expression.name)) for (const field of fieldsRead(argument)) found.add(field);
        lookUps(argument, found);
      }
      return;
    case "concat":
      for (const part of expression.parts) lookUps(part, found);
      return;
    case "each":
      lookUps(expression.list, found);
      // The items of a list of ids: what is looked up is in the list.
      if (expression.item.kind === "path" && expression.item.steps[0]?.kind === "cast")
        for (const field of fieldsRead(expression.list)) found.add(field);
      return;
    case "if":
      for (const part of [expression.left, expression.right, expression.then, expression.otherwise])
        lookUps(part, found);
      return;
    case "path":
      for (const step of expression.steps) if (step.kind === "cast") found.add(step.field);
      return;
    default:
      expression satisfies never;
  }
}
