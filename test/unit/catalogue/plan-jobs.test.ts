import { describe, expect, it } from "vitest";
import { type Job, type PlanRequest, planJobs, templatesOf } from "../../../src/catalogue/plan-jobs.ts";
import type { Body } from "../../../src/catalogue/resource-view.ts";
import { catalogueOf, refusalOf, typeOf } from "./catalogue-text.ts";
import { heatJob, MemoryView, monitoringJob } from "./memory-view.ts";

/** A type with a relation and both templates, of which `mode` takes one or both away. */
const catalogue = catalogueOf({
  base: `type: base
collection: bases
title: What things are built on
fields: { id: { type: string }, name: { type: string } }
stack: =base
handlers:
  base: { handler: heat_worker, outputs: [{ key: id, description: Id., value: x }] }
`,
  thing: `type: thing
collection: things
title: A thing
fields:
  id: { type: string }
  name: { type: string }
  mode: { type: string }
  base_id: { type: string, relation: base }
stack: "if .mode == 'none' then =null else if .mode == 'watched' then =null else =make"
monitoring: "if .mode == 'none' then =null else if .mode == 'built' then =null else =watch"
handlers:
  make:
    handler: heat_worker
    params: { base: base_id.name, output: base_id!id, name: .name }
  watch:
    handler: monitoring_worker
    params: { watched: base_id.id, fixed: =x }
`,
});
const thing = typeOf(catalogue, "thing");

const baseView = () =>
  new MemoryView()
    .add("base", "b1", { id: "b1", name: "one" }, { unfinishedJobs: [] })
    .add("base", "b2", { id: "b2", name: "two" });

function plan(request: Partial<PlanRequest> & { body: Body }) {
  let number = 0;
  return planJobs(
    {
      type: thing,
      id: "t1",
      action: "create",
      version: 1,
      view: baseView(),
      suffix: () => `aaaa${++number}`,
      ...request,
    },
    catalogue,
  );
}

const shape = (jobs: readonly Job[]) =>
  jobs.map((job) => [job.action, job.handler, job.is_first, job.is_last, job.on_failure]);
const body = (more: Body = {}): Body => ({ id: "t1", name: "n", mode: "all", base_id: "b1", ...more });

