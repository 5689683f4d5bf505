import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { GatewayClient } from "../../../src/cli/gateway-client.ts";

/** Begins every answer, with the status that the path names, and ends as a process that is killed does. */
function dyingGateway(): Server {
  return createServer((request, response) => {
    response.writeHead(Number(request.url?.slice(1)), { "content-type": "application/json", "content-length": "100" });
    response.write('{"network": {"id"', () => request.socket.destroy());
  });
}

describe("a gateway that dies in the middle of an answer", () => {
  let server: Server;
  let client: GatewayClient;

  beforeEach(async () => {
    server = dyingGateway().listen(0, "127.0.0.1");
    await once(server, "listening");
    client = new GatewayClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    server.close();
    await once(server, "close");
  });

  const gone = { code: "SB_GATEWAY_UNREACHABLE" };

  it("is unreachable to whoever reads JSON", async () => {
    await expect(client.json("GET", "/200")).rejects.toMatchObject(gone);
  });

  it("is unreachable to whoever reads text", async () => {
    await expect(client.text("/200")).rejects.toMatchObject(gone);
  });

  it("is unreachable when what it began to tell was an error", async () => {
    await expect(client.json("POST", "/409", {})).rejects.toMatchObject(gone);
  });
});
