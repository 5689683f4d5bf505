import { mapText, mergeTree } from "../../catalogue/device-config.ts";
import type { Catalogue } from "../../catalogue/load-catalogue.ts";
import type { Body } from "../../catalogue/resource-view.ts";
import type { TypeDefinition } from "../../catalogue/type-definition.ts";
import type { XmlElement } from "../../xml/element.ts";
import type { ResourceView } from "../gateway-api.ts";
import { isLeftOut, shownValue } from "../resource-answer.ts";
import { MASK, SEALED } from "../sealed-form.ts";

/** A body as an answer would have it. */
export function maskedBody(type: TypeDefinition, body: Body): ResourceView {
  return Object.fromEntries(
    Object.entries(type.fields).flatMap(([name, schema]) =>
      isLeftOut(schema, body, name) ? [] : [[name, shownValue(schema, body[name] ?? schema.default)]],
    ),
  );
}

/** The values of a body that nobody may see, sealed or not. */
export function secretsOf(catalogue: Catalogue, type: string, body: Body): string[] {
  return Object.entries(catalogue.types.get(type)?.fields ?? {}).flatMap(([name, { secret }]) => {
    const value = body[name];
    return secret && typeof value === "string" && value !== "" ? [value] : [];
  });
}

/** The configuration without marks and secrets. */
export function maskedTree(tree: XmlElement, secrets: ReadonlySet<string>): XmlElement {
  return mapText(mergeTree(tree), (text) => (secrets.has(text) ? MASK : text.replaceAll(SEALED, MASK)));
}
