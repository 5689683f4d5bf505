import { defineConfig } from "vitest/config";

// One project per kind of test, so that `npm run test:unit` needs no server at all.
const project = (name: string, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout: 60_000, hookTimeout: 120_000, ...extra },
});

export default defineConfig({
  test: {
    projects: [
      // Much of it waits for servers and timers: three at a time also where there are two cores.
      project("unit", { maxWorkers: 3 }),
      project("contract", { maxWorkers: 3 }),
      // Scenarios start whole systems.
      project("scenario", { maxWorkers: 3, sequence: { groupOrder: 1 } }),
      // What takes long, or a machine for itself: `npm run test:long`.
      project("long", { maxWorkers: 1, sequence: { groupOrder: 3 } }),
      // Chromium beside a whole system: one at a time.
      project("browser", { maxWorkers: 1, sequence: { groupOrder: 2 }, globalSetup: ["test/browser/build-ui.ts"] }),
    ],
  },
});
