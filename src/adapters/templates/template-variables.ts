import nunjucks from "nunjucks";

/** The parts of nunjucks' syntax tree that are read here; its published types leave them out. */
interface Node {
  readonly typename?: string;
  readonly lineno?: number;
  readonly value?: unknown;
  readonly target?: Node;
  readonly val?: Node;
  readonly name?: Node;
  readonly targets?: readonly Node[];
  readonly arr?: Node;
  readonly fields?: readonly string[];
  readonly [key: string]: unknown;
}

const parser = (nunjucks as unknown as { parser: { parse(text: string): Node } }).parser;

/**
 * The variables that a template reads, with the line (from 1) of each. Names that the template sets itself (loop variables,
 * `set`) are left out.
 * @example variablesOf("{{ self.ip }}") // [{ name: ["self", "ip"], line: 1 }]
 */
export function variablesOf(text: string): Array<{ name: readonly string[]; line: number }> {
  const found: Array<{ name: readonly string[]; line: number }> = [];
  const own = new Set<string>(["loop"]);
  const visit = (node: Node | undefined): void => {
    if (node === undefined || node === null) return;
    if (Array.isArray(node)) {
      for (const item of node as Node[]) visit(item);
      return;
    }
    if (node.typename === "For") for (const name of symbolsOf(node.name)) own.add(name);
    if (node.typename === "Set")
      for (const target of node.targets ?? []) for (const name of symbolsOf(target)) own.add(name);
    if (node.typename === "Filter") {
      visit(node["args"] as Node);
      return;
    }
    const name = nameOf(node);
    if (name !== undefined) {
      if (name[0] !== undefined && !own.has(name[0])) found.push({ name, line: (node.lineno ?? 0) + 1 });
      return;
    }
    for (const field of node.fields ?? []) visit(node[field] as Node | undefined);
    const { children } = node as { children?: readonly Node[] };
    if (node.fields?.includes("children") !== true) for (const item of children ?? []) visit(item);
  };
  visit(parser.parse(text));
  return found;
}

function symbolsOf(node: Node | undefined): string[] {
  if (node === undefined) return [];
  if (node.typename === "Symbol") return [String(node.value)];
  return ((node as { children?: readonly Node[] }).children ?? []).flatMap(symbolsOf);
}

function nameOf(node: Node): string[] | undefined {
  if (node.typename === "Symbol") return [String(node.value)];
  if (node.typename !== "LookupVal") return undefined;
  const target = node.target === undefined ? undefined : nameOf(node.target);
  return target === undefined || node.val?.typename !== "Literal" ? target : [...target, String(node.val.value)];
}
