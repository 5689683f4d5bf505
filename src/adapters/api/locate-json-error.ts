/** Where a text stops being JSON. `line` and `column` count from 1. */
export interface JsonErrorPlace {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  readonly expected: string;
  readonly found: string;
}

type Expectation = "value" | "value-or-]" | "key" | "key-or-}" | "colon" | "comma-or-]" | "comma-or-}" | "end";

/** What is expected after the value. */
export const END = "the end";

const words: Record<Expectation, string> = {
  value: "a value",
  "value-or-]": 'a value or "]"',
  key: "a member name in double quotes",
  "key-or-}": 'a member name in double quotes or "}"',
  colon: '":"',
  "comma-or-]": '"," or "]"',
  "comma-or-}": '"," or "}"',
  end: END,
};

// One step each, without alternatives that could be tried again: these take no more time than the text is long.
const space = /[ \t\n\r]*/y;
// Every character from the space on, save the quote and the backslash.
const plain = /[ !#-[\]-\uffff]*/y;
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z_.])/y;
const word = /(?:true|false|null)(?![0-9A-Za-z_.])/y;

/**
 * Finds the first place at which a text breaks the grammar of RFC 8259; undefined when it is JSON. JSON.parse names a
 * position only for some mistakes, and a client should not have to count. Iterative, so that deep nesting cannot
 * overflow the stack, and linear: each character is looked at once, whatever the text.
 */
export function locateJsonError(text: string): JsonErrorPlace | undefined {
  const open: Array<"{" | "["> = [];
  let expect: Expectation = "value";
  let at = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const skipString = (): boolean => {
    const start = at;
    if (text[at] === '"') {
      at += 1;
      do skip(plain);
      while (skip(escaped));
      if (text[at] === '"') {
        at += 1;
        return true;
      }
    }
    at = start;
    return false;
  };
  const afterValue = (): Expectation => {
    const inside = open.at(-1);
    return inside === undefined ? "end" : inside === "{" ? "comma-or-}" : "comma-or-]";
  };
  const close = (): void => {
    open.pop();
    at += 1;
    expect = afterValue();
  };

  for (;;) {
    skip(space);
    const char = text[at];
    if (char === undefined) return expect === "end" ? undefined : placeIn(text, at, words[expect]);
    switch (expect) {
      case "end":
        return placeIn(text, at, words.end);
      case "colon":
        if (char !== ":") return placeIn(text, at, words.colon);
        at += 1;
        expect = "value";
        break;
      case "key":
      case "key-or-}":
        if (char === "}" && expect === "key-or-}") close();
        else if (skipString()) expect = "colon";
        else return placeIn(text, at, char === '"' ? "a well-formed string" : words[expect]);
        break;
      case "comma-or-}":
      case "comma-or-]":
        if (char === ",") {
          at += 1;
          expect = expect === "comma-or-}" ? "key" : "value";
        } else if (char === expect.at(-1)) close();
        else return placeIn(text, at, words[expect]);
        break;
      case "value":
      case "value-or-]":
        if (char === "{" || char === "[") {
          open.push(char);
          at += 1;
          expect = char === "{" ? "key-or-}" : "value-or-]";
        } else if (char === "]" && expect === "value-or-]") close();
        else if (skipString() || skip(number) || skip(word)) expect = afterValue();
        else return placeIn(text, at, char === '"' ? "a well-formed string" : words[expect]);
        break;
    }
  }
}

/** What stands at an offset of a text where something else was expected. */
export function placeIn(text: string, offset: number, expected: string): JsonErrorPlace {
  const { line, column } = lineAndColumn(text, offset);
  const char = text[offset];
  return { offset, line, column, expected, found: char === undefined ? "the end" : JSON.stringify(char) };
}

function lineAndColumn(text: string, offset: number): { readonly line: number; readonly column: number } {
  let line = 1;
  let lineStart = 0;
  for (let end = text.indexOf("\n"); end !== -1 && end < offset; end = text.indexOf("\n", lineStart)) {
    line += 1;
    lineStart = end + 1;
  }
  return { line, column: offset - lineStart + 1 };
}
