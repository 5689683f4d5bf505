/**
 * The notation of `templates/<type>/type.yaml` that leads from a resource to a value: own fields, constants, relations to follow,
 * outputs of stacks. `docs/templates.md` is its reference page.
 */
export type Expression =
  | { readonly kind: "constant"; readonly value: string | null }
  | { readonly kind: "path"; readonly steps: readonly Step[]; readonly tail: Tail; readonly optional: boolean }
  | { readonly kind: "member"; readonly alias: string; readonly field: readonly string[] }
  | { readonly kind: "concat"; readonly parts: readonly Expression[] }
  | { readonly kind: "each"; readonly list: Expression; readonly item: Expression }
  | {
      readonly kind: "if";
      readonly left: Expression;
      readonly right: Expression;
      readonly then: Expression;
      readonly otherwise: Expression;
    }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] };

/** One relation to follow. */
export type Step =
  | { readonly kind: "relation"; readonly field: string }
  | { readonly kind: "computed"; readonly field: Expression }
  | { readonly kind: "cast"; readonly field: string; readonly type: string };

/** What is read at the end of the path. */
export type Tail =
  | { readonly kind: "field"; readonly field: readonly string[] }
  | { readonly kind: "output"; readonly key: string };

/** The text is not an expression. `column` counts from 1. */
export class ExpressionSyntaxError extends Error {
  override readonly name = "ExpressionSyntaxError";
  readonly column: number;
  constructor(message: string, text: string, at: number) {
    super(`${message} at column ${at + 1} of "${text}"`);
    this.column = at + 1;
  }
}

const FIELD = /[A-Za-z_]\w*(?::[A-Za-z]\w*)*/y;
/** A constant after `=` ends where the surrounding expression goes on. */
const CONSTANT_END = / \+ | then | else | == |[},)]|$/g;

/**
 * Parses an expression.
 * @example parseExpression("vpn_gw_id>vpn_service_id.name")
 * @throws ExpressionSyntaxError
 */
export function parseExpression(text: string): Expression {
  return new Parser(text).whole();
}

class Parser {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  whole(): Expression {
    const expression = this.expression();
    if (this.at < this.text.length) this.fail(`unexpected "${this.text.slice(this.at)}"`);
    return expression;
  }

  private expression(): Expression {
    if (this.skip("each ")) {
      const list = this.concat();
      this.expect(": ");
      return { kind: "each", list, item: this.concat() };
    }
    if (this.skip("if ")) {
      const left = this.concat();
      this.expect(" == ");
      const right = this.concat();
      this.expect(" then ");
      const then = this.concat();
      this.expect(" else ");
      return { kind: "if", left, right, then, otherwise: this.expression() };
    }
    return this.concat();
  }

  private concat(): Expression {
    const first = this.primary();
    const parts = [first];
    while (this.skip(" + ")) parts.push(this.primary());
    return parts.length === 1 ? first : { kind: "concat", parts };
  }

  private primary(): Expression {
    const next = this.text[this.at];
    if (next === "'") return this.quoted();
    if (next === "=") return this.constant();
    if (next === "@") {
      this.at += 1;
      const alias = this.name();
      this.expect(".");
      return { kind: "member", alias, field: this.fieldPath() };
    }
    if (next === "!" || next === ".") return this.path([]);
    if (next === "{") return this.path([this.step()]);
    if (next === "(") {
      this.at += 1;
      const field = this.name();
      this.expect(" as ");
      const type = this.name();
      this.expect(")");
      return this.path([{ kind: "cast", field, type }]);
    }
    const name = this.name();
    if (this.skip("(")) {
      const args: Expression[] = [];
      if (!this.skip(")")) {
        do args.push(this.concat());
        while (this.skip(", "));
        this.expect(")");
      }
      return { kind: "call", name, args };
    }
    return this.path([{ kind: "relation", field: name }]);
  }

  private path(first: Step[]): Expression {
    const steps = first;
    while (this.skip(">")) steps.push(this.step());
    let tail: Tail;
    if (this.skip("!")) tail = { kind: "output", key: this.name() };
    else if (this.skip(".")) tail = { kind: "field", field: this.fieldPath() };
    else this.fail('expected ">", "." or "!"');
    return { kind: "path", steps, tail, optional: this.skip(" ?") };
  }

  private step(): Step {
    if (!this.skip("{")) return { kind: "relation", field: this.name() };
    const field = this.concat();
    this.expect("}");
    return { kind: "computed", field };
  }

  private fieldPath(): string[] {
    const field = [this.name()];
    while (this.skip(".")) field.push(this.name());
    return field;
  }

  private quoted(): Expression {
    const end = this.text.indexOf("'", this.at + 1);
    if (end < 0) this.fail("a quoted text has no end");
    const value = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return { kind: "constant", value };
  }

  private constant(): Expression {
    CONSTANT_END.lastIndex = this.at + 1;
    const end = CONSTANT_END.exec(this.text)?.index ?? this.text.length;
    const value = this.text.slice(this.at + 1, end);
    this.at = end;
    return { kind: "constant", value: value === "null" ? null : value };
  }

  private name(): string {
    FIELD.lastIndex = this.at;
    const found = FIELD.exec(this.text)?.[0];
    if (found === undefined) this.fail("expected a name");
    this.at += found.length;
    return found;
  }

  private skip(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private expect(word: string): void {
    if (!this.skip(word)) this.fail(`expected "${word}"`);
  }

  private fail(message: string): never {
    throw new ExpressionSyntaxError(message, this.text, this.at);
  }
}
