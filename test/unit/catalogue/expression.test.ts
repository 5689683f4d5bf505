import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Expression, ExpressionSyntaxError, parseExpression } from "../../../src/catalogue/expression.ts";

const field = (...names: string[]): Expression => ({
  kind: "path",
  steps: [],
  tail: { kind: "field", field: names },
  optional: false,
});
const constant = (value: string | null): Expression => ({ kind: "constant", value });
const choice = (left: Expression, right: Expression, then: Expression, otherwise: Expression): Expression => ({
  kind: "if",
  left,
  right,
  then,
  otherwise,
});

describe("the notation of templates", () => {
  it.each<[string, Expression]>([
    [".vrid", field("vrid")],
    [".primary.bgp_peer_ip", field("primary", "bgp_peer_ip")],
    [".binding:vif_type", field("binding:vif_type")],
    ["=105", constant("105")],
    ["=null", constant(null)],
    ["=", constant("")],
    ["'a b + c'", constant("a b + c")],
    ["''", constant("")],
    ["!fq_name", { kind: "path", steps: [], tail: { kind: "output", key: "fq_name" }, optional: false }],
    [
      "a_id>b_id.name",
      {
        kind: "path",
        steps: [
          { kind: "relation", field: "a_id" },
          { kind: "relation", field: "b_id" },
        ],
        tail: { kind: "field", field: ["name"] },
        optional: false,
      },
    ],
    [
      "a_id!key",
      {
        kind: "path",
        steps: [{ kind: "relation", field: "a_id" }],
        tail: { kind: "output", key: "key" },
        optional: false,
      },
    ],
    [
      "(x_id as subnet).id ?",
      {
        kind: "path",
        steps: [{ kind: "cast", field: "x_id", type: "subnet" }],
        tail: { kind: "field", field: ["id"] },
        optional: true,
      },
    ],
    [
      "{.service_type + =_gw_id}>b_id.name",
      {
        kind: "path",
        steps: [
          { kind: "computed", field: { kind: "concat", parts: [field("service_type"), constant("_gw_id")] } },
          { kind: "relation", field: "b_id" },
        ],
        tail: { kind: "field", field: ["name"] },
        optional: false,
      },
    ],
    [
      "{.kind + =_gw_id}>{=by_ + .kind}.name",
      {
        kind: "path",
        steps: [
          { kind: "computed", field: { kind: "concat", parts: [field("kind"), constant("_gw_id")] } },
          { kind: "computed", field: { kind: "concat", parts: [constant("by_"), field("kind")] } },
        ],
        tail: { kind: "field", field: ["name"] },
        optional: false,
      },
    ],
    ["=x_ + .name + =_y", { kind: "concat", parts: [constant("x_"), field("name"), constant("_y")] }],
    ["@port.id", { kind: "member", alias: "port", field: ["id"] }],
    [
      "each .port_ids: (item as port)!id",
      {
        kind: "each",
        list: field("port_ids"),
        item: {
          kind: "path",
          steps: [{ kind: "cast", field: "item", type: "port" }],
          tail: { kind: "output", key: "id" },
          optional: false,
        },
      },
    ],
    [
      "if .a == 'x' then =yes else if .a == =y then =null else .b",
      choice(field("a"), constant("x"), constant("yes"), choice(field("a"), constant("y"), constant(null), field("b"))),
    ],
    ["zero()", { kind: "call", name: "zero", args: [] }],
    [
      "subnet_of(.network_id, =x, a_id.b)",
      {
        kind: "call",
        name: "subnet_of",
        args: [
          field("network_id"),
          constant("x"),
          {
            kind: "path",
            steps: [{ kind: "relation", field: "a_id" }],
            tail: { kind: "field", field: ["b"] },
            optional: false,
          },
        ],
      },
    ],
  ])("%s", (text, expression) => {
    expect(parseExpression(text)).toEqual(expression);
  });

  it.each([
    ["", 1, "expected a name"],
    [" .a", 1, "expected a name"],
    ["a", 2, 'expected ">", "." or "!"'],
    ["a>", 3, "expected a name"],
    ["a>b", 4, 'expected ">", "." or "!"'],
    [".", 2, "expected a name"],
    [".1", 2, "expected a name"],
    [".a.", 4, "expected a name"],
    [".a b", 3, 'unexpected " b"'],
    [".a +", 3, 'unexpected " +"'],
    [".a + ", 6, "expected a name"],
    [".a ??", 5, 'unexpected "?"'],
    ["'abc", 1, "a quoted text has no end"],
    ["'a' 'b'", 4, "unexpected \" 'b'\""],
    ["(a b).c", 3, 'expected " as "'],
    ["(a as b.c", 8, 'expected ")"'],
    ["(a as b)", 9, 'expected ">", "." or "!"'],
    ["{.a.b", 6, 'expected "}"'],
    ["{.a}", 5, 'expected ">", "." or "!"'],
    ["f(.a", 5, 'expected ")"'],
    ["f(.a,.b)", 5, 'expected ")"'],
    ["f(", 3, "expected a name"],
    ["f()x", 4, 'unexpected "x"'],
    ["@", 2, "expected a name"],
    ["@port", 6, 'expected "."'],
    ["each .a", 8, 'expected ": "'],
    ["if .a then =b", 6, 'expected " == "'],
    ["if .a == =b", 12, 'expected " then "'],
    ["if .a == =b then =c", 20, 'expected " else "'],
    ["each .a: each .b: .c", 14, 'expected ">", "." or "!"'],
    ["=a, b", 3, 'unexpected ", b"'],
  ])("refuses %j at column %i: %s", (text, column, message) => {
    const refusal = refusalOf(text);
    expect([refusal?.column, refusal?.message]).toEqual([column, expect.stringContaining(message)]);
    expect(refusal?.message).toContain(`"${text}"`);
  });

  it("either understands a text or refuses it with a column inside it, whatever the text", () => {
    const piece = fc.constantFrom(
      ".",
      ">",
      "!",
      "(",
      ")",
      "{",
      "}",
      " as ",
      " + ",
      "=",
      "'",
      "each ",
      ": ",
      "a_id",
      "if ",
      " == ",
      " then ",
      " else ",
      "@",
      ", ",
      " ?",
      "x",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 12 }).map((parts) => parts.join("")),
        ),
        (text) => {
          try {
            expect(parseExpression(text).kind).toBeTypeOf("string");
          } catch (error) {
            if (!(error instanceof ExpressionSyntaxError)) throw error;
            expect(error.column).toBeGreaterThanOrEqual(1);
            expect(error.column).toBeLessThanOrEqual(text.length + 1);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

function refusalOf(text: string): ExpressionSyntaxError | undefined {
  try {
    parseExpression(text);
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionSyntaxError) return error;
    throw error;
  }
}
