import { describe, expectTypeOf, it } from "vitest";
import type * as served from "../../../src/actors/inspection/inspection-api.ts";
import type { MachineDescription } from "../../../src/machines/describe-machine.ts";
import type * as read from "../../../src/ui/api-types.ts";

// The pages have types of their own. The compiler holds them to what is served.
describe("what the pages read", () => {
  it("is what is served", () => {
    expectTypeOf<served.FleetPage>().toExtend<read.FleetPageAnswer>();
    expectTypeOf<served.FleetEvent>().toExtend<read.FleetEvent>();
    expectTypeOf<served.ResourceHistory>().toExtend<read.ResourceHistory>();
    expectTypeOf<served.DocumentHistory>().toExtend<read.DocumentHistory>();
    expectTypeOf<served.ConfigurationVersion>().toExtend<read.ConfigurationVersion>();
    expectTypeOf<served.DependencyGraph>().toExtend<read.DependencyGraph>();
    expectTypeOf<served.DeviceReport>().toExtend<read.DeviceReport>();
    expectTypeOf<served.MonitoringPage>().toExtend<read.MonitoringPageAnswer>();
    expectTypeOf<MachineDescription>().toExtend<read.Machine>();
  });
});