describe("the chain of jobs of a version", () => {
  it("of a creation is stack, then monitoring", () => {
    const { jobs, templates } = plan({ body: body() });
    expect(shape(jobs)).toEqual([
      ["create", "heat_worker", true, false, "fail"],
      ["create", "monitoring_worker", false, true, "fail"],
    ]);
    expect(templates).toEqual({ heat_worker: "make", monitoring_worker: "watch" });
    expect(jobs.map(({ dependency }) => dependency)).toEqual([[], [jobs[0]?.id]]);
  });

  it("of an update ends the monitoring, changes the stack and starts the monitoring anew", () => {
    const { jobs } = plan({ action: "update", version: 2, body: body(), previousBody: body() });
    expect(shape(jobs)).toEqual([
      ["delete", "monitoring_worker", true, false, "ignore"],
      ["modify", "heat_worker", false, false, "fail"],
      ["create", "monitoring_worker", false, true, "fail"],
    ]);
    const ids = jobs.map(({ id }) => id);
    // The last depends on both before it.
    expect(jobs.map(({ dependency }) => new Set(dependency))).toEqual([
      new Set(),
      new Set([ids[0]]),
      new Set([ids[0], ids[1]]),
    ]);
  });

  it("of a deletion is the creation's reversed", () => {
    const { jobs } = plan({ action: "delete", version: 3, body: body() });
    expect(shape(jobs)).toEqual([
      ["delete", "monitoring_worker", true, false, "ignore"],
      ["delete", "heat_worker", false, true, "fail"],
    ]);
    expect(jobs[1]?.dependency).toEqual([jobs[0]?.id]);
  });

  it.each([
    ["built", "create", [["create", "heat_worker", true, true, "fail"]]],
    ["built", "update", [["modify", "heat_worker", true, true, "fail"]]],
    ["built", "delete", [["delete", "heat_worker", true, true, "fail"]]],
    ["watched", "create", [["create", "monitoring_worker", true, true, "fail"]]],
    [
      "watched",
      "update",
      [
        ["delete", "monitoring_worker", true, false, "ignore"],
        ["create", "monitoring_worker", false, true, "fail"],
      ],
    ],
    ["watched", "delete", [["delete", "monitoring_worker", true, true, "ignore"]]],
    ["none", "create", []],
    ["none", "update", []],
    ["none", "delete", []],
  ] as const)("of a %s instance in a %s", (mode, action, jobs) => {
    const of = body({ mode });
    expect(shape(plan({ action, body: of, previousBody: of }).jobs)).toEqual(jobs);
  });

  it("takes away what an update gives up, and builds what it adds", () => {
    const from = (mode: string, to: string) =>
      shape(plan({ action: "update", version: 2, body: body({ mode: to }), previousBody: body({ mode }) }).jobs).map(
        ([action, handler]) => `${action}:${handler}`,
      );
    expect(from("all", "none")).toEqual(["delete:monitoring_worker", "delete:heat_worker"]);
    expect(from("none", "all")).toEqual(["create:heat_worker", "create:monitoring_worker"]);
    expect(from("built", "watched")).toEqual(["delete:heat_worker", "create:monitoring_worker"]);
    expect(from("watched", "all")).toEqual([
      "delete:monitoring_worker",
      "create:heat_worker",
      "create:monitoring_worker",
    ]);
  });

  it("deletes what is in effect, whatever a version that failed wanted", () => {
    const { jobs } = plan({ action: "delete", body: body({ mode: "none" }), previousBody: body() });
    expect(shape(jobs).map(([action, handler]) => `${action}:${handler}`)).toEqual([
      "delete:monitoring_worker",
      "delete:heat_worker",
    ]);
  });

  it("names each job for what it does, with an end of its own", () => {
    const { jobs } = plan({ version: 7, body: body() });
    expect(jobs.map(({ id }) => id)).toEqual([
      "create:heat_worker:thing:t1:7:aaaa1",
      "create:monitoring_worker:thing:t1:7:aaaa2",
    ]);
    expect(jobs[0]).toMatchObject({
      job_name: "thing:t1:7",
      resource_type: "thing",
      resource_id: "t1",
      version: 7,
      resource_input: body(),
    });
  });

  it("has the templates that the instance's own fields pick", () => {
    const names = ["all", "built", "watched", "none"].map((mode) => {
      const { stack, monitoring } = templatesOf(thing, "t1", body({ mode }), baseView(), catalogue);
      return [stack?.name, monitoring?.name];
    });
    expect(names).toEqual([
      ["make", "watch"],
      ["make", undefined],
      [undefined, "watch"],
      [undefined, undefined],
    ]);
  });
});

