import { describe, expect, it } from "vitest";
import { readTraceContext } from "../../../src/adapters/nats-api/trace-context.ts";

const trace = "0af7651916cd43dd8448eb211c80319c";
const parent = "b7ad6b7169203331";
const good = `00-${trace}-${parent}-01`;

describe("traceparent", () => {
  it("gives trace and parent", () => {
    expect(readTraceContext([good], [])).toEqual({ traceparent: good, traceId: trace, parentId: parent });
  });

  it.each([
    ["nothing", []],
    ["two", [good, good]],
    ["an empty one", [""]],
    ["version ff", [`ff-${trace}-${parent}-01`]],
    ["capitals", [good.toUpperCase()]],
    ["a trace of zeros", [`00-${"0".repeat(32)}-${parent}-01`]],
    ["a parent of zeros", [`00-${trace}-${"0".repeat(16)}-01`]],
    ["a short trace", [`00-${trace.slice(1)}-${parent}-01`]],
    ["no flags", [`00-${trace}-${parent}`]],
    ["more than version 00 has", [`${good}-more`]],
    ["a line break", [`${good}\n`]],
  ])("is ignored when it is %s, and tracestate with it", (_what, parents) => {
    expect(readTraceContext(parents, ["a=1"])).toBeUndefined();
  });

  it("of a later version is passed on as 00, with what 00 knows of its flags", () => {
    expect(readTraceContext([`cc-${trace}-${parent}-ff-what-comes`], [])?.traceparent).toBe(good);
    expect(readTraceContext([`cc-${trace}-${parent}-02`], [])?.traceparent).toBe(`00-${trace}-${parent}-00`);
  });
});

describe("tracestate", () => {
  const read = (...states: string[]) => readTraceContext([good], states)?.tracestate;

  it.each([
    ["one member", ["a=1"], "a=1"],
    ["several headers, which are one list", ["a=1", "b=2"], "a=1,b=2"],
    ["space around and empty members", [" a=1 ,,\tb=x y"], "a=1,b=x y"],
    ["a tenant", ["0fw@big-vendor=1"], "0fw@big-vendor=1"],
    ["all characters of keys", ["a_b-c*d/e9=1"], "a_b-c*d/e9=1"],
    ["a capital key", ["A=1"], undefined],
    ["a key of a digit", ["1a=1"], undefined],
    ["a key twice", ["a=1,a=2"], undefined],
    ["a second equals sign", ["a=1=2"], undefined],
    ["an empty value", ["a="], undefined],
    ["no value", ["a"], undefined],
    ["a value of 256", [`a=${"x".repeat(256)}`], `a=${"x".repeat(256)}`],
    ["a value of 257", [`a=${"x".repeat(257)}`], undefined],
    ["a key of 256", [`${"x".repeat(256)}=1`], `${"x".repeat(256)}=1`],
    ["a key of 257", [`${"x".repeat(257)}=1`], undefined],
    ["33 members", [Array.from({ length: 33 }, (_, n) => `a${n}=1`).join()], undefined],
    ["nothing", [""], undefined],
  ])("with %s", (_what, states, expected) => {
    expect(read(...states)).toBe(expected);
  });

  it("that is wrong leaves the traceparent as it is", () => {
    expect(readTraceContext([good], ["A=1"])).toEqual({ traceparent: good, traceId: trace, parentId: parent });
  });
});
