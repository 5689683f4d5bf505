import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Catalogue, loadCatalogue, type SourceFile } from "../../catalogue/load-catalogue.ts";
import type { HandlerTemplate } from "../../catalogue/type-definition.ts";
import { SignalboxError } from "../../errors.ts";
import { ConfigurationTemplates } from "./configuration-templates.ts";

/** The templates that come with the program. */
export const builtInTemplates = fileURLToPath(new URL("../../../templates/", import.meta.url));

/**
 * Loads and checks a templates folder: every `<type>/type.yaml`, and every router configuration that one names.
 * @throws SB_CATALOGUE_INVALID naming file, line and cause of every mistake
 */
export function loadTemplates(folder: string = builtInTemplates): {
  catalogue: Catalogue;
  configurations: ConfigurationTemplates;
} {
  if (!existsSync(folder)) throw new SignalboxError("SB_CATALOGUE_INVALID", `there is no templates folder ${folder}`);
  const files: SourceFile[] = readdirSync(folder, { withFileTypes: true })
    .filter(
      (entry) =>
        entry.isDirectory() && !entry.name.startsWith("_") && existsSync(join(folder, entry.name, "type.yaml")),
    )
    .map((entry) => ({
      path: `${entry.name}/type.yaml`,
      text: readFileSync(join(folder, entry.name, "type.yaml"), "utf8"),
    }));
  if (files.length === 0)
    throw new SignalboxError("SB_CATALOGUE_INVALID", `the templates folder ${folder} has no <type>/type.yaml`);
  const catalogue = loadCatalogue(files);
  const handlers: HandlerTemplate[] = [...catalogue.types.values()].flatMap((type) => Object.values(type.handlers));
  return { catalogue, configurations: ConfigurationTemplates.load(folder, handlers) };
}
