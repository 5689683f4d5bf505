import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { expect, it } from "vitest";

/**
 * Time and chance come through the ports of the system. What is listed here takes them from the process all the same, for the
 * reason that is given; the list is to become shorter only.
 */
const EXCEPTIONS: Record<string, readonly [uses: readonly string[], reason: string]> = {
  "src/adapters/contrail/contrail-http.ts": [["AbortSignal.timeout"], "fetch takes a signal; its timer is monotonic"],
  "src/adapters/etcd/etcd-client.ts": [
    ["Date.now", "new Date"],
    "gRPC takes deadlines in wall time and makes a timer of what is left at once",
  ],
  "src/adapters/access/jwt.ts": [["new Date"], "exp and nbf are wall time; given the clock's"],
  "src/actors/audit/audit-sweep.ts": [["new Date"], "writes a time for people"],
  "src/adapters/http/create-http-server.ts": [["randomUUID"], "default of an option: ids of requests"],
  "src/adapters/http/open-connections.ts": [["setTimeout"], "bounds the closing of the server, which has no clock"],
  "src/adapters/http/stream-response.ts": [["setInterval"], "heartbeats of a response; the timer is monotonic"],
  "src/adapters/logging/create-logger.ts": [["Date.now", "new Date"], "default of an option: times of log lines"],
  "src/adapters/nats-api/serve-nats-api.ts": [["randomUUID"], "default of an option: ids of requests"],
  "src/adapters/nats/link.ts": [
    ["setInterval"],
    "keeps the process alive while it connects; nothing depends on when it fires",
  ],
  "src/adapters/nats/server-greeting.ts": [["AbortSignal.timeout"], "a socket takes a signal; its timer is monotonic"],
  "src/adapters/netconf/connector.ts": [["performance.now"], "default of an option; monotonic"],
  "src/adapters/netconf/node-netconf-transport.ts": [["setTimeout"], "bounds an exchange; the timer is monotonic"],
  "src/adapters/netconf/session.ts": [["setTimeout"], "bounds a request; the timer is monotonic"],
  "src/adapters/netconf/ssh-transport.ts": [["setTimeout"], "bounds the connecting; the timer is monotonic"],
  "src/cli/audit-commands.ts": [["new Date"], "shows the time of an entry"],
  "src/cli/follow-transitions.ts": [["performance.now", "setTimeout"], "a client for the terminal; monotonic"],
  "src/cli/render-output.ts": [["new Date"], "shows the time of a transition"],
  "src/cli/replay-progress.ts": [["performance.now", "setInterval"], "a client for the terminal; monotonic"],
  "src/cli/replay-recorder.ts": [["performance.now", "setTimeout"], "a client for the terminal; monotonic"],
  "src/cli/replay-scenario.ts": [["performance.now"], "a client for the terminal; monotonic"],
  "src/cli/resource-tracker.ts": [["performance.now", "setTimeout"], "a client for the terminal; monotonic"],
  "src/lab/agents/lab-agent.ts": [["performance.now"], "the device's uptime; monotonic"],
  "src/lab/contrail/lab-controller.ts": [["Date.now", "new Date", "randomUUID"], "the device's own clock and ids"],
  "src/lab/junos/configuration-database.ts": [["new Date", "setTimeout"], "the device's own clock; its confirm timer"],
  "src/lab/junos/lab-network.ts": [["Date.now"], "the device's own clock, never back"],
  "src/lab/junos/lab-router.ts": [["Date.now", "performance.now", "setTimeout"], "the device's own clock and pauses"],
  "src/lab/junos/netconf-operations.ts": [["new Date"], "shows the time of a commit"],
};

const AMBIENT =
  /\b(Date\.now|new Date|performance\.now|Math\.random|randomUUID|AbortSignal\.timeout|setTimeout|setInterval)\b/g;

const root = resolve(import.meta.dirname, "../../..");

/** Uses by file, without comments and the text of the page, which has the browser's clock. */
function uses(): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const entry of readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    const name = relative(root, file);
    if (/^src\/(ui|adapters\/system)\//.test(name)) continue;
    const code = readFileSync(file, "utf8")
      .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
      .replaceAll(/ReturnType<typeof setTimeout>/g, "");
    const kinds = new Set([...code.matchAll(AMBIENT)].map(([use]) => use));
    if (kinds.size > 0) found[name] = [...kinds].sort();
  }
  return found;
}

it("nothing takes time or chance from the process but what has a reason to", () => {
  const expected = Object.fromEntries(Object.entries(EXCEPTIONS).map(([file, [kinds]]) => [file, kinds]));
  expect(uses()).toEqual(expected);
});

/** Reads of the wall clock through the port: each is a time that is stored or shown, none says how long something takes. */
const WALL_READS: Record<string, readonly [count: number, reason: string]> = {
  "src/actors/access/stream-permits.ts": [1, "until is wall time, as exp is"],
  "src/actors/audit/audit-entry.ts": [1, "the time of an entry"],
  "src/actors/audit/audit-journal.ts": [2, "the time of an entry"],
  "src/actors/audit/audit-sweep.ts": [2, "ages of stored entries; bounded by the last sweep"],
  "src/actors/cluster/membership.ts": [1, "since when a process is there, as it is shown"],
  "src/actors/devices/lane-journal.ts": [1, "the time of a record"],
  "src/actors/inspection/monitoring-board.ts": [1, "now, for who shows ages"],
  "src/actors/workers/job-worker.ts": [1, "when a job began, as it is shown"],
  "src/adapters/access/certificates.ts": [1, "the end of a certificate is wall time"],
  "src/adapters/access/jwt.ts": [2, "exp, nbf and iat are wall time"],
  "src/adapters/embedded/event-log.ts": [1, "the time of a record"],
  "src/adapters/embedded/steady-time.ts": [1, "where stored deadlines count from; they are bounded when they are read"],
  "src/adapters/http/server-certificate.ts": [2, "the end of a certificate is wall time"],
  "src/adapters/logging/create-logger.ts": [1, "times of log lines"],
  "src/adapters/nats/deliveries.ts": [1, "a stored deadline, bounded when it is read"],
  "src/adapters/nats/reconnect-delay.ts": [1, "finds that the clock was set"],
  "src/adapters/nats/work-queue.ts": [1, "a stored deadline, bounded when it is read"],
};

it("the wall clock is read for times that are stored or shown only", () => {
  const found: Record<string, number> = {};
  for (const entry of readdirSync(join(root, "src"), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.ts$/.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    const name = relative(root, file);
    if (/^src\/(ui|lab|adapters\/system)\//.test(name)) continue;
    const count = [...readFileSync(file, "utf8").matchAll(/\bclock\??\.now\b/gi)].length;
    if (count > 0) found[name] = count;
  }
  const expected = Object.fromEntries(Object.entries(WALL_READS).map(([file, [count]]) => [file, count]));
  expect(found).toEqual(expected);
});
