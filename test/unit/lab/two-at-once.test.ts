import { afterEach, expect, it } from "vitest";
import { createHttpServer } from "../../../src/adapters/http/create-http-server.ts";
import { listenHttp } from "../../../src/adapters/http/listen-http.ts";
import { labGateway } from "../../../src/cli/lab-gateway.ts";
import { type Lab, startLab } from "../../../src/lab/lab.ts";
import { labRoutes } from "../../../src/lab/lab-routes.ts";
import { LabPages } from "../../fault/lab-pages.ts";
import { silentLogger } from "../../servers/silent-logger.ts";
import { openSession, type TestClient } from "./junos/netconf-client.ts";

const LOCK = "<lock><target><candidate/></target></lock>";
const edit = (name: string) =>
  `<edit-config><target><candidate/></target><config><configuration><system><host-name>${name}</host-name></system></configuration></config></edit-config>`;

const cleanup: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

/** A lab behind its pages, as a test of several processes has it. */
async function start(): Promise<{ lab: Lab; pages: LabPages }> {
  const lab = await startLab({ timing: "instant", logger: silentLogger });
  cleanup.push(() => lab.stop());
  const app = createHttpServer({ api: labGateway, logger: silentLogger, plugins: [labRoutes(lab)] });
  cleanup.push(() => app.close());
  const { url } = await listenHttp(app, { host: "127.0.0.1", port: 0 });
  return { lab, pages: new LabPages(url) };
}

async function two(lab: Lab): Promise<[TestClient, TestClient]> {
  const port = lab.routers.get("MX-1")?.port ?? 0;
  const open = async (username: string) => {
    const session = await openSession({ port, username });
    cleanup.push(() => session.close());
    return session;
  };
  return [await open("worker-1"), await open("worker-2")];
}

async function statistics(pages: LabPages) {
  const { routers } = await pages.overview();
  return routers.find(({ name }) => name === "MX-1")?.statistics;
}

it("the lab tells of a session that edits while another one holds the lock", async () => {
  const { lab, pages } = await start();
  const [one, other] = await two(lab);
  await one.rpc(LOCK);
  await one.rpc(edit("mine"));
  expect(await statistics(pages)).toMatchObject({ violations: [] });
  await other.rpc(edit("theirs"));
  expect(await statistics(pages)).toMatchObject({
    violations: [
      `worker-2 (session ${other.sessionId}) tried to edit while worker-1 (session ${one.sessionId}) holds the lock`,
    ],
    maxConcurrentEditors: 1,
  });
});

it("the lab tells of two sessions whose changes are in the candidate at once", async () => {
  const { lab, pages } = await start();
  const [one, other] = await two(lab);
  await one.rpc(edit("mine"));
  await other.rpc(edit("theirs"));
  expect(await statistics(pages)).toMatchObject({
    violations: [
      `worker-2 (session ${other.sessionId}) edited beside the uncommitted changes of worker-1 (session ${one.sessionId})`,
    ],
    maxConcurrentEditors: 2,
  });
});

it("the lab finds nothing in two sessions that take turns", async () => {
  const { lab, pages } = await start();
  const [one, other] = await two(lab);
  await one.rpc(LOCK);
  await one.rpc(edit("mine"));
  await other.rpc(LOCK);
  await one.rpc("<commit/>");
  await one.rpc("<unlock><target><candidate/></target></unlock>");
  await other.rpc(LOCK);
  await other.rpc(edit("theirs"));
  await other.rpc("<commit/>");
  expect(await statistics(pages)).toMatchObject({ violations: [], maxConcurrentEditors: 1, locksDenied: 1, locks: 2 });
});
