import type { DescribedState, MachineDescription } from "../../machines/describe-machine.ts";

interface StateConfig {
  readonly id?: string;
  readonly type?: "parallel" | "final" | "history";
  readonly initial?: string;
  readonly on: Readonly<Record<string, readonly TransitionConfig[]>>;
  readonly states: Readonly<Record<string, StateConfig>>;
}

interface TransitionConfig {
  readonly target?: string;
  readonly guard?: { readonly type: string };
  readonly actions: ReadonlyArray<{ readonly type: string }>;
}

/** A description as XState's own configuration, which the Stately inspector draws. */
export function machineConfig({ name, root }: MachineDescription): StateConfig {
  return { id: name, ...stateConfig(root, name) };
}

function stateConfig(state: DescribedState, machine: string): StateConfig {
  const on: Record<string, TransitionConfig[]> = {};
  for (const { event, targets, guard, actions } of state.transitions) {
    const [target] = targets;
    const transition: TransitionConfig = {
      ...(target === undefined ? {} : { target: `#${machine}.${target}` }),
      ...(guard === "" ? {} : { guard: { type: guard } }),
      actions: actions.map((type) => ({ type })),
    };
    on[event] = [...(on[event] ?? []), transition];
  }
  const { kind, initial, states } = state;
  return {
    ...(kind === "parallel" || kind === "final" || kind === "history" ? { type: kind } : {}),
    ...(initial === "" ? {} : { initial }),
    on,
    states: Object.fromEntries(states.map((child) => [child.name, stateConfig(child, machine)])),
  };
}
