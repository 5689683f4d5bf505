import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { findProgram } from "../../servers/find-program.ts";
import { startProcess } from "../../servers/server-process.ts";
import { deployFolder, readDeployed } from "./deployment-files.ts";

const book = parse(readDeployed("config", "signalbox-lab.yaml"));
/** An address of loopback that nothing else uses: the ports are fixed. */
const HERE = "127.77.5.184";

describe("deploy/lab/forward.mjs", () => {
  const closers: Array<() => unknown> = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function tcpEcho(name: string): Promise<{ host: string; port: number }> {
    const server = createServer((socket) => {
      socket.on("data", (bytes) => socket.end(`${name} ${bytes}`));
      socket.on("error", () => socket.destroy());
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => server.close());
    return { host: "127.0.0.1", port: (server.address() as AddressInfo).port };
  }
  async function udpEcho(name: string): Promise<{ host: string; port: number }> {
    const socket = createSocket("udp4");
    socket.on("message", (bytes, from) => socket.send(`${name} ${bytes}`, from.port, from.address));
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    closers.push(() => socket.close());
    return { host: "127.0.0.1", port: socket.address().port };
  }
  async function overTcp(port: number): Promise<string> {
    const socket = connect(port, HERE);
    socket.write("hello");
    const chunks: string[] = [];
    for await (const chunk of socket) chunks.push(String(chunk));
    return chunks.join("");
  }
  async function overUdp(port: number): Promise<string> {
    const socket = createSocket("udp4");
    socket.send("hello", port, HERE);
    const [answer] = await once(socket, "message");
    socket.close();
    return String(answer);
  }

  it("reaches every device at the port that signalbox-lab.yaml names", async () => {
    const [netconf, snmp] = [Object.keys(book.address_book.netconf), Object.keys(book.address_book.snmp)];
    const controller = await tcpEcho("controller");
    const overview = {
      routers: await Promise.all(netconf.map(async (address) => ({ address, listens: await tcpEcho(address) }))),
      agents: await Promise.all(snmp.map(async (address) => ({ address, listens: await udpEcho(address) }))),
      controller: { url: `http://${controller.host}:${controller.port}` },
    };
    const lab = createHttpServer((_request, response) => response.end(JSON.stringify(overview))).listen(0, "127.0.0.1");
    await once(lab, "listening");
    closers.push(() => {
      lab.closeAllConnections();
      lab.close();
    });
    const url = `http://127.0.0.1:${(lab.address() as AddressInfo).port}`;
    const { path, env } = await findProgram("node", ["nodejs"]);
    const forward = startProcess(path, [join(deployFolder, "lab", "forward.mjs"), url, HERE], { env, folder: "/" });
    closers.push(() => forward.stop());
    await forward.said("forwarding");

    for (const [address, { port }] of Object.entries<{ port: number }>(book.address_book.netconf)) {
      expect(await overTcp(port)).toBe(`${address} hello`);
    }
    for (const [address, { port }] of Object.entries<{ port: number }>(book.address_book.snmp)) {
      expect(await overUdp(port)).toBe(`${address} hello`);
      // The same asker again, over the socket that is there.
      expect(await overUdp(port)).toBe(`${address} hello`);
    }
    expect(await overTcp(Number(new URL(book.contrail.api_url).port))).toBe("controller hello");
  });
});
