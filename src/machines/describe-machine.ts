import type { AnyStateMachine } from "xstate";

/** One transition of a state, as a chart shows it. */
export interface DescribedTransition {
  readonly event: string;
  /** Paths of the states that it leads to; none: it stays where it is. */
  readonly targets: readonly string[];
  /** "" without one. */
  readonly guard: string;
  readonly actions: readonly string[];
}

export interface DescribedState {
  /** Dot-separated from the root on, which is "". */
  readonly path: string;
  readonly name: string;
  readonly kind: "atomic" | "compound" | "parallel" | "final" | "history";
  /** Name of the child in which it starts; "" when it has none. */
  readonly initial: string;
  readonly transitions: readonly DescribedTransition[];
  readonly states: readonly DescribedState[];
}

export interface MachineDescription {
  readonly name: string;
  readonly root: DescribedState;
}

/** Names of actions that are functions, by the function: what `named` was told. */
const names = new WeakMap<object, string>();

/** Gives an action that is a function the name by which charts call it. */
export function named<T extends object>(action: T, name: string): T {
  names.set(action, name);
  return action;
}

/** A machine's own definition as plain data: what is drawn cannot differ from what runs. */
export function describeMachine(machine: AnyStateMachine): MachineDescription {
  return { name: machine.id, root: describeState(machine.root) };
}

type StateNode = AnyStateMachine["root"];

function describeState(node: StateNode): DescribedState {
  const transitions = [...node.transitions.values()].flat().map(
    (transition): DescribedTransition => ({
      event: transition.eventType,
      targets: (transition.target ?? []).map((target) => target.path.join(".")),
      guard: labelOf(transition.guard),
      actions: transition.actions.map(labelOf).filter((label) => label !== ""),
    }),
  );
  return {
    path: node.path.join("."),
    name: node.key,
    kind: node.type,
    initial: node.type === "compound" ? (node.initial.target[0]?.key ?? "") : "",
    transitions,
    states: Object.values(node.states).map(describeState),
  };
}

/** `name`, or `name(params)`. */
function labelOf(thing: unknown): string {
  if (typeof thing === "string") return thing;
  if (typeof thing === "function") return names.get(thing) ?? "";
  if (typeof thing !== "object" || thing === null || !("type" in thing)) return "";
  const { type, params } = thing as { type: unknown; params?: unknown };
  return params === undefined ? String(type) : `${String(type)}(${JSON.stringify(params).replaceAll('"', "")})`;
}
