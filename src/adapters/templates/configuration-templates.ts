import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import nunjucks from "nunjucks";
import type { ConfigurationRenderer } from "../../actors/ports.ts";
import type { HandlerTemplate } from "../../catalogue/type-definition.ts";
import { SignalboxError } from "../../errors.ts";
import { parseXml, type XmlElement, XmlSyntaxError } from "../../xml/element.ts";
import { variablesOf } from "./template-variables.ts";

/**
 * Router configuration as nunjucks templates of XML. Values are escaped, so input cannot become markup, and a variable that is not
 * there is an error (nunjucks: autoescape, throwOnUndefined).
 */
export class ConfigurationTemplates implements ConfigurationRenderer {
  private readonly templates: ReadonlyMap<string, nunjucks.Template>;

  private constructor(templates: ReadonlyMap<string, nunjucks.Template>) {
    this.templates = templates;
  }

  /**
   * Compiles every template that the handlers name and checks its variables against the handler's parameters.
   * @throws SB_CATALOGUE_INVALID naming file, line and cause
   */
  static load(folder: string, handlers: readonly HandlerTemplate[]): ConfigurationTemplates {
    const environment = new nunjucks.Environment(null, {
      autoescape: true,
      throwOnUndefined: true,
      trimBlocks: true,
      lstripBlocks: true,
    });
    environment.addFilter("host", (value: unknown) => String(value).split("/")[0]);
    environment.addFilter("prefix", (value: unknown) => (String(value).includes("/") ? value : `${String(value)}/32`));
    const templates = new Map<string, nunjucks.Template>();
    const mistakes: string[] = [];
    for (const handler of handlers) {
      if (handler.routers === undefined) continue;
      const { file, constants } = handler.routers;
      const path = join(folder, file);
      if (!existsSync(path)) {
        mistakes.push(`${file}:1: the file does not exist (template ${handler.name} names it)`);
        continue;
      }
      const text = readFileSync(path, "utf8");
      try {
        const params = Object.fromEntries(handler.params.map(({ param }) => [param, "1"]));
        const known = templateScope({ ...params, ...constants }, "primary");
        for (const { name, line } of variablesOf(text)) {
          if (!knows(known, name))
            mistakes.push(`${file}:${line}: ${name.join(".")} is no parameter of ${handler.name}`);
        }
        const template = new nunjucks.Template(text, environment, file, true);
        if (!/\sown=/.test(text))
          mistakes.push(`${file}:1: nothing is marked own="", so a deletion would leave it there`);
        mistakes.push(
          ...unknownMarks(text).map(
            ({ line, mark }) => `${file}:${line}: own="${mark}" is neither own="" nor own="last"`,
          ),
        );
        mistakes.push(...malformed(template, known).map(({ line, message }) => `${file}:${line}: ${message}`));
        templates.set(file, template);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        const line = /Line (\d+)/.exec(message)?.[1] ?? "1";
        mistakes.push(`${file}:${line}: ${message.split("\n").at(-1)?.trim() ?? message}`);
      }
    }
    if (mistakes.length > 0) {
      throw new SignalboxError(
        "SB_CATALOGUE_INVALID",
        `the router templates have mistakes (${mistakes.length}):\n  ${mistakes.join("\n  ")}`,
      );
    }
    return new ConfigurationTemplates(templates);
  }

  render(file: string, params: Readonly<Record<string, unknown>>, role: "primary" | "secondary"): XmlElement {
    const template = this.templates.get(file);
    if (template === undefined) throw new SignalboxError("SB_TEMPLATE_FAILED", `template ${file} is not loaded`);
    try {
      return parseXml(template.render(templateScope(params, role)));
    } catch (error) {
      const what = error instanceof XmlSyntaxError ? "does not make well-formed XML" : "cannot be rendered";
      const message = error instanceof Error ? error.message.replaceAll(/\s+/g, " ") : String(error);
      throw new SignalboxError("SB_TEMPLATE_FAILED", `template ${file} ${what}: ${message}`, {
        cause: error,
        statement: file,
      });
    }
  }
}

function unknownMarks(text: string): Array<{ line: number; mark: string }> {
  return text
    .split("\n")
    .flatMap((content, at) =>
      [...content.matchAll(/\sown="([^"]*)"/g)].map((match) => ({ line: at + 1, mark: match[1] ?? "" })),
    )
    .filter(({ mark }) => mark !== "" && mark !== "last");
}

/** Renders a sample with "1" for every parameter: tags that do not match show there. What cannot be rendered so says nothing. */
function malformed(template: nunjucks.Template, scope: Record<string, unknown>): XmlSyntaxError[] {
  try {
    const text = template.render(scope);
    if (text.trim() !== "") parseXml(text);
    return [];
  } catch (error) {
    return error instanceof XmlSyntaxError ? [error] : [];
  }
}

/**
 * What a template sees: every parameter by its name; and for the router in hand, `self.x` for `primary_x` or `secondary_x`
 * and `peer.x` for the other router's.
 */
function templateScope(
  params: Readonly<Record<string, unknown>>,
  role: "primary" | "secondary",
): Record<string, unknown> {
  const self: Record<string, unknown> = {};
  const peer: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(params)) {
    const match = /^(?:jinja_)?(primary|secondary)_(.+)$/.exec(name);
    if (match?.[2] !== undefined) (match[1] === role ? self : peer)[match[2]] = value;
  }
  return { ...params, self, peer };
}

function knows(scope: Readonly<Record<string, unknown>>, name: readonly string[]): boolean {
  const [first, second] = name;
  if (first === undefined || !Object.hasOwn(scope, first)) return false;
  if (first !== "self" && first !== "peer") return true;
  return second !== undefined && Object.hasOwn(scope[first] as object, second);
}
