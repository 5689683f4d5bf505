import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../../..");

/** README.md, CHANGELOG.md and the pages of docs/, as paths from the root of the project. */
export function pages(): string[] {
  const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", "CHANGELOG.md", ...docs.sort().map((name) => `docs/${name}`)];
}

export function textOf(page: string): string {
  return readFileSync(join(root, page), "utf8");
}

/** The fenced blocks of a language, without their fences. */
export function blocksOf(text: string, language: string): string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    (match) => match[1] ?? "",
  );
}

/** Cells of the rows of all tables in a text, headings and rules left out. */
export function rowsOf(text: string): string[][] {
  const lines = text.split("\n");
  return lines.flatMap((line, at) => {
    const isRule = (each: string | undefined) => each !== undefined && /^\|[\s|:-]+\|$/.test(each);
    if (!line.startsWith("|") || isRule(line) || isRule(lines[at + 1])) return [];
    return [
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll("\\|", "|")),
    ];
  });
}

/** The part of a page from a heading to the next one of the same or a higher level. */
export function sectionOf(text: string, heading: string): string {
  const lines = text.split("\n");
  const start = lines.indexOf(heading);
  if (start === -1) throw new Error(`there is no heading "${heading}"`);
  const level = heading.indexOf(" ");
  const section: string[] = [];
  let fenced = false;
  for (const line of lines.slice(start + 1)) {
    if (line.startsWith("```")) fenced = !fenced;
    else if (!fenced && /^#+ /.test(line) && line.indexOf(" ") <= level) break;
    section.push(line);
  }
  return section.join("\n");
}

/** Anchors that a page has: its headings as GitHub names them. */
export function anchorsOf(text: string): Set<string> {
  const headings = text.replaceAll(/^```[\s\S]*?^```$/gm, "").match(/^#+ .+$/gm) ?? [];
  return new Set(
    headings.map((heading) =>
      heading
        .replace(/^#+ /, "")
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(" ", "-"),
    ),
  );
}

/** What is wrong with the relative links of a page: `<target>: <why>`. */
export function brokenLinks(page: string, text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```$/gm, "").replaceAll(/(`+)[^\n]*?[^`]\1(?!`)/g, "");
  return [...prose.matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = "", anchor] = target.split("#", 2);
    const file = join(dirname(page), path);
    if (path !== "" && !existsSync(join(root, file))) return [`${target}: there is no ${file}`];
    if (anchor === undefined || anchorsOf(path === "" ? text : textOf(file)).has(anchor)) return [];
    return [`${target}: ${path === "" ? page : file} has no heading for #${anchor}`];
  });
}
