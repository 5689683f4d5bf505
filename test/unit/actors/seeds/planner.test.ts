import { describe, expect, it } from "vitest";
import { loadTemplates } from "../../../../src/adapters/templates/load-templates.ts";
import { type Job, planJobs } from "../../../../src/catalogue/plan-jobs.ts";
import { absentResource, resourceTransition } from "../../../../src/machines/resource/resource-machine.ts";
import { NO_CHANGES } from "../../../../src/machines/resource/resource-steps.ts";
import { heatJob, MemoryView, monitoringJob } from "../../catalogue/memory-view.ts";
import { bodyOf, seedDocuments, type Write } from "./seed-documents.ts";

/*
 * Seeds 001 and 002 as planner and mapping: from the stored body of the resource, and from what the seed shows of the others, to the
 * documents of its jobs. Nothing is renamed: every id, every value and every chain of resources is the seed's own. The points from (3) on
 * come from devices: seed 001 is run whole, against the lab, in test/scenario/seeds.test.ts, a resource of seed 002's type in
 * test/scenario/common-function.test.ts.
 */

const { catalogue } = loadTemplates();

/** The documents of points (1) and (2): the resource is accepted, its jobs are planned. */
function documentsOfCreation(seed: readonly Write[], typeName: string, view: MemoryView): Write[] {
  const type = catalogue.types.get(typeName);
  if (type === undefined) throw new Error(`no type ${typeName}`);
  const body = bodyOf(seed);
  const id = String(body["id"]);
  const suffixes = seed.flatMap(({ key }) => (key.startsWith("/jobs/all/") ? [key.slice(-5)] : []));
  const suffix = () => suffixes.shift() ?? "";
  const plan = planJobs({ type, id, action: "create", version: 1, body, view, suffix }, catalogue);
  const { effects } = resourceTransition(absentResource(), {
    type: "CREATE",
    resourceType: typeName,
    collection: type.collection,
    id,
    hasStatus: true,
    owner: null,
    claims: [],
    uniques: [],
    references: [],
    body,
    plan,
    changes: NO_CHANGES,
    fixedStatus: null,
  });
  return effects.flatMap((effect) => (effect.kind === "write" ? [{ key: effect.key, value: effect.value }] : []));
}

