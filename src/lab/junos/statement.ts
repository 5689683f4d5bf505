/** How a statement of the configuration is built; a compact stand-in for what Junos knows of its own syntax. */
export interface Statement {
  /**
   * `word` is the fallback for what the table does not know: each word is a node of its own, so that nothing is lost.
   */
  readonly kind: "container" | "list" | "leaf" | "leaf-list" | "flag" | "word";
  /** The word in text when it is not the XML name; "" when the statement is written without one (interface names). */
  readonly keyword?: string;
  /** XML name of a list's key; "name" when absent. */
  readonly key?: string;
  /** XML element around a leaf's value, as in `<input><filter-name>F</filter-name></input>`. */
  readonly valueElement?: string;
  /** Substatements by XML name. A getter where the table refers to itself. */
  readonly children?: Readonly<Record<string, Statement>>;
  /** The container means something although it is empty (`family inet;`). */
  readonly presence?: boolean;
  /** The container is written before each of its children: `family inet { ... }`. */
  readonly join?: boolean;
  /** The entries of the list share one block: `groups { A { ... } B { ... } }`. */
  readonly block?: boolean;
  /** All substatements stand on one line: `teardown 80 idle-timeout forever;`. */
  readonly line?: boolean;
  /** A single substatement stands on the same line: `then accept;`. */
  readonly collapse?: boolean;
  /** The order of the entries has a meaning (ordered-by user). */
  readonly userOrdered?: boolean;
  /** The value is shown scrambled. */
  readonly secret?: boolean;
  /** A substatement that is not in the table is a syntax error. */
  readonly closed?: boolean;
  /** Smallest and largest number that the value or key may be. */
  readonly range?: readonly [number, number];
}

type Options = Omit<Statement, "kind" | "children">;
type Children = Readonly<Record<string, Statement>>;

export const container = (children: Children, options: Options = {}): Statement => ({
  kind: "container",
  children,
  ...options,
});
export const list = (children: Children = {}, options: Options = {}): Statement => ({
  kind: "list",
  children,
  ...options,
});
export const leaf = (options: Options = {}): Statement => ({ kind: "leaf", ...options });
export const leafList = (options: Options = {}): Statement => ({ kind: "leaf-list", ...options });
export const flag: Statement = { kind: "flag" };
export const word: Statement = { kind: "word" };

/** Statements that may stand at every level. */
const everywhere: Children = {
  "apply-groups": leafList({ userOrdered: true }),
  "apply-groups-except": leafList({ userOrdered: true }),
};

/** A substatement as it is looked up: its XML name and what it is. */
export interface NamedStatement {
  readonly name: string;
  readonly statement: Statement;
}

const byKeyword = new WeakMap<Statement, Map<string, NamedStatement>>();

function keywordTable(parent: Statement): Map<string, NamedStatement> {
  let table = byKeyword.get(parent);
  if (!table) {
    table = new Map();
    for (const [name, statement] of Object.entries({ ...everywhere, ...parent.children })) {
      table.set(statement.keyword ?? name, { name, statement });
    }
    byKeyword.set(parent, table);
  }
  return table;
}

/** May this statement have substatements? */
export const isBranch = (statement: Statement): boolean =>
  statement.kind === "container" || statement.kind === "list" || statement.kind === "word";

/**
 * Finds the substatement that `text` begins: by keyword, else the one that is written without a keyword (named ""),
 * else the opaque word. Undefined when the parent is closed.
 */
export function substatement(parent: Statement, text: string): NamedStatement | undefined {
  if (parent.kind === "word") {
    const common = everywhere[text];
    return common ? { name: text, statement: common } : { name: text, statement: word };
  }
  const table = keywordTable(parent);
  const known = text === "" ? undefined : table.get(text);
  return known ?? table.get("") ?? (parent.closed ? undefined : { name: text, statement: word });
}

/** Finds a substatement by its XML name; the opaque word when the table does not know it, undefined when closed. */
export function substatementByXmlName(parent: Statement, name: string): Statement | undefined {
  const own = parent.children;
  const known = (own && Object.hasOwn(own, name) ? own[name] : undefined) ?? everywhere[name];
  return known ?? (parent.closed ? undefined : word);
}
