import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadTemplates } from "../../../src/adapters/templates/load-templates.ts";
import { type Job, planJobs } from "../../../src/catalogue/plan-jobs.ts";
import type { Body, ResourceView, ViewedResource } from "../../../src/catalogue/resource-view.ts";

/** Every parameter of every captured job, evaluated from the captured documents alone. */
const folder = process.env.SIGNALBOX_CASES;
const cases = ["vpn_gateway", "common_function_gateway"].flatMap((name) => {
  const file = folder === undefined ? undefined : join(folder, `${name}.json`);
  return file !== undefined && existsSync(file) ? [{ name, file }] : [];
});

interface CapturedVersion {
  version: number;
  config: { value: { body: Body } };
  jobs: Array<{ value: [string, Job, number] }>;
}
interface Captured {
  resources: Array<{ collection: string; id: string; versions: CapturedVersion[] }>;
}

const { catalogue } = loadTemplates();

for (const { name, file } of cases) {
  const captured = JSON.parse(readFileSync(file, "utf8")) as Captured;
  const bodies = new Map<string, Body>();
  for (const { collection, id, versions } of captured.resources) {
    const type = catalogue.byCollection.get(collection)?.type ?? "";
    bodies.set(`${type}/${id}`, versions.at(-1)?.config.value.body ?? {});
  }
  const view: ResourceView = {
    get: (type, id): ViewedResource | undefined => {
      const body = bodies.get(`${type}/${id}`);
      return (
        body && {
          type,
          id,
          body,
          markedForDeletion: false,
          deletionFailed: false,
          owner: undefined,
          unfinishedJobs: [],
        }
      );
    },
    referrers: () => [],
    claimed: () => new Set(),
    holder: () => undefined,
  };
  /** Of a port's first version its gateway is not there yet: it is planned after its ports (reference: side effects). */
  const viewAt = (collection: string, version: number): ResourceView =>
    collection !== "ports" || version > 1
      ? view
      : { ...view, get: (type, id) => (type === "common_function_gateway" ? undefined : view.get(type, id)) };
  const canonical = (params: Job["params"]) =>
    [...params]
      .map((param) => ({
        ...param,
        resources: [
          ...new Map(param.resources.map((ref) => [`${ref.resource_type}/${ref.resource_id}`, ref])).values(),
        ],
      }))
      .sort((a, b) => a.param.localeCompare(b.param));

  describe(`parameters of the captured case ${name}`, () => {
    for (const { collection, id, versions } of captured.resources) {
      const type = catalogue.byCollection.get(collection);
      for (const [at, version] of versions.entries()) {
        it(`${collection} ${id} version ${version.version}`, () => {
          if (type === undefined) throw new Error(`no type for ${collection}`);
          const previous = versions[at - 1]?.config.value.body;
          const { jobs } = planJobs(
            {
              type,
              id,
              action: previous === undefined ? "create" : "update",
              version: version.version,
              body: version.config.value.body,
              ...(previous === undefined ? {} : { previousBody: previous }),
              view: viewAt(collection, version.version),
              suffix: () => "aaaaa",
            },
            catalogue,
          );
          expect(
            jobs.map(({ action, handler, is_first, is_last, on_failure }) => [
              action,
              handler,
              is_first,
              is_last,
              on_failure,
            ]),
          ).toEqual(
            version.jobs.map(({ value: [, job] }) => [
              job.action,
              job.handler,
              job.is_first,
              job.is_last,
              job.on_failure,
            ]),
          );
          for (const [index, { value }] of version.jobs.entries()) {
            expect(canonical(jobs[index]?.params ?? [])).toEqual(canonical(value[1].params));
          }
        });
      }
    }
  });
}

describe("captured cases", () => {
  it("are compared, both of them, when SIGNALBOX_CASES names their folder", () => {
    expect(cases).toHaveLength(folder === undefined ? 0 : 2);
  });
});
