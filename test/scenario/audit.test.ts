import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AuditView } from "../../src/actors/audit/audit-view.ts";
import { TestSystem } from "./support/running-system.ts";

const PASSWORD = "the-routers-own-password";
const TENANT = "5f0c1b7e9d2a4c6f8e3b1a7d5c9e2f40";

interface Page {
  readonly history: readonly AuditView[];
  readonly audit: readonly AuditView[];
  readonly next: string | null;
}

let system: TestSystem;
let id: string;
beforeAll(async () => {
  system = await TestSystem.start();
  const edge_router = {
    name: "r",
    ip: "10.79.5.186",
    ssh_port: 830,
    login: "l",
    password: PASSWORD,
    tenant_id: TENANT,
  };
  const made = await system.send("POST", "/v2.0/edge_routers", { edge_router });
  id = (made.body["edge_router"] as { id: string }).id;
  await system.send("PUT", `/v2.0/edge_routers/${id}`, { edge_router: { name: "renamed" } });
  await system.send("DELETE", `/v2.0/edge_routers/${id}`);
  await system.until(id, ({ state }) => state === "deleted");
});
afterAll(() => system.stop());

const summary = ({ action, version, name, by }: AuditView) => `${by?.name} ${action} ${version} ${name}`;
const wanted = ["anonymous delete 3 renamed", "anonymous update 2 renamed", "anonymous create 1 r"];

describe("who did what", () => {
  it("is told of a deleted resource over REST, without its password, also after a restart", async () => {
    const path = `/v2.0/edge_routers/${id}/history`;
    const { history, next } = await system.get<Page>(path);
    expect(next).toBeNull();
    expect(history.map(summary)).toEqual(wanted);
    expect(history[1]?.changes).toEqual({ name: { before: "r", after: "renamed" } });
    expect(history[2]?.changes["password"]).toEqual({ before: null, after: "***" });
    const text = await system.text(path);
    await system.restart();
    expect(await system.text(path)).toBe(text);
    expect(text).not.toMatch(/sb[0-9]~/);
    expect(text).not.toContain(PASSWORD);
  });

  it("is told of a whole tenant, in pages and by time", async () => {
    const path = `/signalbox/v1/audit?tenant=${TENANT}&type=edge_router&who=anonymous`;
    const first = await system.get<Page>(`${path}&limit=2`);
    expect(first.audit.map(summary)).toEqual(wanted.slice(0, 2));
    const second = await system.get<Page>(`${path}&limit=2&after=${first.next}`);
    expect(second.audit.map(summary)).toEqual(wanted.slice(2));
    expect(second.next).toBeNull();
    const since = new Date((first.audit[0]?.time ?? 0) + 1).toISOString();
    expect((await system.get<Page>(`${path}&since=${since}`)).audit).toEqual([]);
    expect((await system.get<Page>(`${path}&until=${since}`)).audit.map(summary)).toEqual(wanted);
    expect((await system.get<Page>(`/signalbox/v1/audit?tenant=${TENANT.replace("5", "6")}`)).audit).toEqual([]);
  });

  it("refuses a question that it does not understand", async () => {
    for (const query of ["from=1", "limit=0", "limit=x", "since=yesterday", "action=look", "after=1", "who=a&who=b"]) {
      const { status, body } = await system.send("GET", `/signalbox/v1/audit?${query}`);
      expect([query, status, body["code"]]).toEqual([query, 400, "SB_MALFORMED_REQUEST"]);
    }
    const unknown = await system.send("GET", "/v2.0/edge_routers/00000000-0000-4000-8000-000000000000/history");
    expect([unknown.status, unknown.body["code"]]).toEqual([404, "SB_NOT_FOUND"]);
  });
});
