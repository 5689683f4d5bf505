// The lab's devices listen on free ports of 127.0.0.1. This opens fixed ports for them, on all addresses of the network
// namespace that it shares with the lab, so that other containers reach them by name. It ends when the lab ends.
//
//   node forward.mjs [URL OF THE LAB] [ADDRESS TO LISTEN ON]
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const [url = "http://127.0.0.1:9092", host = "0.0.0.0"] = process.argv.slice(2);
/** By the device's address in resources. deploy/config/signalbox-lab.yaml has the same numbers. */
const PORTS = {
  netconf: { "10.79.5.184": 8301, "10.79.5.185": 8302 },
  snmp: { "10.79.5.184": 1611, "10.79.5.185": 1612, "10.161.0.34": 1613 },
  controller: 8082,
};
const IDLE_MS = 30_000;
const WATCH_MS = 5000;

const forwards = await open(await overview(AbortSignal.timeout(60_000)));
console.log(`forwarding ${forwards.join(", ")}`);
await lost();
console.log("the lab is gone");
process.exit(1);

/** What the lab says of itself, once it answers. */
async function overview(signal) {
  for (;;) {
    try {
      const answer = await fetch(`${url}/lab`, { signal });
      if (answer.ok) return await answer.json();
    } catch (error) {
      if (signal.aborted) throw error;
    }
    await delay(200, undefined, { signal });
  }
}

/** Resolves when the lab no longer answers: started again, it has other ports. */
async function lost() {
  for (;;) {
    await delay(WATCH_MS);
    const answer = await fetch(`${url}/lab`, { signal: AbortSignal.timeout(WATCH_MS) }).catch(() => undefined);
    if (!answer?.ok) return;
  }
}

async function open({ routers, agents, controller }) {
  return await Promise.all([
    ...routers.map(({ address, listens }) => forwardTcp(PORTS.netconf[address], listens)),
    ...agents.map(({ address, listens }) => forwardUdp(PORTS.snmp[address], listens)),
    forwardTcp(PORTS.controller, {
      host: new URL(controller.url).hostname,
      port: Number(new URL(controller.url).port),
    }),
  ]);
}

function forwardTcp(port, target) {
  const server = createServer((near) => {
    const far = connect(target.port, target.host);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
    near.pipe(far).pipe(near);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve(`tcp ${port} to ${target.port}`));
  });
}

/** One socket towards the agent for each asker, so that answers find back. */
function forwardUdp(port, target) {
  const near = createSocket("udp4");
  const askers = new Map();
  near.on("message", (request, from) => {
    const key = `${from.address}:${from.port}`;
    const asker = askers.get(key) ?? newAsker(key, from);
    asker.idle.refresh();
    asker.far.send(request, target.port, target.host);
  });
  function newAsker(key, from) {
    const far = createSocket("udp4");
    far.on("message", (answer) => near.send(answer, from.port, from.address));
    // A port that nobody listens on: the asker hears nothing, as from an agent that is down.
    far.on("error", () => {});
    const idle = setTimeout(() => {
      askers.delete(key);
      far.close();
    }, IDLE_MS);
    const asker = { far, idle };
    askers.set(key, asker);
    return asker;
  }
  return new Promise((resolve, reject) => {
    near.once("error", reject);
    near.bind(port, host, () => resolve(`udp ${port} to ${target.port}`));
  });
}
