import { describe, expect, it } from "vitest";
import { canonical } from "./seed-documents.ts";

const a = "aaaaaaaa-0000-4000-8000-000000000001";
const b = "bbbbbbbb-0000-4000-8000-000000000002";
const c = "cccccccc-0000-4000-8000-000000000003";
const d = "dddddddd-0000-4000-8000-000000000004";

describe("the comparison of documents with a seed", () => {
  it("takes documents for equal when only ids, job ends and the order of keys and params differ", () => {
    const one = [
      { key: `/config/${a}`, value: { id: a, peer: b, name: "x" } },
      { key: `/jobs/all/create:heat_worker:port:${a}:1:abcde`, value: { params: [{ param: "p" }, { param: "q" }] } },
    ];
    const other = [
      { key: `/config/${c}`, value: { name: "x", peer: d, id: c } },
      { key: `/jobs/all/create:heat_worker:port:${c}:1:z9z9z`, value: { params: [{ param: "q" }, { param: "p" }] } },
    ];
    expect(canonical(one)).toEqual(canonical(other));
  });

  it("reads JSON texts, whatever their white space", () => {
    const text = (value: string) => canonical([{ key: "k", value: { state_monitoring: value } }]);
    expect(text('{"a": "UP"}')).toEqual(text('{"a":"UP"}'));
    expect(text('{"a":"UP"}')).not.toEqual(text('{"a":"DOWN"}'));
  });

  it.each([
    ["another value", [{ key: a, value: { n: 1 } }], [{ key: a, value: { n: 2 } }]],
    ["a number for a text", [{ key: a, value: { n: "1" } }], [{ key: a, value: { n: 1 } }]],
    ["two ids where there was one", [{ key: a, value: { id: a } }], [{ key: a, value: { id: b } }]],
    ["one id where there were two", [{ key: a, value: { id: b } }], [{ key: a, value: { id: a } }]],
    ["a field too many", [{ key: a, value: {} }], [{ key: a, value: { n: null } }]],
    [
      "a document too few",
      [
        { key: a, value: 1 },
        { key: b, value: 1 },
      ],
      [{ key: a, value: 1 }],
    ],
    ["another order of a list", [{ key: a, value: { list: [1, 2] } }], [{ key: a, value: { list: [2, 1] } }]],
  ])("tells %s", (_what, one, other) => {
    expect(canonical(one)).not.toEqual(canonical(other));
  });
});
