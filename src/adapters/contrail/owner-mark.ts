import type { Json, ObjectOwner } from "../../actors/ports.ts";

/** Key of the annotation that names an object's owner. */
export const OWNER_KEY = "signalbox_owner";

type Pair = { readonly key: string; readonly value: string };
type Data = { readonly [key: string]: Json | undefined };

/** An owner as the annotation names it: `type/id`. */
export function ownerText({ type, id }: ObjectOwner): string {
  return `${type}/${id}`;
}

/** Whose an object is, as its annotations say: `type/id`; undefined when nobody has marked it. */
export function markOf(held: Data): string | undefined {
  return pairsOf(held).find(({ key }) => key === OWNER_KEY)?.value;
}

/**
 * The annotations of an object that its owner makes or changes: those that are held stay, for the controller replaces them all at once, and
 * those that are wanted and the owner's mark come to them.
 */
export function annotationsWith(owner: ObjectOwner, wanted: Data, held: Data): Json {
  const pairs = new Map<string, string>();
  for (const { key, value } of [...pairsOf(held), ...pairsOf(wanted)]) pairs.set(key, value);
  pairs.set(OWNER_KEY, ownerText(owner));
  return { key_value_pair: [...pairs].map(([key, value]) => ({ key, value })) };
}

/** Contrail's KeyValuePairs: `{ key_value_pair: [{ key, value }] }`. */
function pairsOf(data: Data): Pair[] {
  const annotations = data["annotations"];
  if (typeof annotations !== "object" || annotations === null || Array.isArray(annotations)) return [];
  const list = (annotations as Data)["key_value_pair"];
  return Array.isArray(list) ? (list as readonly Json[]).flatMap((pair) => (isPair(pair) ? [pair] : [])) : [];
}

function isPair(value: Json): value is Pair {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { key, value: text } = value as Data;
  return typeof key === "string" && typeof text === "string";
}
