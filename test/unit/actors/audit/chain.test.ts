import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AuditHead, EMPTY_CHAIN, linked } from "../../../../src/actors/audit/audit-chain.ts";
import { BY_TIME, placeOf, placeOfFirst } from "../../../../src/actors/audit/audit-keys.ts";
import { type ExportedEntry, verifyAudit } from "../../../../src/actors/audit/verify-audit.ts";
import type { DocumentWrite } from "../../../../src/actors/ports.ts";

const START = 1_795_284_305_250;

/** A chain of some entries, as its export lists them. */
function chainOf(count: number): { head: AuditHead; entries: ExportedEntry[] } {
  const writes = Array.from({ length: count }, (_, at): DocumentWrite[] => {
    const place = placeOf(START + at, at + 1);
    return [
      {
        key: `${BY_TIME}${place}`,
        value: { v: 2, time: START + at, by: { name: `c${at}` }, changes: { a: [1, null] } },
      },
      { key: `/signalbox/audit/of/thing/t/${at}`, value: place },
    ];
  }).flat();
  const chain = linked(writes, EMPTY_CHAIN);
  const entries = chain.writes.flatMap(({ key, value }) =>
    key.startsWith(BY_TIME) ? [{ place: key.slice(BY_TIME.length), ...(value as object) } as ExportedEntry] : [],
  );
  return { head: chain.head, entries: entries.reverse() };
}

async function* stream(entries: readonly ExportedEntry[]): AsyncGenerator<ExportedEntry> {
  yield* entries;
}

const verdict = (head: AuditHead, entries: readonly ExportedEntry[], sweptTo = 0, anchor?: AuditHead) =>
  verifyAudit({ head, sweptTo }, stream(entries), anchor);

describe("the chain of the audit", () => {
  it("is whole as it was written, in whatever order it is read", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 12 }), fc.nat(), async (count, turn) => {
        const { head, entries } = chainOf(count);
        const at = turn % Math.max(1, count);
        const turned = [...entries.slice(at), ...entries.slice(0, at)];
        expect(await verdict(head, turned)).toEqual({ entries: count, unlinked: 0, head, faults: [] });
      }),
    );
  });

  it("shows every entry that is missing, changed, moved or there twice", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.nat(),
        fc.constantFrom("missing", "changed", "moved", "unlinked", "relinked", "renumbered"),
        async (count, which, how) => {
          const { head, entries } = chainOf(count);
          const at = which % count;
          const broken = entries.flatMap((entry, index): ExportedEntry[] => {
            if (index !== at || entry.chain === null) return [entry];
            switch (how) {
              case "missing":
                return [];
              case "changed":
                return [{ ...entry, by: { name: "somebody else" } }];
              case "moved":
                return [{ ...entry, place: placeOf(START - 1, 1) }];
              case "unlinked":
                return [{ ...entry, chain: null }];
              case "relinked":
                return [{ ...entry, chain: { ...entry.chain, previous: "f".repeat(64) } }];
              default:
                return [{ ...entry, chain: { ...entry.chain, index: entry.chain.index + 1 } }];
            }
          });
          expect((await verdict(head, broken)).faults).not.toEqual([]);
        },
      ),
    );
  });

  it("names the entries that are missing", async () => {
    const { head, entries } = chainOf(10);
    const without = (...indexes: number[]) => entries.filter(({ chain }) => !indexes.includes(chain?.index ?? 0));
    expect((await verdict(head, without(4, 5, 8))).faults).toEqual([
      "entries 4 to 5 are missing",
      "entry 8 is missing",
    ]);
    expect((await verdict(head, without(1))).faults).toEqual(["entry 1 is missing"]);
    expect((await verdict(head, without(9, 10))).faults).toEqual(["entries 9 to 10 are missing"]);
    expect((await verdict(head, [])).faults).toEqual(["entries 1 to 10 are missing"]);
    expect((await verdict({ index: 12, hash: head.hash }, entries)).faults).toEqual(["entries 11 to 12 are missing"]);
  });

  it("may have lost what was swept, in the order of time, and nothing else", async () => {
    const { head, entries } = chainOf(10);
    const kept = entries.filter(({ chain }) => chain === null || chain.index > 3 || chain.index === 2);
    expect((await verdict(head, kept, 3)).faults).toEqual([]);
    expect((await verdict(head, kept, 2)).faults).toEqual(["entry 3 is missing"]);
    expect((await verdict(head, [], 10)).faults).toEqual([]);
  });

  it("that was written anew as a whole does not have the anchor of before", async () => {
    const { head, entries } = chainOf(5);
    const anchor = entries.find(({ chain }) => chain?.index === 3)?.chain;
    if (!anchor) throw new Error("no such entry");
    expect((await verdict(head, entries, 0, anchor)).faults).toEqual([]);
    const other = { index: 3, hash: "0".repeat(64) };
    expect((await verdict(head, entries, 0, other)).faults).toEqual([expect.stringContaining("written again")]);
    expect((await verdict(head, entries, 0, { index: 9, hash: anchor.hash })).faults).toEqual([
      "entry 9 of the anchor is missing",
    ]);
  });
});

it("creations of one millisecond have places of their own, before what has a position", () => {
  const places = Array.from({ length: 1_000 }, (_, at) => placeOfFirst(START, `thing/${at}`));
  expect(new Set(places).size).toBe(1_000);
  // The newest first.
  for (const place of places) expect(place > placeOf(START, 1)).toBe(true);
});