describe("parameters", () => {
  it("are values, outputs of other stacks, and lists of outputs, with the resources that led there", () => {
    expect(plan({ body: body() }).jobs[0]?.params).toEqual([
      { param: "base", type: "value", value: "one", resources: [{ resource_type: "base", resource_id: "b1" }] },
      {
        param: "output",
        type: "output_key",
        value: { output_key: "id", resource_type: "base", resource_id: "b1" },
        resources: [{ resource_type: "base", resource_id: "b1" }],
      },
      { param: "name", type: "value", value: "n", resources: [] },
    ]);
  });

  it("of an update have the new values and the resources of both versions", () => {
    const { jobs } = plan({
      action: "update",
      version: 2,
      body: body({ base_id: "b2" }),
      previousBody: body({ base_id: "b1" }),
    });
    const [ended, changed, started] = jobs;
    const resources = (...ids: string[]) => ids.map((id) => ({ resource_type: "base", resource_id: id }));
    // What is ended is what was there; its input is the new version's all the same.
    expect(ended?.params[0]).toMatchObject({ value: "b1", resources: resources("b1") });
    expect(ended?.resource_input["base_id"]).toBe("b2");
    expect(changed?.params[0]).toMatchObject({ value: "two", resources: resources("b1", "b2") });
    expect(started?.params[0]).toMatchObject({ value: "b2", resources: resources("b1", "b2") });
  });

  it("that lead nowhere are named with their template", () => {
    const error = refusalOf(() => plan({ body: body({ base_id: "b9" }) }));
    expect([error.code, error.message]).toEqual([
      "SB_PARAMETER_INVALID",
      "parameter base of make: base b9 (base_id of this thing) does not exist",
    ]);
    expect(refusalOf(() => plan({ action: "update", body: body(), previousBody: body({ base_id: "b9" }) })).code).toBe(
      "SB_PARAMETER_INVALID",
    );
  });

  it("that lead nowhere any more do not keep a resource from being deleted", () => {
    const { jobs } = plan({ action: "delete", body: body({ base_id: "b9" }) });
    expect(jobs.map(({ params }) => params.map(({ value }) => value))).toEqual([
      ["", "x"],
      ["", "", "n"],
    ]);
  });
});

describe("what the first job waits for", () => {
  const busy = () =>
    baseView()
      .add(
        "base",
        "b1",
        { id: "b1", name: "one" },
        { unfinishedJobs: [heatJob("base-heat"), monitoringJob("base-mon")] },
      )
      .add("base", "b2", { id: "b2", name: "two" }, { unfinishedJobs: [monitoringJob("two-mon", true)] });
  const first = (request: Partial<PlanRequest> & { body: Body }) => plan(request).jobs[0]?.dependency.toSorted();

  it("the stack of what the chain builds on, not its monitoring", () => {
    expect(first({ body: body(), view: busy() })).toEqual(["base-heat"]);
  });

  it("the monitoring of what has only that", () => {
    expect(first({ body: body({ base_id: "b2" }), view: busy() })).toEqual(["two-mon"]);
  });

  it("not a monitoring whose stack is there already", () => {
    const view = baseView().add("base", "b1", { id: "b1" }, { unfinishedJobs: [monitoringJob("base-mon")] });
    expect(first({ body: body(), view })).toEqual([]);
  });

  it("what any job of the chain names, not only its own", () => {
    const view = busy();
    expect(first({ body: body({ mode: "watched" }), view })).toEqual(["base-heat"]);
    expect(first({ action: "update", body: body(), previousBody: body({ base_id: "b2" }), view })).toEqual([
      "base-heat",
      "two-mon",
    ]);
  });

  it("in an update and a deletion, all jobs of those who refer to it", () => {
    const view = baseView()
      .add(
        "user",
        "u1",
        {},
        { unfinishedJobs: [heatJob("user-heat"), monitoringJob("user-mon")], refersTo: [{ type: "thing", id: "t1" }] },
      )
      .add("user", "u2", {}, { unfinishedJobs: [heatJob("other")], refersTo: [{ type: "thing", id: "t2" }] });
    expect(first({ action: "update", body: body(), previousBody: body(), view })).toEqual(["user-heat", "user-mon"]);
    expect(first({ action: "delete", body: body(), view })).toEqual(["user-heat", "user-mon"]);
    expect(first({ body: body(), view })).toEqual([]);
  });

  it("never itself, and each job once", () => {
    const view = busy().add(
      "base",
      "b1",
      { id: "b1", name: "one" },
      { unfinishedJobs: [heatJob("base-heat")], refersTo: [{ type: "thing", id: "t1" }] },
    );
    expect(first({ action: "update", body: body(), previousBody: body(), view })).toEqual(["base-heat"]);
    const self = new MemoryView().add("base", "t1", { id: "t1", name: "me" }, { unfinishedJobs: [heatJob("own")] });
    expect(first({ body: body({ base_id: "t1" }), view: self })).toEqual([]);
  });
});
