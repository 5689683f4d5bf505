import { type RunningNatsServer, startNatsProcess } from "./nats-server.ts";
import { freeTcpPort } from "./server-process.ts";

const ATTEMPTS = 5;

/** Starts servers `s0`, `s1`, ... on 127.0.0.1 that are one cluster, as processes: containers would not reach one another. */
export async function startNatsCluster(size: number): Promise<RunningNatsServer[]> {
  // A port for the routes that was free may be taken when a server opens it; then others are tried.
  for (let attempt = 1; ; attempt += 1) {
    const ports = await distinctPorts(size);
    const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(", ");
    const config = (n: number) =>
      [
        `server_name: s${n}`,
        `cluster { name: test, listen: "127.0.0.1:${ports[n]}", no_advertise: true, routes: [${routes}] }`,
      ].join("\n");
    const started = await Promise.allSettled(ports.map((_, n) => startNatsProcess({ config: () => config(n) })));
    const servers = started.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    if (servers.length === size) return servers;
    await Promise.all(servers.map((server) => server.stop()));
    const failure = started.find((outcome) => outcome.status === "rejected");
    if (attempt === ATTEMPTS) throw failure?.reason;
  }
}

async function distinctPorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freeTcpPort());
  return [...ports];
}
