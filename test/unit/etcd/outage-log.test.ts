import { expect, it } from "vitest";
import { OutageLog } from "../../../src/adapters/etcd/outage-log.ts";
import { VirtualClock } from "../../../src/adapters/system/virtual-clock.ts";
import { recordingLogger } from "../../contract/etcd/recording-logger.ts";

function outageLog(endpoints: number) {
  const clock = new VirtualClock(0);
  const { logger, lines } = recordingLogger();
  const log = new OutageLog({ clock, logger, endpoints });
  return { log, clock, told: () => lines.splice(0).map(({ level, fields }) => [level, fields]) };
}

it("tells an outage of the only endpoint once, and how long it lasted", async () => {
  const { log, clock, told } = outageLog(1);
  log.failed("a", "refused");
  log.failed("a", "refused");
  await clock.advance(1500);
  log.answered("a");
  log.answered("a");
  expect(told()).toEqual([
    ["error", { endpoint: "a", reason: "refused" }],
    ["info", { endpoint: "a", lastedMs: 1500 }],
  ]);
});

it("warns once of one endpoint of several, and calls it an outage when all have failed", () => {
  const { log, told } = outageLog(2);
  log.failed("a", "refused");
  log.answered("b");
  log.failed("a", "refused");
  expect(told()).toEqual([["warn", { endpoint: "a", reason: "refused" }]]);
  log.failed("b", "reset");
  log.failed("a", "refused");
  expect(told()).toEqual([["error", { endpoint: "b", reason: "reset" }]]);
  log.answered("a");
  expect(told()).toEqual([["info", { endpoint: "a", lastedMs: 0 }]]);
  log.failed("a", "refused again");
  expect(told()).toEqual([["warn", { endpoint: "a", reason: "refused again" }]]);
});

it("tells of a full store once, until it takes a document again", () => {
  const { log, told } = outageLog(1);
  log.stored();
  log.full("a");
  log.full("a");
  log.answered("a");
  log.stored();
  log.stored();
  expect(told()).toEqual([
    ["error", { endpoint: "a" }],
    ["info", { lastedMs: 0 }],
  ]);
});
