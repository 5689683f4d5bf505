import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ContrailAdapter } from "../../../src/adapters/contrail/contrail-adapter.ts";
import { type LabController, startLabController } from "../../../src/lab/contrail/lab-controller.ts";
import { silentLogger } from "../snmp/silent-logger.ts";

const PROJECT = ["default-domain", "admin"];

const cleanup: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const stop of cleanup.splice(0).reverse()) await stop();
});

function adapter(url: string, more: { timeoutMs?: number; token?: string } = {}): ContrailAdapter {
  return new ContrailAdapter({ apiUrl: url, analyticsUrl: url, logger: silentLogger, ...more });
}

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.push(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

describe("ContrailAdapter when the controller fails", () => {
  let lab: LabController;
  beforeEach(async () => {
    lab = await startLabController();
    cleanup.push(() => lab.close());
  });
  const network = (controller: ContrailAdapter, name: string = randomUUID()) =>
    controller.ensure({
      kind: "virtual-network",
      fqName: [...PROJECT, name],
      data: {},
      owner: { type: "network", id: "n1" },
    });

  it("calls it unreachable when connections are reset, and goes on when it is back", async () => {
    const controller = adapter(lab.url);
    lab.faults.refuse = true;
    await expect(network(controller)).rejects.toMatchObject({
      code: "SB_CONTROLLER_UNREACHABLE",
      transient: true,
      message: expect.stringContaining(lab.url),
    });
    lab.faults.refuse = false;
    expect((await network(controller)).kind).toBe("virtual-network");
  });

  it("calls it unreachable when nobody listens", async () => {
    const { url } = lab;
    await cleanup.pop()?.();
    await expect(network(adapter(url))).rejects.toMatchObject({
      code: "SB_CONTROLLER_UNREACHABLE",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  it("calls it unreachable when it hangs", async () => {
    lab.faults.hang = true;
    await expect(network(adapter(lab.url, { timeoutMs: 50 }))).rejects.toMatchObject({
      code: "SB_CONTROLLER_UNREACHABLE",
      transient: true,
      message: expect.stringContaining("no answer within 50 ms"),
    });
  });

  it("gives the controller's own words when it rejects", async () => {
    lab.faults.reject = { kind: "virtual-network", text: "Quota limit exceeded", status: 403 };
    const controller = adapter(lab.url);
    await expect(network(controller, "blue")).rejects.toMatchObject({
      code: "SB_CONTROLLER_REJECTED",
      transient: false,
      statement: "virtual-network default-domain:admin:blue",
      message: expect.stringContaining("Quota limit exceeded"),
    });
    const machine = await controller.ensure({
      kind: "virtual-machine",
      fqName: ["vm"],
      data: {},
      owner: { type: "network", id: "n1" },
    });
    expect(machine.fqName).toEqual(["vm"]);
  });

  it.each([
    [500, "SB_CONTROLLER_REJECTED", true],
    [503, "SB_CONTROLLER_UNREACHABLE", true],
    [429, "SB_CONTROLLER_REJECTED", true],
    [400, "SB_CONTROLLER_REJECTED", false],
  ] as const)("takes HTTP %i as %s, transient: %s", async (status, code, transient) => {
    lab.faults.reject = { status, text: "no" };
    await expect(network(adapter(lab.url))).rejects.toMatchObject({ code, transient });
  });

  it("sends its token, and says so when the controller wants another", async () => {
    const guarded = await startLabController({ token: "right" });
    cleanup.push(() => guarded.close());
    expect(await adapter(guarded.url, { token: "right" }).find("project", PROJECT)).toBeDefined();
    await expect(adapter(guarded.url, { token: "wrong" }).find("project", PROJECT)).rejects.toMatchObject({
      code: "SB_CONTROLLER_REJECTED",
      message: expect.not.stringContaining("wrong"),
      advice: expect.stringContaining("token"),
    });
  });
});

describe("ContrailAdapter over HTTP", () => {
  it("keeps the connection alive, and makes a new one when it was closed under a request", async () => {
    const sockets = new Set<Socket>();
    let requests = 0;
    const url = await serve((request, response) => {
      requests += 1;
      sockets.add(request.socket);
      request.resume().on("end", () => {
        if (requests === 10) request.socket.resetAndDestroy();
        else response.writeHead(404).end("No object");
      });
    });
    const controller = adapter(url);
    for (let turn = 0; turn < 20; turn += 1) expect(await controller.get("project", "p")).toBeUndefined();
    expect(requests).toBe(21);
    // One at a time; a request that overtakes the return of a connection opens another.
    expect(sockets.size).toBeGreaterThanOrEqual(2);
    expect(sockets.size).toBeLessThanOrEqual(4);
  });

  it("does not follow a redirect with its token", async () => {
    const url = await serve((_request, response) => response.writeHead(302, { location: "http://127.0.0.1:9/" }).end());
    await expect(adapter(url, { token: "t" }).get("project", "p")).rejects.toMatchObject({
      code: "SB_CONTROLLER_REJECTED",
      message: expect.stringContaining("HTTP 302"),
    });
  });

  it("says what is wrong with an answer that is no JSON, or no object", async () => {
    const html = await serve((_request, response) => response.writeHead(200).end("<html>"));
    await expect(adapter(html).get("project", "p")).rejects.toMatchObject({
      code: "SB_CONTROLLER_REJECTED",
      message: expect.stringContaining("<html>"),
    });
    const other = await serve((_request, response) => response.writeHead(200).end('{"domain":{}}'));
    await expect(adapter(other).get("project", "p")).rejects.toMatchObject({ code: "SB_CONTROLLER_REJECTED" });
  });

  it("asks analytics on port 8081 of the same host unless told otherwise", () => {
    expect(() => new ContrailAdapter({ apiUrl: "contrail:8082", logger: silentLogger })).toThrow(/apiUrl/);
    expect(
      () => new ContrailAdapter({ apiUrl: "http://c:8082", analyticsUrl: "ftp://c", logger: silentLogger }),
    ).toThrow(/analyticsUrl/);
  });

  it("sends nothing when nothing is different", async () => {
    const lab = await startLabController();
    cleanup.push(() => lab.close());
    const methods: string[] = [];
    const url = await serve((request, response) => {
      methods.push(`${request.method} ${request.url}`);
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks);
        void fetch(`${lab.url}${request.url}`, {
          method: request.method ?? "GET",
          ...(body.length > 0 ? { body } : {}),
        }).then(async (answer) => response.writeHead(answer.status).end(await answer.text()));
      });
    });
    const controller = adapter(url);
    const data = { display_name: "one" };
    const wanted = {
      kind: "virtual-machine",
      uuid: randomUUID(),
      fqName: ["vm"],
      data,
      owner: { type: "ese_logical_port", id: "p1" },
    };
    await controller.ensure(wanted);
    await controller.ensure(wanted);
    const object = `/virtual-machine/${wanted.uuid}`;
    const read = `GET ${object}?exclude_back_refs=true&exclude_children=true`;
    expect(methods).toEqual(["POST /virtual-machines", read, "POST /virtual-machines", read]);
    methods.length = 0;
    await controller.ensure({ ...wanted, data: { display_name: "two" } });
    expect(methods).toEqual(["POST /virtual-machines", read, `PUT ${object}`, read]);
  });

  it("does not fetch all that is built on an object along with it", async () => {
    const lab = await startLabController();
    cleanup.push(() => lab.close());
    const controller = adapter(lab.url);
    const port = ["default-global-system-config", "QFX-NW02", "xe-0/0/3"];
    const { uuid } = await controller.ensure({
      kind: "physical-interface",
      parent: { kind: "physical-router", fqName: port.slice(0, 2) },
      fqName: port,
      data: {},
      owner: { type: "ese_logical_port", id: "p1" },
    });
    for (const vlan of [1025, 1026]) {
      const fqName = [...port, `xe-0/0/3.${vlan}`];
      const data = { logical_interface_vlan_tag: vlan };
      const parent = { kind: "physical-interface", fqName: port };
      await controller.ensure({
        kind: "logical-interface",
        parent,
        fqName,
        data,
        owner: { type: "ese_logical_port", id: "p1" },
      });
    }
    const whole = (await (await fetch(`${lab.url}/physical-interface/${uuid}`)).json()) as Record<string, object>;
    expect(whole["physical-interface"]).toHaveProperty("logical_interfaces.length", 2);
    expect((await controller.get("physical-interface", uuid))?.data).not.toHaveProperty("logical_interfaces");
  });
});
