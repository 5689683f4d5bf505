import { useEffect, useId, useMemo, useState } from "preact/hooks";
import type { Machine } from "../api-types.ts";
import { words } from "../format.ts";
import { chartGraph } from "./chart-graph.ts";
import { type Layout, layoutOf, type PlacedBox } from "./elk-layout.ts";

export interface StatechartProps {
  readonly machine: Machine;
  /** Paths of the states that it is in. */
  readonly current: readonly string[];
  /** By id of an edge: the events that led along it, oldest first. */
  readonly taken: ReadonlyMap<string, readonly string[]>;
  /** The edge of the last transition; "" when it stayed where it was. */
  readonly last: string;
  /** The state whose transitions are listed. */
  readonly selected?: string | undefined;
  readonly onSelect?: (path: string) => void;
}

/** A machine as its definition says, with what it is in lit and what it has taken marked. */
export function Statechart({ machine, current, taken, last, selected, onSelect }: StatechartProps) {
  const graph = useMemo(() => chartGraph(machine), [machine]);
  const [layout, setLayout] = useState<Layout>();
  const arrow = useId();
  useEffect(() => {
    let isHere = true;
    void layoutOf(machine.name, graph, "DOWN").then((found) => {
      if (isHere) setLayout(found);
    });
    return () => {
      isHere = false;
    };
  }, [machine.name, graph]);
  if (layout === undefined) return <div class="chart chart-loading">Drawing the chart</div>;
  const lines = new Map(graph.edges.map((edge) => [edge.id, edge]));
  const edges = layout.edges.toSorted((a, b) => rank(a.id) - rank(b.id));
  function rank(id: string): number {
    return id === last ? 2 : taken.has(id) ? 1 : 0;
  }
  const where = current.map((path) => words(path.split(".").at(-1) ?? "")).join(" and ");
  return (
    <svg
      class="chart"
      viewBox={`0 0 ${layout.width} ${layout.height}`}
      style={{ maxWidth: `${layout.width}px` }}
      role="group"
      aria-label={`Statechart ${machine.name}, in ${where}`}
    >
      <defs>
        {["plain", "taken", "last"].map((kind) => (
          <marker
            key={kind}
            id={`${arrow}-${kind}`}
            class={`arrow ${kind}`}
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path d="M0,0.5 L8,4 L0,7.5 z" />
          </marker>
        ))}
      </defs>
      {layout.boxes
        .filter((box) => box.isRegion)
        .map((box) => (
          <g key={box.id} class="region">
            <rect x={box.x} y={box.y} width={box.width} height={box.height} rx="8" />
            <text x={box.x + 14} y={box.y + 21}>
              {words(box.name)}
            </text>
          </g>
        ))}
      {edges.map(({ id, path }) => {
        const kind = id === last ? "last" : taken.has(id) ? "taken" : "plain";
        const near = selected !== undefined && id.startsWith(`${selected}>`) ? " near" : "";
        return (
          <path key={id} class={`edge ${kind}${near}`} d={path} marker-end={`url(#${arrow}-${kind})`} data-edge={id}>
            <title>{lines.get(id)?.lines.join("\n")}</title>
          </path>
        );
      })}
      {layout.boxes
        .filter((box) => !box.isRegion)
        .map((box) => (
          <State
            key={box.id}
            box={box}
            isCurrent={current.includes(box.id)}
            isSelected={selected === box.id}
            onSelect={onSelect}
          />
        ))}
      {edges
        .filter(({ id }) => taken.has(id))
        .map(({ id, middle }) => {
          const events = [...new Set(taken.get(id))];
          const count = taken.get(id)?.length ?? 0;
          const text = `${events.join(", ")}${count > events.length ? ` ×${count}` : ""}`;
          return (
            <text key={id} class={`edge-label ${id === last ? "last" : ""}`} x={middle.x} y={middle.y + 4}>
              {text}
            </text>
          );
        })}
    </svg>
  );
}

interface StateProps {
  readonly box: PlacedBox;
  readonly isCurrent: boolean;
  readonly isSelected: boolean;
  readonly onSelect: ((path: string) => void) | undefined;
}

function State({ box, isCurrent, isSelected, onSelect }: StateProps) {
  const { id, x, y, width, height, name, inner, initial } = box;
  const select = () => onSelect?.(id);
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    select();
  };
  const classes = `state${isCurrent ? " current" : ""}${isSelected ? " selected" : ""}`;
  const content = (
    <>
      <rect x={x} y={y} width={width} height={height} rx="7" />
      {initial && <circle class="initial" cx={x + 10} cy={y + height / 2} r="3.5" />}
      <text x={x + width / 2} y={y + (inner > 0 ? 17 : 24)}>
        {words(name)}
      </text>
      {inner > 0 && (
        <text class="inner" x={x + width / 2} y={y + 31}>
          {`↻ ${inner} without leaving`}
        </text>
      )}
    </>
  );
  if (onSelect === undefined) {
    return (
      <g class={classes} data-state={id}>
        {content}
      </g>
    );
  }
  return (
    <g
      class={`${classes} selectable`}
      data-state={id}
      role="button"
      tabIndex={0}
      aria-pressed={isSelected}
      aria-current={isCurrent ? "true" : undefined}
      onClick={select}
      onKeyDown={onKey}
    >
      {content}
    </g>
  );
}
