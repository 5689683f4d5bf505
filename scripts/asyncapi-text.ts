import { stringify } from "yaml";
import { asyncApiDocument } from "../src/adapters/nats-api/asyncapi.ts";
import { Subjects } from "../src/adapters/nats-api/subjects.ts";
import { loadTemplates } from "../src/adapters/templates/load-templates.ts";

/** What docs/asyncapi.yaml must hold: the API on NATS of the built-in types. */
export function asyncApiText(): string {
  const { catalogue } = loadTemplates();
  const types = [...catalogue.types.values()];
  return `# Written by scripts/write-asyncapi.ts from the types under templates/.\n${stringify(
    asyncApiDocument(types, new Subjects()),
    { lineWidth: 120, aliasDuplicateObjects: false },
  )}`;
}
