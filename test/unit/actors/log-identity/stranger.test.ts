import { describe, expect, it } from "vitest";
import type { LogPosition } from "../../../../src/actors/log-identity/log-positions.ts";
import { type LogState, strangerIn } from "../../../../src/actors/log-identity/require-own-log.ts";

const at = (key: string, seq: number, log?: string): LogPosition => ({ key, seq, log });

describe("a log and what the documents say of theirs", () => {
  const rows: ReadonlyArray<[string, LogPosition[], LogState, RegExp | undefined]> = [
    ["nothing was ever written", [], { identity: undefined, position: 0 }, undefined],
    ["documents are lost, the log is there", [], { identity: "a", position: 90 }, undefined],
    ["one log", [at("/p", 90, "a"), at("/o/1", 12, "a"), at("/l", 0, "a")], { identity: "a", position: 90 }, undefined],
    ["of an earlier version of the program", [at("/p", 90)], { identity: undefined, position: 90 }, undefined],
    ["an upgrade that was interrupted", [at("/p", 90)], { identity: "a", position: 91 }, undefined],
    ["another log", [at("/p", 3, "a")], { identity: "b", position: 90 }, /log a up to record 3.* is b/],
    ["an empty log", [at("/p", 3, "a")], { identity: undefined, position: 0 }, /empty or another's/],
    ["an empty log, of an earlier version", [at("/p", 3)], { identity: undefined, position: 0 }, /record 3.*record 0/],
    ["an older backup of the log", [at("/p", 90, "a")], { identity: "a", position: 89 }, /record 90.*record 89/],
    ["hand-outs beyond the end", [at("/p", 9, "a"), at("/o/1", 90, "a")], { identity: "a", position: 89 }, /\/o\/1/],
    ["one mark is a stranger's", [at("/p", 9, "a"), at("/o/1", 2, "b")], { identity: "a", position: 89 }, /\/o\/1/],
    ["only the name is left", [at("/l", 0, "a")], { identity: "b", position: 89 }, /\/l is of the log a/],
  ];
  it.each(rows)("%s", (_, positions, state, reason) => {
    const found = strangerIn(positions, state);
    if (reason === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(reason);
  });
});
