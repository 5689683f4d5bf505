import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ActorSystem } from "../../../../src/actors/actor-system.ts";
import { ROLES } from "../../../../src/actors/cluster/shares.ts";
import type { TypeTexts } from "../../catalogue/catalogue-text.ts";
import { MemorySystem, types } from "../memory-system.ts";

/** Some types only, or with other texts. */
function typesWith(changes: Partial<Record<keyof typeof types, string | undefined>>): TypeTexts {
  const { site, link, node } = types;
  return Object.fromEntries(
    Object.entries({ site, link, node, ...changes }).flatMap(([name, text]) =>
      text === undefined ? [] : [[name, text]],
    ),
  );
}

let system: MemorySystem;
beforeEach(async () => {
  system = await MemorySystem.start();
});
afterEach(() => system.stop());

/** Two sites, and a link on the first one that is complete. */
async function someResources(): Promise<string> {
  const sites = await Promise.all(["a", "b"].map((name) => system.gateway().create("site", { name })));
  const link = await system.gateway().create("link", { name: "l", site_id: String(sites[0]?.["id"]) });
  await system.until(String(link["id"]), ({ state }) => state === "create_completed");
  return String(link["id"]);
}

/** Stops all processes; the stores stay. */
async function stopProcesses(): Promise<void> {
  for (const process of system.processes.splice(0)) await process.stop();
}

const starting = (texts: TypeTexts, role?: (typeof ROLES)[number]) =>
  system.addProcess({}, role === undefined ? ROLES : [role], texts);

describe("a process whose templates lack what resources need", () => {
  it.each(ROLES)("does not start as %s, and says how many of which type", async (role) => {
    await someResources();
    await stopProcesses();
    const texts = typesWith({ link: undefined, node: undefined });
    await expect(starting(texts, role)).rejects.toMatchObject({
      code: "SB_TYPE_GONE",
      message: expect.stringContaining("1 of type link: there is no such type any more"),
    });
  });

  const { link } = types;
  it.each<[string, string, RegExp]>([
    [
      "the collection has another name",
      link.replace("collection: links", "collection: cables"),
      /was links and is cables/,
    ],
    [
      "a template has another name",
      link.replace("stack: =link", "stack: =wire").replace("  link:\n", "  wire:\n"),
      /1 .*no template link/,
    ],
    [
      "a field is gone that has a value",
      link
        .replace(/ {2}name: .*\n/, "")
        .replace("name: .name, ", "")
        .replace("{ name: $name }", "{}"),
      /no field name/,
    ],
    ["nothing is made outside any more", link.slice(0, link.indexOf("stack: =link")), /no stack any more/],
  ])("does not start when %s", async (_, text, reason) => {
    await someResources();
    await stopProcesses();
    await expect(starting(typesWith({ link: text, node: undefined }))).rejects.toMatchObject({
      code: "SB_TYPE_GONE",
      message: expect.stringMatching(reason),
    });
  });

  it("does not start when a job that is not over lacks what its template wants now", async () => {
    await stopProcesses();
    // Nobody works: the job stays where it is.
    const process = await system.addProcess({}, ["gateway", "actors"]);
    const site = await process.gateway.create("site", { name: "a" });
    await process.gateway.create("link", { name: "l", site_id: String(site["id"]) });
    await stopProcesses();
    const text = link.replace("name: .name, ", "name: .name, number: .number, ");
    await expect(starting(typesWith({ link: text, node: undefined }))).rejects.toMatchObject({
      code: "SB_TYPE_GONE",
      message: expect.stringContaining("wants number"),
    });
  });

  it("starts when only deleted resources were of a type that is gone", async () => {
    const id = await someResources();
    await system.gateway().remove("link", id);
    await system.until(id, ({ deleted }) => deleted);
    await stopProcesses();
    const process = await starting(typesWith({ link: undefined, node: undefined }));
    expect((await process.gateway.list("site", {})).total).toBe(2);
  });

  it("starts when there is more than before", async () => {
    await someResources();
    await stopProcesses();
    const more = link.replace("fields:\n", "fields:\n  colour: { type: string, default: red, writable: [create] }\n");
    expect(await starting(typesWith({ link: more }))).toBeInstanceOf(ActorSystem);
  });

  it("is not ready when another process makes a resource of a type that it does not have", async () => {
    const less = await starting(typesWith({ link: undefined, node: undefined }), "gateway");
    expect((await less.gateway.readiness()).checks).toMatchObject({ templates: "ok" });
    await someResources();
    await vi.waitFor(async () => {
      const { ready, checks } = await less.gateway.readiness();
      expect([ready, checks["templates"]]).toEqual([false, expect.stringContaining("1 of type link")]);
    });
  });
});
