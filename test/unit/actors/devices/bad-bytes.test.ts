import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LabPair, startLabPair } from "./lab-pair.ts";

/** What an old commit's comment may hold, as it stands in the history's XML. */
const comments: ReadonlyArray<[string, string]> = [
  ["a byte that is not UTF-8", "ff"],
  ["a character of Latin-1", "e4"],
  ["a character cut short", "e282"],
  ["a surrogate", "eda080"],
  ["a zero byte", "00"],
  ["control characters", "1b5b316d07"],
  ["U+FFFE", "efbfbe"],
  ["a reference to a control character", Buffer.from("&#x1;").toString("hex")],
  ["a bare ampersand", Buffer.from(" R&D ").toString("hex")],
  ["a bare bracket", Buffer.from(" < 5").toString("hex")],
  ["the end of a CDATA section", Buffer.from("]]>").toString("hex")],
];

describe("routers with an old comment that is no XML", () => {
  let lab: LabPair;
  beforeEach(async () => {
    lab = await startLabPair();
  });
  afterEach(() => lab.stop());

  it.each(comments)(
    "%s: changes are made on both, one that was lost is looked up, and nothing stays in doubt",
    async (_, hex) => {
      for (const router of lab.routers.values())
        router.setFault({ kind: "badBytes", on: "get-commit-information", hex });
      const lanes = lab.start();
      await lanes.submit(lab.job("a"));
      lab.router("mx2").setFault({ kind: "drop", on: "commit-confirmed", when: "after", times: 1 });
      await lanes.submit(lab.job("b"));
      for (const id of ["a", "b"]) expect(lab.holding(id)).toEqual(["mx1", "mx2"]);
      await expect.poll(() => lanes.lanes().map(({ phase }) => phase)).toEqual(["idle"]);
    },
  );
});
