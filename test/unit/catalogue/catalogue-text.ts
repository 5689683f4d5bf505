import { type Catalogue, loadCatalogue } from "../../../src/catalogue/load-catalogue.ts";
import type { TypeDefinition } from "../../../src/catalogue/type-definition.ts";
import { SignalboxError } from "../../../src/errors.ts";

/** Texts of `type.yaml` files by their types' names. */
export type TypeTexts = Readonly<Record<string, string>>;

export function catalogueOf(texts: TypeTexts): Catalogue {
  return loadCatalogue(Object.entries(texts).map(([name, text]) => ({ path: `${name}/type.yaml`, text })));
}

export function typeOf(catalogue: Catalogue, name: string): TypeDefinition {
  const type = catalogue.types.get(name);
  if (type === undefined) throw new Error(`there is no type ${name}`);
  return type;
}

/** The mistakes that are found in texts, each as `file:line: cause`. */
export function mistakesOf(texts: TypeTexts): string[] {
  try {
    catalogueOf(texts);
    return [];
  } catch (error) {
    if (!(error instanceof SignalboxError) || error.code !== "SB_CATALOGUE_INVALID") throw error;
    return error.message.split("\n  ").slice(1);
  }
}

/** The error that an action ends with. */
export function refusalOf(action: () => unknown): SignalboxError {
  try {
    action();
  } catch (error) {
    if (error instanceof SignalboxError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}
