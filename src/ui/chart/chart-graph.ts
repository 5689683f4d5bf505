import type { Machine, MachineState } from "../api-types.ts";
import { words } from "../format.ts";

/** A box of a chart: a state with a place, after `elkjs` has found one. */
export interface ChartBox {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly width: number;
  readonly height: number;
  /** Transitions that stay in the state. */
  readonly inner: number;
  readonly initial: boolean;
  readonly children: readonly ChartBox[];
}

/** All transitions from one state to another. */
export interface ChartEdge {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** `EVENT [guard] / actions`, one per transition. */
  readonly lines: readonly string[];
  readonly events: readonly string[];
}

export interface ChartGraph {
  readonly boxes: readonly ChartBox[];
  readonly edges: readonly ChartEdge[];
}

const LETTER = 7.4;
const HEIGHT = 38;

/** What is to be drawn of a machine: nothing that its definition does not say. */
export function chartGraph({ root }: Machine): ChartGraph {
  const edges = new Map<string, ChartEdge>();
  const collect = (state: MachineState) => {
    for (const { event, targets, guard, actions } of state.transitions) {
      for (const target of targets) {
        // What a region does in each of its states is no line of its own.
        if (target === state.path || state.states.length > 0) continue;
        const id = edgeId(state.path, target);
        const line = transitionLine(event, guard, actions);
        const known = edges.get(id);
        edges.set(id, {
          id,
          from: state.path,
          to: target,
          lines: [...(known?.lines ?? []), line],
          events: [...(known?.events ?? []), event],
        });
      }
    }
    state.states.forEach(collect);
  };
  collect(root);
  // The root itself is no box, unless it has regions: then each region is one.
  return { boxes: root.states.map((state) => boxOf(state, root)), edges: [...edges.values()] };
}

function boxOf(state: MachineState, parent: MachineState): ChartBox {
  const inner = state.transitions.filter(({ targets }) => targets.length === 0 || targets.includes(state.path)).length;
  return {
    id: state.path,
    name: state.name,
    kind: state.kind,
    width: Math.max(inner > 0 ? 136 : 96, words(state.name).length * LETTER + 30),
    height: HEIGHT,
    inner,
    initial: parent.initial === state.name,
    children: state.states.map((child) => boxOf(child, state)),
  };
}

export function edgeId(from: string, to: string): string {
  return `${from}>${to}`;
}

/** As charts write it (UML): what happens, when it counts, what is done. */
export function transitionLine(event: string, guard: string, actions: readonly string[]): string {
  const when = guard === "" ? "" : ` [${guard}]`;
  return `${event}${when}${actions.length === 0 ? "" : ` / ${actions.join(", ")}`}`;
}

/** The state with this path. */
export function findState(state: MachineState, path: string): MachineState | undefined {
  if (state.path === path) return state;
  for (const child of state.states) {
    const found = findState(child, path);
    if (found !== undefined) return found;
  }
  return undefined;
}