/** Points (1) and (2) of a seed, the params in an order of their own (reference: parameters). */
function planned(documents: readonly Write[]): Write[] {
  const shown = documents.filter(({ key }) => /^\/(config|jobs\/all)\//.test(key));
  const sorted = (_key: string, value: unknown): unknown =>
    Array.isArray(value) && value.every((item) => typeof item === "object" && item !== null && "param" in item)
      ? [...(value as Array<{ param: string }>)].sort((a, b) => a.param.localeCompare(b.param))
      : value;
  return JSON.parse(JSON.stringify(shown, sorted)) as Write[];
}

describe("seed 001: an ese_logical_port", () => {
  const seed = seedDocuments("001");
  const view = () =>
    new MemoryView()
      .add(
        "port",
        "7abe783f-4837-417d-b76f-771ec4d38b97",
        {},
        {
          unfinishedJobs: [
            heatJob("create:heat_worker:port:7abe783f-4837-417d-b76f-771ec4d38b97:1:3gezy"),
            monitoringJob("create:monitoring_worker:port:7abe783f-4837-417d-b76f-771ec4d38b97:1:aaaaa"),
          ],
        },
      )
      // The gw_interface and the network are being built too: the chain names neither, so the port's jobs are all it waits for.
      .add(
        "gw_interface",
        "b9618566-14ea-4505-8eae-8fdb4b6a0ec1",
        {},
        { unfinishedJobs: [heatJob("create:heat_worker:gw_interface:b9618566-14ea-4505-8eae-8fdb4b6a0ec1:1:bbbbb")] },
      )
      .add("ese_physical_port", "8a4bbfe0-5aae-42f5-8b94-c4c14b9e7306", {
        ese_device_id: "a1f745c1-e6b9-45ef-94db-f33b37709fb0",
      })
      .add("ese_device", "a1f745c1-e6b9-45ef-94db-f33b37709fb0", { management_ip_address: "10.161.0.34" });

  it("has the seed's config document and both jobs, with every parameter and dependency", () => {
    const documents = documentsOfCreation(seed, "ese_logical_port", view());
    expect(planned(documents)).toEqual(planned(seed));
    expect(planned(seed)).toHaveLength(3);
  });

  it("is ready at once when the port is built already", () => {
    const built = view().add("port", "7abe783f-4837-417d-b76f-771ec4d38b97");
    const documents = documentsOfCreation(seed, "ese_logical_port", built);
    expect(documents.filter(({ key }) => key.startsWith("/jobs/ready/"))).toHaveLength(1);
  });
});

describe("seed 002: a common_function_gateway, of a type that the product does not have yet", () => {
  const seed = seedDocuments("002");
  const view = () =>
    new MemoryView()
      .add("common_function_pool", "cca32fd7-2430-4acc-87e9-a7b527e9918d", {
        dnat_group_name: "DNAT-RULE",
        dnat_pool_group_name: "DNAT-POOL",
        logical_tunnel_interface_name: "lt-0/0/0",
        service_interface_name: "ms-0/2/0",
        service_vrf_name: "SHARED-RESOURCE",
        snapt_group_name: "SNAPT-RULE",
        snapt_pool_group_name: "SNAPT-POOL",
        vrrp_group_name: "IF-USER-VRRP-ACT",
        vrrp_config: [{ vrid: 41 }, { vrid: 42 }],
      })
      .add("common_function", "18c64ec9-78c2-43ac-ae0d-48fa9b6c0858", { common_function_number: 1 })
      .add("common_function", "c1be08ee-7cf2-4c84-8fe7-7e891d17bc71", { common_function_number: 2 })
      .add("ha_interface", "372ed357-e622-41fb-a613-076d332838e2", {
        ha_router_id: "3a3d7a43-d749-44e8-90bc-de7b37d1d258",
        primary_interface_id: "a752c6c0-2075-4e7f-9040-5fcefcad0252",
        secondary_interface_id: "96c3629b-9bfb-4d54-adc1-750d024c2858",
      })
      .add("er_physical_interface", "a752c6c0-2075-4e7f-9040-5fcefcad0252", { name: "ae0" })
      .add("er_physical_interface", "96c3629b-9bfb-4d54-adc1-750d024c2858", { name: "ae0" })
      .add("ha_router", "3a3d7a43-d749-44e8-90bc-de7b37d1d258", {
        primary_router_id: "8aba84f9-4675-4d22-a231-e9eabde80818",
        secondary_router_id: "769b5e3b-3320-41ec-9be0-4567b50f1aab",
      })
      .add("edge_router", "8aba84f9-4675-4d22-a231-e9eabde80818", router("10.79.5.185"))
      .add("edge_router", "769b5e3b-3320-41ec-9be0-4567b50f1aab", router("10.79.5.184"))
      .add(
        "network",
        "f2de53ae-bc76-46f2-b2ae-a7eefa9d6e57",
        {},
        { unfinishedJobs: [heatJob("create:heat_worker:network:f2de53ae-bc76-46f2-b2ae-a7eefa9d6e57:1:ccccc")] },
      )
      .add(
        "subnet",
        "e1353d56-b05a-43a9-b924-383ab0d64d7b",
        {},
        { unfinishedJobs: [heatJob("create:heat_worker:subnet:e1353d56-b05a-43a9-b924-383ab0d64d7b:1:junpn")] },
      );

  it("has the seed's config document and both jobs, with every parameter and dependency", () => {
    const documents = documentsOfCreation(seed, "common_function_gateway", view());
    expect(planned(documents)).toEqual(planned(seed));
    expect(planned(seed)).toHaveLength(3);
  });

  it("has no subnet among its dependencies, and an empty parameter, while the subnet is not there", () => {
    const { subnet_id: _subnet, ...body } = bodyOf(seed);
    const changed = [{ key: "/config/", value: { body } }, ...seed.slice(1)];
    const documents = documentsOfCreation(changed, "common_function_gateway", view());
    const [job] = documents.flatMap(({ key, value }) =>
      key.startsWith("/jobs/all/create:heat_worker") ? [(value as [string, Job])[1]] : [],
    );
    expect(job?.dependency).toEqual([]);
    expect(job?.params.find(({ param }) => param === "jinja_dummy_dependency")).toMatchObject({
      value: "",
      resources: [],
    });
  });
});

function router(ip: string) {
  return { ip, login: "esi", password: "esiesi0000", ssh_port: 830 };
}
