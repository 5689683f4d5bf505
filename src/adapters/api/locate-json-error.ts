/** Where a text stops being JSON. `line` and `column` count from 1. */
export interface JsonErrorPlace {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
  readonly expected: string;
  readonly found: string;
}

type Expectation = "value" | "value-or-]" | "key" | "key-or-}" | "colon" | "comma-or-]" | "comma-or-}" | "end";

const words: Record<Expectation, string> = {
  value: "a value",
  "value-or-]": 'a value or "]"',
  key: "a member name in double quotes",
  "key-or-}": 'a member name in double quotes or "}"',
  colon: '":"',
  "comma-or-]": '"," or "]"',
  "comma-or-}": '"," or "}"',
  end: "the end",
};

const space = /[ \t\n\r]*/y;
// Every character from the space on, save the quote and the backslash.
const string = /"(?:[ !#-[\]-\uffff]+|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const scalar = /(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![0-9A-Za-z_.])/y;

/**
 * Finds the first place at which a text breaks the grammar of RFC 8259; undefined when it is JSON. JSON.parse names a
 * position only for some mistakes, and a client should not have to count. Iterative, so that deep nesting cannot
 * overflow the stack.
 */
export function locateJsonError(text: string): JsonErrorPlace | undefined {
  const open: Array<"{" | "["> = [];
  let expect: Expectation = "value";
  let at = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found === null) return false;
    at += found[0].length;
    return true;
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
    if (char === undefined) return expect === "end" ? undefined : place(text, at, words[expect]);
    switch (expect) {
      case "end":
        return place(text, at, words.end);
      case "colon":
        if (char !== ":") return place(text, at, words.colon);
        at += 1;
        expect = "value";
        break;
      case "key":
      case "key-or-}":
        if (char === "}" && expect === "key-or-}") close();
        else if (skip(string)) expect = "colon";
        else return place(text, at, char === '"' ? "a well-formed string" : words[expect]);
        break;
      case "comma-or-}":
      case "comma-or-]":
        if (char === ",") {
          at += 1;
          expect = expect === "comma-or-}" ? "key" : "value";
        } else if (char === expect.at(-1)) close();
        else return place(text, at, words[expect]);
        break;
      case "value":
      case "value-or-]":
        if (char === "{" || char === "[") {
          open.push(char);
          at += 1;
          expect = char === "{" ? "key-or-}" : "value-or-]";
        } else if (char === "]" && expect === "value-or-]") close();
        else if (skip(string) || skip(scalar)) expect = afterValue();
        else return place(text, at, char === '"' ? "a well-formed string" : words[expect]);
        break;
    }
  }
}

function place(text: string, offset: number, expected: string): JsonErrorPlace {
  const before = text.slice(0, offset);
  const lineStart = before.lastIndexOf("\n") + 1;
  const char = text[offset];
  return {
    offset,
    line: before.split("\n").length,
    column: offset - lineStart + 1,
    expected,
    found: char === undefined ? "the end" : JSON.stringify(char),
  };
}
