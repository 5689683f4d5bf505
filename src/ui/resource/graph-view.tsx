import { useEffect, useId, useState } from "preact/hooks";
import type { DependencyGraph, GraphNode } from "../api-types.ts";
import type { ChartBox } from "../chart/chart-graph.ts";
import { type Layout, place } from "../chart/elk-layout.ts";
import { short, words } from "../format.ts";
import { onLink, resourcePath } from "../location.ts";
import { ScrollRegion } from "../scroll-region.tsx";
import { toneOf } from "../state-chip.tsx";

const KINDS = { waits: "waits for", refers: "refers to", belongs: "belongs to" } as const;

/** What a resource waits for, what waits for it, and what it stands on. An arrow leads to what has to be there first. */
export function GraphView({ graph }: { graph: DependencyGraph }) {
  const [layout, setLayout] = useState<Layout>();
  const arrow = useId();
  const shape = JSON.stringify([graph.nodes.map(keyOf), graph.edges.map(({ from, to }) => [from, to])]);
  // Places depend on the shape only, so live states move nothing.
  useEffect(() => {
    let isHere = true;
    const boxes = graph.nodes.map(
      (node): ChartBox => ({
        id: keyOf(node),
        name: node.name,
        kind: "atomic",
        width: Math.min(260, Math.max(130, labelOf(node).length * 7.2 + 34, factsOf(node).length * 6.6 + 38)),
        height: 46,
        inner: 0,
        initial: false,
        children: [],
      }),
    );
    const edges = graph.edges.map(({ from, to }) => ({ id: `${from}>${to}`, from, to, lines: [], events: [] }));
    void place({ boxes, edges }, "RIGHT").then((found) => {
      if (isHere) setLayout(found);
    });
    return () => {
      isHere = false;
    };
  }, [shape]);
  if (layout === undefined) return <p class="faint">Drawing the graph</p>;
  const nodes = new Map(graph.nodes.map((node) => [keyOf(node), node]));
  const kinds = new Map(graph.edges.map((edge) => [`${edge.from}>${edge.to}`, edge]));
  return (
    <>
      <p class="legend">
        <span class="key waits">waits for</span>
        <span class="key refers">refers to</span>
        <span class="key belongs">belongs to</span>
        {graph.cut && <span class="faint">There are more than these.</span>}
      </p>
      <ScrollRegion class="" label="Graph of dependencies">
        <svg
          class="graph"
          viewBox={`0 0 ${layout.width} ${layout.height}`}
          width={layout.width}
          height={layout.height}
          role="group"
          aria-label="What the resource waits for, and what waits for it"
        >
          <defs>
            <marker
              id={arrow}
              viewBox="0 0 8 8"
              refX="7"
              refY="4"
              markerWidth="7"
              markerHeight="7"
              orient="auto"
              markerUnits="userSpaceOnUse"
            >
              <path class="arrow" d="M0,0.5 L8,4 L0,7.5 z" />
            </marker>
          </defs>
          {layout.edges.map(({ id, path }) => {
            const edge = kinds.get(id);
            return (
              <path key={id} class={`link ${edge?.kind ?? ""}`} d={path} marker-end={`url(#${arrow})`}>
                <title>{edge === undefined ? "" : `${KINDS[edge.kind]} ${edge.jobs.join(", ")}`}</title>
              </path>
            );
          })}
          {layout.boxes.map(({ id, x, y, width, height }) => {
            const node = nodes.get(id);
            if (node === undefined) return null;
            return (
              <a
                key={id}
                href={resourcePath(node.type, node.id)}
                onClick={onLink}
                class={`node tone-${toneOf(node.state)}${id === graph.root ? " root" : ""}`}
              >
                <rect x={x} y={y} width={width} height={height} rx="7" />
                <circle cx={x + 14} cy={y + 16} r="5" />
                <text x={x + 26} y={y + 20}>
                  {labelOf(node)}
                </text>
                <text class="inner" x={x + 26} y={y + 36}>
                  {factsOf(node)}
                </text>
                <title>{`${node.type} ${node.name} ${node.id}\n${words(node.state)}\n${node.error}`}</title>
              </a>
            );
          })}
        </svg>
      </ScrollRegion>
    </>
  );
}

function keyOf(node: GraphNode): string {
  return `${node.type}/${node.id}`;
}

function factsOf(node: GraphNode): string {
  return `${node.type}, ${words(node.state)}`;
}

function labelOf(node: GraphNode): string {
  const name = node.name === "" ? short(node.id) : node.name;
  return name.length > 27 ? `${name.slice(0, 26)}…` : name;
}
