import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ResourceView } from "../../../src/actors/gateway-api.ts";
import type { EventLog } from "../../../src/actors/ports.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { MemorySystem } from "./memory-system.ts";

/** A log that a process follows late: what is appended while it is held comes when somebody asks how long the log is. */
class LateLog {
  #open: Promise<void> = Promise.resolve();
  #release = () => {};
  readonly #log: EventLog;
  error: SignalboxError | undefined;
  asked = 0;

  constructor(log: EventLog) {
    this.#log = log;
  }

  hold(): void {
    this.#open = new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  release(): void {
    this.#release();
  }

  get port(): EventLog {
    const log = this.#log;
    return {
      append: (...given) => log.append(...given),
      last: (subject) => log.last(subject),
      lastOfEach: (prefix) => log.lastOfEach(prefix),
      history: (subject) => log.history(subject),
      purge: (...given) => log.purge(...given),
      read: (from, options) => this.#late(log.read(from, options)),
      position: async () => {
        this.asked += 1;
        if (this.error) throw this.error;
        this.release();
        return log.position();
      },
    };
  }

  async *#late(records: ReturnType<EventLog["read"]>): ReturnType<EventLog["read"]> {
    for await (const record of records) {
      await this.#open;
      yield record;
    }
  }
}

const idOf = (view: ResourceView) => String(view["id"]);

describe("a process that has not read yet what another has answered", () => {
  let system: MemorySystem;
  let log: LateLog;
  let site: string;
  beforeEach(async () => {
    system = await MemorySystem.start();
    log = new LateLog(system.embedded.log);
    // What it has not read must hold up nothing but its own answers.
    await system.addProcess({ log: log.port }, ["gateway"]);
    site = idOf(await system.gateway(0).create("site", {}));
    await system.gateway(1).get("site", site);
  });
  afterEach(async () => {
    log.release();
    await system.stop();
  });
  const link = (process: number, name: string) => system.gateway(process).create("link", { name, site_id: site });

  it("finds a resource", async () => {
    log.hold();
    const id = idOf(await link(0, "a"));
    expect(await system.gateway(1).get("link", id)).toMatchObject({ name: "a" });
  });

  it("builds on a resource", async () => {
    log.hold();
    const id = idOf(await link(0, "a"));
    expect(await system.gateway(1).create("node", { link_id: id })).toMatchObject({ link_id: id });
  });

  it("changes a resource, and deletes it", async () => {
    log.hold();
    const id = idOf(await link(0, "a"));
    expect(await system.gateway(1).update("link", id, { name: "b" })).toMatchObject({ name: "b" });
    log.hold();
    const second = idOf(await link(0, "c"));
    await system.gateway(1).remove("link", second);
    await system.until(second, ({ deleted }) => deleted);
  });

  it("changes a resource to refer to another one", async () => {
    const node = idOf(await system.gateway(0).create("node", { link_id: idOf(await link(0, "a")) }));
    await system.gateway(1).get("node", node);
    log.hold();
    const other = idOf(await link(0, "b"));
    expect(await system.gateway(1).update("node", node, { link_id: other })).toMatchObject({ link_id: other });
  });

  it("plans a request that is only tried", async () => {
    log.hold();
    const id = idOf(await link(0, "a"));
    expect(await system.gateway(1).dryRun("node", { action: "create", fields: { link_id: id } })).toBeDefined();
  });

  it("deletes what nobody refers to any more", async () => {
    const id = idOf(await link(0, "a"));
    const node = idOf(await system.gateway(0).create("node", { link_id: id }));
    await system.gateway(1).get("node", node);
    log.hold();
    await system.gateway(0).remove("node", node);
    await system.until(node, ({ deleted }) => deleted);
    await system.gateway(1).remove("link", id);
  });

  it("gives a name away that is free again", async () => {
    const id = idOf(await link(0, "a"));
    await system.gateway(1).get("link", id);
    log.hold();
    await system.gateway(0).remove("link", id);
    await system.until(id, ({ deleted }) => deleted);
    expect(await link(1, "a")).toMatchObject({ name: "a" });
  });

  it("gives a number away that is free again", async () => {
    const links = await Promise.all(Array.from({ length: 8 }, (_, at) => link(0, `n${at}`)));
    for (const each of links) await system.gateway(1).get("link", idOf(each));
    log.hold();
    const [first] = links.map(idOf);
    await system.gateway(0).remove("link", first ?? "");
    await system.until(first ?? "", ({ deleted }) => deleted);
    expect(await link(1, "another")).toMatchObject({ name: "another" });
  });

  it("refuses what is to be refused, and asks the log once only", async () => {
    const { asked } = log;
    await expect(system.gateway(1).get("link", "nowhere")).rejects.toMatchObject({ code: "SB_NOT_FOUND" });
    expect(log.asked - asked).toBe(1);
    log.hold();
    await link(0, "a");
    await expect(system.gateway(1).create("node", { link_id: "nowhere" })).rejects.toMatchObject({
      code: "SB_RELATION_NOT_FOUND",
    });
    await expect(link(1, "a")).rejects.toMatchObject({ code: "SB_UNIQUE_TAKEN" });
  });

  it("does not say that something is not there while it cannot know", async () => {
    log.error = new SignalboxError("SB_STORE_UNREACHABLE", "the log does not answer");
    await expect(system.gateway(1).get("link", "nowhere")).rejects.toBe(log.error);
  });
});
