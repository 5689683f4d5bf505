import { syntaxError } from "./rpc-failure.ts";

/** A token of configuration text. `quoted` tells a word `"{"` from a brace. */
export interface Token {
  readonly text: string;
  readonly quoted: boolean;
  /** Line in the text, from 1. */
  readonly line: number;
}

const PATTERN = /\/\*[\s\S]*?\*\/|#[^\n]*|"((?:[^"\\]|\\[\s\S])*)"|[{};[\]]|[^\s{};[\]"]+|"/gu;

/**
 * Splits Junos configuration text into words and the marks `{ } ; [ ]`; comments are left out.
 * @throws RpcFailure on a quote that is not closed
 */
export function tokenize(text: string, firstLine = 1): Token[] {
  const tokens: Token[] = [];
  let line = firstLine;
  let at = 0;
  for (const match of text.matchAll(PATTERN)) {
    for (; at < match.index; at++) if (text.charCodeAt(at) === 10) line++;
    const [whole, quoted] = match;
    if (whole.startsWith("/*") || whole.startsWith("#")) continue;
    if (whole === '"') throw syntaxError("unterminated string", "[edit]", line);
    tokens.push({
      text: quoted === undefined ? whole : quoted.replace(/\\([\s\S])/gu, "$1"),
      quoted: quoted !== undefined,
      line,
    });
  }
  return tokens;
}

/** Writes a word as Junos does: in quotes when it would not be read back as one word. */
export function quoteWord(text: string): string {
  return /^[^\s"{};[\]#$()|&\\]+$/u.test(text) && !text.startsWith("/*")
    ? text
    : `"${text.replace(/[\\"]/gu, "\\$&")}"`;
}
