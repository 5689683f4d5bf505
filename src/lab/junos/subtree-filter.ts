import type { XmlElement } from "../../xml/element.ts";

/**
 * Selects parts of a tree by a subtree filter (RFC 6241 section 6). Namespaces are not compared: Junos takes filters
 * with and without.
 * @returns undefined when nothing is selected
 */
export function selectSubtree(data: XmlElement, filter: XmlElement): XmlElement | undefined {
  if (data.name !== filter.name) return undefined;
  const matches = filter.children.filter((each) => each.children.length === 0 && each.text !== "");
  for (const match of matches) {
    if (!data.children.some((each) => each.name === match.name && each.text === match.text)) return undefined;
  }
  const selections = filter.children.filter((each) => !matches.includes(each));
  if (selections.length === 0) return filter.text === "" || filter.text === data.text ? data : undefined;
  const children = data.children.flatMap((each) => {
    if (matches.some((match) => match.name === each.name && match.text === each.text)) return [each];
    const parts = selections.flatMap((selection) => selectSubtree(each, selection) ?? []);
    return parts.length === 0 ? [] : [mergeParts(parts)];
  });
  return children.length === 0 ? undefined : { ...data, children };
}

/** An element that several parts of the filter select comes once, with all that was selected of it. */
function mergeParts(parts: readonly XmlElement[]): XmlElement {
  const [first, ...rest] = parts;
  if (!first) throw new RangeError("nothing to merge");
  const children = [...first.children];
  for (const part of rest) for (const each of part.children) if (!children.includes(each)) children.push(each);
  return { ...first, children };
}
