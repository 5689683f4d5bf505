import { expect, it } from "vitest";
import { fuzzSystem } from "../fuzz/fuzz-system.ts";

// A short run of `npm run test:fuzz`; what it sends is the same each time.
it("generated requests, valid and not, are answered as the description says, and none with a 5xx", async () => {
  const { sent, statuses, failures } = await fuzzSystem(600, 3);
  expect(failures).toEqual([]);
  expect(Object.values(statuses).reduce((sum, count) => sum + count, 0)).toBe(sent);
  // It is about something: requests of all kinds are among them.
  for (const status of ["200", "201", "204", "400", "404", "409"]) {
    expect([status, statuses[status]]).toEqual([status, expect.any(Number)]);
  }
}, 120_000);
