import { setImmediate as othersFirst } from "node:timers/promises";

/** So much is written in one go, characters. */
const IN_ONE_GO = 256 * 1024;

/**
 * A value as JSON, as JSON.stringify has it, in slices: lists, of the value itself and of its members, are written some items at a time, and
 * whatever else the process has to do comes between.
 */
export async function* jsonInSlices(value: object): AsyncGenerator<string> {
  let slice = Array.isArray(value) ? "" : "{";
  const members = Array.isArray(value) ? [["", value] as const] : Object.entries(value);
  for (const [at, [name, member]] of members.filter(([, each]) => each !== undefined).entries()) {
    if (!Array.isArray(value)) slice += `${at === 0 ? "" : ","}${JSON.stringify(name)}:`;
    if (!Array.isArray(member)) {
      slice += JSON.stringify(member);
      continue;
    }
    slice += "[";
    for (const [place, item] of member.entries()) {
      slice += `${place === 0 ? "" : ","}${JSON.stringify(item ?? null)}`;
      if (slice.length < IN_ONE_GO) continue;
      yield slice;
      slice = "";
      await othersFirst();
    }
    slice += "]";
  }
  yield Array.isArray(value) ? slice : `${slice}}`;
}
