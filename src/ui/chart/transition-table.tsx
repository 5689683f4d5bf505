import type { Machine } from "../api-types.ts";
import { words } from "../format.ts";
import { ScrollRegion } from "../scroll-region.tsx";
import { edgeId, findState } from "./chart-graph.ts";

export interface TransitionTableProps {
  readonly machine: Machine;
  readonly path: string;
  /** By id of an edge, that of a state to itself included: the events that led along it. */
  readonly taken: ReadonlyMap<string, readonly string[]>;
}

/** What a state does with each event: its guards and actions in words, and how often it happened. */
export function TransitionTable({ machine, path, taken }: TransitionTableProps) {
  const state = findState(machine.root, path);
  // What a region does is done in each of its states.
  const parent = path.includes(".") ? findState(machine.root, path.slice(0, path.lastIndexOf("."))) : undefined;
  if (state === undefined) return null;
  const rows = [...state.transitions, ...(parent?.transitions ?? [])];
  return (
    <section class="transitions">
      <h3>In {words(state.name)}</h3>
      {rows.length === 0 ? (
        <p class="faint">Nothing happens in it any more.</p>
      ) : (
        <ScrollRegion class="" label={`Transitions of ${words(state.name)}`}>
          <table>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">If</th>
                <th scope="col">Does</th>
                <th scope="col">Leads to</th>
                <th scope="col">Taken</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ event, guard, actions, targets }, at) => {
                const target = targets[0];
                const times = (taken.get(edgeId(path, target ?? path)) ?? []).filter((each) => each === event).length;
                return (
                  <tr key={`${event}${at}`} class={times > 0 ? "was-taken" : ""}>
                    <td>
                      <code>{event}</code>
                    </td>
                    <td>{guard}</td>
                    <td>{actions.join(", ")}</td>
                    <td>{target === undefined ? "stays" : words(target.split(".").at(-1) ?? "")}</td>
                    <td>{times > 0 ? `${times}×` : ""}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </ScrollRegion>
      )}
    </section>
  );
}
