import { describe, expect, it } from "vitest";
import { type EvaluationContext, evaluate, evaluateValue } from "../../../src/catalogue/evaluate.ts";
import { parseExpression } from "../../../src/catalogue/expression.ts";
import type { FieldSchema } from "../../../src/catalogue/field-schema.ts";
import type { Body } from "../../../src/catalogue/resource-view.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { MemoryView } from "./memory-view.ts";

const relation = (type: string): FieldSchema => ({ type: "string", relation: type, writable: [] });
const text: FieldSchema = { type: "string", writable: [] };
const types: Readonly<Record<string, Readonly<Record<string, FieldSchema>>>> = {
  gateway: { service_id: relation("service"), kind: text, name: text, port_ids: { type: "array", writable: [] } },
  service: { router_id: relation("router"), name: text },
  router: { name: text, ip: text },
};

const view = new MemoryView()
  .add("service", "s1", { name: "vpn", router_id: "r1" })
  .add("service", "s2", { name: "lost", router_id: "r9" })
  .add("router", "r1", { name: "mx", ip: "10.0.0.1", nested: { deep: [1, 2] } })
  .add("port", "p1", { name: "one" })
  .add("port", "p2", { name: "two" });

function context(body: Body = {}, more: Partial<EvaluationContext> = {}): EvaluationContext {
  return { view, self: { type: "gateway", id: "g1", body }, fieldsOf: (type) => types[type], ...more };
}

const run = (expression: string, body: Body = {}, more: Partial<EvaluationContext> = {}) =>
  evaluate(parseExpression(expression), context(body, more));

function refusal(expression: string, body: Body = {}): SignalboxError {
  try {
    run(expression, body);
  } catch (error) {
    if (error instanceof SignalboxError) return error;
    throw error;
  }
  throw new Error(`${expression} was not refused`);
}

