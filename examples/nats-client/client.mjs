/**
 * Creates a resource over NATS, follows it until it is active, and replays what happened to it.
 *
 *   node examples/nats-client/client.mjs [--server nats://127.0.0.1:4222] [--namespace signalbox] TYPE COLLECTION JSON
 *   node examples/nats-client/client.mjs edge_router edge_routers '{"name": "r1", "ip": "192.0.2.1", "ssh_port": 830, "login": "signalbox", "password": "PASSWORD"}'
 *
 * Prints one line per step. Exit code 0 when it is active, 1 when it failed or the gateway refused it, 2 for a wrong command line.
 */
import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { connect, headers } from "nats";

const usage = "usage: node client.mjs [--server URL] [--namespace NAME] TYPE COLLECTION JSON";

const ATTEMPTS = 5;

/** Asks the gateway; with the same key again when no answer came. Throws what the gateway answers as an error. */
async function ask(connection, subject, body, key = randomUUID()) {
  for (let attempt = 1; ; attempt += 1) {
    const sent = headers();
    sent.set("Nats-Msg-Id", key);
    let answer;
    try {
      answer = await connection.request(subject, JSON.stringify(body), { timeout: 5000, headers: sent });
    } catch (error) {
      // TIMEOUT: perhaps it was done, so the key stays the same. 503: no gateway is there at the moment.
      if ((error.code !== "TIMEOUT" && error.code !== "503") || attempt === ATTEMPTS) throw error;
      continue;
    }
    const result = JSON.parse(answer.string());
    if (answer.headers?.get("Nats-Service-Error-Code")) {
      throw new Error(`${result.code}: ${result.detail} ${result.advice}`);
    }
    return result;
  }
}

/** Prints transitions of the resource until it is active; false when it failed. */
async function follow(events, id) {
  for await (const message of events) {
    const transition = JSON.parse(message.string());
    if (transition.id !== id) continue;
    console.log(`event ${transition.seq}: ${transition.event} -> ${transition.state} (${transition.status})`);
    if (transition.status === "ACTIVE") return true;
    if (transition.status === "ERROR") {
      console.error(transition.error);
      return false;
    }
  }
  throw new Error("the connection ended");
}

/** The resource's transitions from the stream, from its beginning to now. */
async function fromStream(connection, { namespace, type, id }) {
  const jetstream = connection.jetstream();
  const consumer = await jetstream.consumers.get(`${namespace.toUpperCase()}_EVENTS`, {
    filterSubjects: `${namespace}.v2.feed.${type}.${id}`,
    opt_start_seq: 1,
  });
  const { num_pending: pending } = await consumer.info();
  const seqs = [];
  if (pending === 0) return seqs;
  const messages = await consumer.consume({ max_messages: pending });
  for await (const message of messages) {
    seqs.push(Number(message.headers.get("Signalbox-Seq")));
    if (message.info.pending === 0) break;
  }
  await messages.close();
  return seqs;
}

/** The same by request, page by page, for users without JetStream. */
async function byRequest(connection, { namespace, id }) {
  const seqs = [];
  for (let from = 1; ; ) {
    const page = await ask(connection, `${namespace}.v2.events.replay`, { from, limit: 100 });
    seqs.push(...page.transitions.filter((transition) => transition.id === id).map(({ seq }) => seq));
    if (!page.more) return seqs;
    from = page.next;
  }
}

async function main() {
  const options = {
    server: { type: "string", default: "nats://127.0.0.1:4222" },
    namespace: { type: "string", default: "signalbox" },
  };
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const [type, collection, json] = positionals;
  if (positionals.length !== 3) throw new TypeError(usage);
  const fields = JSON.parse(json);
  const { server, namespace } = values;

  const connection = await connect({ servers: server, name: "signalbox example" });
  try {
    // Before the request, so that nothing is missed.
    const events = connection.subscribe(`${namespace}.v2.events.${type}.*`);
    await connection.flush();
    const { [type]: made } = await ask(connection, `${namespace}.v2.${collection}.create`, { [type]: fields });
    console.log(`created ${type} ${made.id} (${made.status})`);
    if (!(await follow(events, made.id))) return 1;
    const { [type]: shown } = await ask(connection, `${namespace}.v2.${collection}.get`, { id: made.id });
    console.log(`${type} ${shown.id} is ${shown.status}`);
    const which = { namespace, type, id: made.id };
    console.log(`in the stream: ${(await fromStream(connection, which)).join(" ")}`);
    console.log(`by request: ${(await byRequest(connection, which)).join(" ")}`);
    return 0;
  } finally {
    await connection.drain();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error.message);
  const wrongCommand = error instanceof TypeError || error instanceof SyntaxError;
  process.exitCode = wrongCommand ? 2 : 1;
}
