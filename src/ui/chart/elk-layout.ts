import type { ELK, ElkExtendedEdge, ElkNode } from "elkjs/lib/elk-api.js";
import type { ChartBox, ChartGraph } from "./chart-graph.ts";

interface Point {
  readonly x: number;
  readonly y: number;
}

export interface PlacedBox extends Omit<ChartBox, "children"> {
  readonly x: number;
  readonly y: number;
  /** It holds other boxes. */
  readonly isRegion: boolean;
}

export interface PlacedEdge {
  readonly id: string;
  readonly points: readonly Point[];
  /** For an SVG path. */
  readonly path: string;
  readonly middle: Point;
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly PlacedBox[];
  readonly edges: readonly PlacedEdge[];
}

const SPACING = {
  "elk.algorithm": "layered",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.spacing.nodeNode": "26",
  "elk.spacing.edgeNode": "14",
  "elk.spacing.edgeEdge": "9",
  "elk.layered.spacing.nodeNodeBetweenLayers": "44",
  "elk.layered.spacing.edgeNodeBetweenLayers": "16",
  "elk.layered.spacing.edgeEdgeBetweenLayers": "9",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
  "elk.layered.mergeEdges": "true",
};

/** Room of a region around its states, with its name at the top. */
const REGION = { top: 34, side: 14, gap: 14 };

const done = new Map<string, Promise<Layout>>();

/** Finds a place for everything, once for each graph: elkjs is loaded with the first. */
export function layoutOf(key: string, graph: ChartGraph, direction: "DOWN" | "RIGHT"): Promise<Layout> {
  const known = done.get(key);
  if (known !== undefined) return known;
  const layout = place(graph, direction);
  done.set(key, layout);
  return layout;
}

/** The same for a graph that will not come again. Regions, which no edge leaves, are put below each other. */
export async function place(graph: ChartGraph, direction: "DOWN" | "RIGHT"): Promise<Layout> {
  if (!graph.boxes.some(({ children }) => children.length > 0)) return await placePlain(graph, direction);
  const boxes: PlacedBox[] = [];
  const edges: PlacedEdge[] = [];
  let width = 0;
  let height = 0;
  for (const region of graph.boxes) {
    const isInside = (id: string) => id.startsWith(`${region.id}.`);
    const inside = graph.edges.filter(({ from, to }) => isInside(from) && isInside(to));
    const part = await placePlain({ boxes: region.children, edges: inside }, direction);
    const at = { x: REGION.side, y: height + REGION.top };
    const { children: _children, ...frame } = region;
    const size = { width: part.width + 2 * REGION.side, height: part.height + REGION.top + REGION.side };
    boxes.push({ ...frame, ...size, x: 0, y: height, isRegion: true });
    boxes.push(...part.boxes.map((box) => ({ ...box, x: box.x + at.x, y: box.y + at.y })));
    edges.push(...part.edges.map((edge) => movedEdge(edge, at)));
    width = Math.max(width, size.width);
    height += size.height + REGION.gap;
  }
  const wide = boxes.map((box) => (box.isRegion ? { ...box, width } : box));
  return { width, height: height - REGION.gap, boxes: wide, edges };
}

async function placePlain(graph: ChartGraph, direction: "DOWN" | "RIGHT"): Promise<Layout> {
  const { default: bundled } = await import("elkjs/lib/elk.bundled.js");
  // Its declarations fit a bundler's way to import it; another resolution takes the class for the module.
  const Elk = bundled as unknown as new () => ELK;
  const edges: ElkExtendedEdge[] = graph.edges.map(({ id, from, to }) => ({ id, sources: [from], targets: [to] }));
  const result: ElkNode = await new Elk().layout({
    id: "",
    layoutOptions: {
      ...SPACING,
      "elk.direction": direction,
      // States that no line connects stand in a row.
      "elk.aspectRatio": graph.edges.length === 0 ? "9" : "1.6",
      "elk.padding": "[top=4,left=4,bottom=4,right=4]",
    },
    children: graph.boxes.map(nodeOf),
    edges,
  });
  const all = new Map(graph.boxes.map((box) => [box.id, box]));
  const boxes = (result.children ?? []).flatMap((child): PlacedBox[] => {
    const box = all.get(child.id);
    if (box === undefined) return [];
    const { children: _children, ...rest } = box;
    return [{ ...rest, x: child.x ?? 0, y: child.y ?? 0, isRegion: false }];
  });
  const placed = (result.edges ?? []).map(placedEdge);
  return { width: result.width ?? 0, height: result.height ?? 0, boxes, edges: placed };
}

function nodeOf({ id, width, height, initial }: ChartBox): ElkNode {
  const first = initial ? { layoutOptions: { "elk.layered.layering.layerConstraint": "FIRST" } } : {};
  return { id, width, height, ...first };
}

function placedEdge(edge: ElkExtendedEdge): PlacedEdge {
  const points = (edge.sections ?? []).flatMap(({ startPoint, bendPoints, endPoint }) => [
    startPoint,
    ...(bendPoints ?? []),
    endPoint,
  ]);
  return { id: edge.id, points, path: pathOf(points), middle: middleOf(points) };
}

function movedEdge({ id, points }: PlacedEdge, by: Point): PlacedEdge {
  const moved = points.map(({ x, y }) => ({ x: x + by.x, y: y + by.y }));
  return { id, points: moved, path: pathOf(moved), middle: middleOf(moved) };
}

function pathOf(points: readonly Point[]): string {
  return points.map(({ x, y }, at) => `${at === 0 ? "M" : "L"}${x.toFixed(1)},${y.toFixed(1)}`).join(" ");
}

/** The middle of the longest piece: there is most room for a word. */
function middleOf(points: readonly Point[]): Point {
  let best = { x: 0, y: 0 };
  let longest = -1;
  for (let at = 1; at < points.length; at += 1) {
    const [a, b] = [points[at - 1], points[at]];
    if (a === undefined || b === undefined) continue;
    const length = Math.abs(a.x - b.x) + Math.abs(a.y - b.y);
    if (length <= longest) continue;
    longest = length;
    best = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  }
  return best;
}