describe("an expression", () => {
  it.each<[string, Body, unknown]>([
    ["=105", {}, "105"],
    ["=null", {}, null],
    [".name", { name: "x" }, "x"],
    [".name", {}, null],
    [".name", { name: null }, null],
    [".vrid", { vrid: 20 }, 20],
    [".list", { list: [1, "a"] }, [1, "a"]],
    [".a.b", { a: { b: false } }, false],
    [".a.b", { a: "text" }, null],
    [".a.b", {}, null],
    ["=x_ + .name + =_y", { name: "n" }, "x_n_y"],
    ["=x_ + .vrid", { vrid: 0 }, "x_0"],
    ["=x_ + .name", {}, "x_"],
    ["if .kind == 'a' then =1 else =2", { kind: "a" }, "1"],
    ["if .kind == 'a' then =1 else =2", { kind: "b" }, "2"],
    ["if .kind == =null then =1 else =2", {}, "1"],
    ["if .vrid == '20' then =1 else =2", { vrid: 20 }, "2"],
    ["each .list: .x", { list: [{ x: 1 }, { x: 2 }, {}] }, [1, 2, null]],
    ["each .list: .x", { list: [] }, []],
    ["each .list: .x", {}, []],
    ["each .list: .x", { list: "no list" }, []],
    ["each .list: =k + .x", { list: [{ x: 1 }] }, ["k1"]],
    ["first(.list)", { list: ["a", "b"] }, "a"],
  ])("%s on %j is %j", (expression, body, value) => {
    expect(run(expression, body)).toEqual({ kind: "value", value, resources: [] });
  });

  it("names the resources that a path follows, in order", () => {
    expect(run("service_id>router_id.ip", { service_id: "s1" })).toEqual({
      kind: "value",
      value: "10.0.0.1",
      resources: [
        { type: "service", id: "s1" },
        { type: "router", id: "r1" },
      ],
    });
    expect(run("(some_id as port).name", { some_id: "p2" })).toMatchObject({
      value: "two",
      resources: [{ type: "port", id: "p2" }],
    });
    expect(run("service_id>router_id.nested.deep", { service_id: "s1" })).toMatchObject({ value: [1, 2] });
  });

  it("counts a plain field that is a relation as one step, and an empty one as none", () => {
    expect(run(".service_id", { service_id: "s1" }).resources).toEqual([{ type: "service", id: "s1" }]);
    expect(run(".service_id", { service_id: "" }).resources).toEqual([]);
    expect(run(".service_id", {}).resources).toEqual([]);
  });

  it("computes the name of a relation", () => {
    expect(run("{.kind + =_id}>router_id.name", { kind: "service", service_id: "s1" })).toMatchObject({ value: "mx" });
    expect(refusal("{.kind + =_id}>router_id.name", { kind: "other", service_id: "s1" }).message).toContain(
      "the relation of this gateway is not set",
    );
  });

  it("refers to an output of another stack, of its own, or of one for each item", () => {
    expect(run("service_id!id", { service_id: "s1" })).toEqual({
      kind: "output",
      reference: { output_key: "id", resource_type: "service", resource_id: "s1" },
      resources: [{ type: "service", id: "s1" }],
    });
    expect(run("!fq_name")).toEqual({
      kind: "output",
      reference: { output_key: "fq_name", resource_type: "gateway", resource_id: "g1" },
      resources: [],
    });
    expect(run("each .port_ids: (item as port)!id", { port_ids: ["p1", "p2"] })).toEqual({
      kind: "outputs",
      references: ["p1", "p2"].map((id) => ({ output_key: "id", resource_type: "port", resource_id: id })),
      resources: [
        { type: "port", id: "p1" },
        { type: "port", id: "p2" },
      ],
    });
    expect(run("each .port_ids: (item as port)!id", { port_ids: [] })).toEqual({
      kind: "value",
      value: [],
      resources: [],
    });
  });

  it("reads the members that were made before", () => {
    const members = { port: { id: "p7", tags: { a: "b" } } };
    expect(run("@port.id", {}, { members })).toMatchObject({ value: "p7" });
    expect(run("=x + @port.tags.a", {}, { members })).toMatchObject({ value: "xb" });
    expect(run("@other.id", {}, { members })).toMatchObject({ value: undefined });
  });

  it("names what is missing on the way, and whose it is", () => {
    expect(refusal("service_id.name").code).toBe("SB_PARAMETER_INVALID");
    expect(refusal("service_id.name").message).toBe("service_id of this gateway is not set");
    expect(refusal("service_id.name", { service_id: "" }).message).toBe("service_id of this gateway is not set");
    expect(refusal("service_id.name", { service_id: 7 }).message).toBe("service_id of this gateway is not set");
    expect(refusal("service_id.name", { service_id: "s9" }).message).toBe(
      "service s9 (service_id of this gateway) does not exist",
    );
    expect(refusal("service_id>router_id.ip", { service_id: "s2" }).message).toBe(
      "router r9 (router_id of service s2) does not exist",
    );
    expect(refusal("each .list: (port_id as port).name", { list: [{}] }).message).toBe(
      "port_id of the list item is not set",
    );
  });

  it("is empty, with no resources, where it may lead nowhere", () => {
    const empty = { kind: "value", value: "", resources: [] };
    expect(run("service_id.name ?")).toEqual(empty);
    expect(run("service_id>router_id.ip ?", { service_id: "s2" })).toEqual(empty);
    expect(run("service_id>router_id.ip ?", { service_id: "s1" })).toMatchObject({ value: "10.0.0.1" });
  });

  it.each([
    "=x + service_id!id",
    "or(service_id!id, =x)",
    "if service_id!id == =x then =1 else =2",
    "each service_id!id: .x",
  ])("never takes an output of a stack for a text: %s", (expression) => {
    const error = refusal(expression, { service_id: "s1" });
    expect([error.code, error.message]).toEqual(["SB_PARAMETER_INVALID", "an output of a stack cannot be used here"]);
  });

  it("leaves out the outputs of what may be missing", () => {
    expect(run("each .port_ids: (item as port)!id ?", { port_ids: ["p1", "p9"] })).toMatchObject({
      references: [{ resource_id: "p1" }],
    });
  });

  it("is no plain value when it is an output", () => {
    expect(() => evaluateValue(parseExpression("service_id!id"), context({ service_id: "s1" }))).toThrow(
      "an output of a stack cannot be used here",
    );
    expect(evaluateValue(parseExpression("service_id.name"), context({ service_id: "s1" }))).toBe("vpn");
  });
});
