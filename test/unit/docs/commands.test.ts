import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import type { TypeDefinition } from "../../../src/catalogue/type-definition.ts";
import { validateBody } from "../../../src/catalogue/validate-body.ts";
import { run } from "../../../src/cli/run.ts";
import { pages, root, textOf } from "./documents.ts";

const { types } = loadTemplates().catalogue;

interface Line {
  readonly page: string;
  readonly text: string;
}

/** Lines of code of all pages, without comments and prompts; those that end with a backslash with the next. */
const code: Line[] = pages().flatMap((page) => {
  const text = textOf(page).replaceAll(/ *\\\n\s*/g, " ");
  const fenced = [...text.matchAll(/^```(?:sh|bash)?\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) =>
    block.split("\n"),
  );
  const indented = text.replaceAll(/^```[\s\S]*?^```$/gm, "").match(/^ {4}.+$/gm) ?? [];
  const inline = [...text.matchAll(/`(signalbox [^`\n]+)`/g)].map(([, words = ""]) => words);
  return [...fenced, ...indented, ...inline].map((line) => ({
    page,
    text: line
      .trim()
      .replace(/^\$ /, "")
      .replace(/\s+#.*$/, ""),
  }));
});

const PROGRAM = /^(?:signalbox|npx tsx src\/main\.ts|node dist\/main\.js) +(?=[a-z<])/;
/** The words after the program's name. */
const commands = code.flatMap(({ page, text }) =>
  PROGRAM.test(text) ? [{ page, text: text.replace(PROGRAM, "") }] : [],
);

/** What `--help` says; undefined when there is no such command. */
async function helpOf(words: readonly string[]): Promise<string | undefined> {
  let out = "";
  const terminal = {
    out: (text: string) => {
      out += text;
    },
    err: () => {},
    live: false,
    columns: 200,
    input: async () => "",
  };
  const loadStarters = async () => expect.fail("nothing may be started");
  const exit = await run({ argv: [...words, "--help"], env: {}, terminal, loadStarters });
  return exit === 0 ? out : undefined;
}

/** Verbs and groups of commands that are followed by another word. */
const VERBS = ["list", "show", "create", "update", "delete", "retry", "watch", "get", "adopt", "verify", "export"];
const OWN = ["up", "lab", "demo", "replay", "documents", "reseal", "audit", "log"];

/** What is wrong with a line of the command line. */
async function mistakesIn(text: string): Promise<string[]> {
  const words = text.replaceAll(/[[\]]/g, " ").trim().split(/\s+/);
  const [first = "", second = ""] = words;
  // A synopsis has several in a line: `demo | replay FILE | lab`.
  if (words.includes("|")) {
    const parts = await Promise.all(text.split(" | ").map(mistakesIn));
    return parts.flat();
  }
  const typeName = first === "<type>" ? "network" : first;
  // The example of docs/templates.md, and texts that stand for any type.
  const type = typeName === "discard_route" ? undefined : types.get(typeName);
  if (!OWN.includes(first) && type === undefined && typeName !== "discard_route")
    return [`there is no command ${first}`];
  const verbs = second.split("|").filter((word) => VERBS.includes(word));
  if ((type !== undefined || first === "documents" || first === "log") && verbs.length === 0 && !second.startsWith("-"))
    return [`${first} has no command ${second}`];
  const mistakes: string[] = [];
  for (const path of verbs.length === 0 ? [[typeName]] : verbs.map((verb) => [typeName, verb])) {
    const help = await helpOf(path);
    if (help === undefined) mistakes.push(`there is no command ${path.join(" ")}`);
    const options = words.flatMap((word) => /^--[a-z][a-z-]*/.exec(word)?.[0] ?? []);
    const general = `${help} --help --url`;
    if (verbs.length <= 1)
      mistakes.push(
        ...options.filter((each) => !general.includes(each)).map((each) => `${path.join(" ")} has no ${each}`),
      );
  }
  return [...mistakes, ...fieldMistakes(type, verbs, words)];
}

function fieldMistakes(type: TypeDefinition | undefined, verbs: readonly string[], words: readonly string[]): string[] {
  if (type === undefined) return [];
  return words.flatMap((word, at) => {
    const field = words[at - 1] === "--set" || words[at - 1] === "--filter" ? word.split("=")[0] : undefined;
    if (field === undefined || field === "field") return [];
    const schema = type.fields[field];
    if (schema === undefined) return [`${type.type} has no field ${field}`];
    const wrong = verbs.filter((verb) => words[at - 1] === "--set" && !schema.writable.some((each) => each === verb));
    return wrong.map((verb) => `${type.type}.${field} is not set by ${verb}`);
  });
}

describe("command lines that pages show", () => {
  it("are found", () => {
    expect(commands.length).toBeGreaterThan(25);
  });

  it.each(commands.map(({ page, text }) => [page, text] as const))("%s: signalbox %s", async (_page, text) => {
    expect(await mistakesIn(text)).toEqual([]);
  });

  it.each([
    ["static_route update <id|name> --set destination=203.0.114.0/24", "static_route.destination is not set by update"],
    ["network create --set nmae=x", "network has no field nmae"],
    ["network lst", "network has no command lst"],
    ["netwrk list", "there is no command netwrk"],
    ["up --confg FILE", "up has no --confg"],
    ["documents fetch /state", "documents has no command fetch"],
  ])("with the mistake in %s would be found", async (text, mistake) => {
    expect(await mistakesIn(text)).toEqual([mistake]);
  });
});

describe("creations that pages and examples show", () => {
  const lines = [
    ...code,
    ...readFileSync(join(root, "examples/nats-client/client.mjs"), "utf8")
      .split("\n")
      .map((text) => ({ page: "examples/nats-client/client.mjs", text })),
  ];
  const bodies = lines.flatMap(({ page, text }) => {
    const [, collection, request] = /nats request \S+\.v2\.(\w+)\.create '(.+?)'/.exec(text) ?? [];
    const [, typeName, fields] = /client\.mjs .*?(\w+) \w+ '(\{.+?\})'/.exec(text) ?? [];
    const [, posted, body] = /v2\.0\/(\w+)\b.* (?:-d|--data) '(\{.+?\})'/.exec(text) ?? [];
    const of = (name: string | undefined) =>
      [...types.values()].find((type) => type.collection === name || type.type === name);
    const type = of(collection ?? typeName ?? posted);
    if (type === undefined) return [];
    const read = JSON.parse(request ?? fields ?? body ?? "{}") as Record<string, unknown>;
    return [{ page, type, fields: (fields === undefined ? read[type.type] : read) as Record<string, unknown> }];
  });

  it("are complete", () => {
    expect(bodies.length).toBeGreaterThan(2);
    for (const { page, type, fields } of bodies)
      expect(() => validateBody(type, fields, "create"), `${page}: ${type.type}`).not.toThrow();
  });
});
