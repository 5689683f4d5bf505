import { SignalboxError } from "../errors.ts";

/** Names a value in a text of a template: `$name`, or `${object.field|filter}` with an optional filter. */
const WHOLE = /^(?:\$([A-Za-z_]\w*)|\$\{([A-Za-z_][\w.]*)(?:\|(\w+))?\})$/;
const PART = /\$\{([A-Za-z_][\w.]*)(?:\|(\w+))?\}|\$([A-Za-z_]\w*)/g;

const filters: Readonly<Record<string, (value: unknown) => unknown>> = {
  lower: (value) => String(value).toLowerCase(),
  /** "a:b:c" to its parts; a list stays one. */
  split: (value) => (Array.isArray(value) ? value : String(value).split(":")),
  /** The address of an address block. */
  address: (value) => String(value).split("/")[0],
  /** The length of an address block, as a number. */
  prefix_length: (value) => Number(String(value).split("/")[1]),
  /** Contrail writes "no gateway" as 0.0.0.0. */
  or_zero_address: (value) => value ?? "0.0.0.0",
};

/**
 * Fills the names in a tree of data. A text that is one name takes the value as it is; a list inside a list is spread.
 * @throws SB_PARAMETER_INVALID when a name leads nowhere
 */
export function fillParams(tree: unknown, values: Readonly<Record<string, unknown>>): unknown {
  if (typeof tree === "string") return fillText(tree, values);
  if (Array.isArray(tree)) {
    return tree.flatMap((item: unknown) => {
      const filled = fillParams(item, values);
      return Array.isArray(filled) && typeof item === "string" ? filled : [filled];
    });
  }
  if (typeof tree === "object" && tree !== null) {
    return Object.fromEntries(Object.entries(tree).map(([key, value]) => [key, fillParams(value, values)]));
  }
  return tree;
}

function fillText(text: string, values: Readonly<Record<string, unknown>>): unknown {
  const whole = WHOLE.exec(text);
  if (whole) return lookUp(whole[1] ?? whole[2] ?? "", whole[3], values);
  return text.replace(PART, (_match, path: string | undefined, filter: string | undefined, name: string | undefined) =>
    String(lookUp(path ?? name ?? "", filter, values)),
  );
}

function lookUp(path: string, filter: string | undefined, values: Readonly<Record<string, unknown>>): unknown {
  let value: unknown = values;
  for (const part of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) {
      throw new SignalboxError("SB_PARAMETER_INVALID", `${path} has no value (at "${part}")`);
    }
    value = (value as Record<string, unknown>)[part];
  }
  if (filter === undefined) return value;
  const apply = isFilter(filter) ? filters[filter] : undefined;
  if (apply === undefined) throw new SignalboxError("SB_CATALOGUE_INVALID", `unknown filter ${filter}`);
  return apply(value);
}

export function isFilter(name: string): boolean {
  return Object.hasOwn(filters, name);
}
