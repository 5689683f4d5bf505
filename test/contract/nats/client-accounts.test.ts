import { readFile } from "node:fs/promises";
import { connect, type NatsConnection, StringCodec } from "nats";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type RunningNatsServer, startNatsServer } from "../../servers/nats-server.ts";

const deployed = (name: string) => readFile(new URL(`../../../deploy/nats/${name}`, import.meta.url), "utf8");
const text = StringCodec();
const ECHO = "signalbox.v2.networks.get";

let server: RunningNatsServer;
const connections: NatsConnection[] = [];
const open = async (user: string, pass: string, inboxPrefix?: string): Promise<NatsConnection> => {
  const options = { servers: server.address, reconnect: false, user, pass };
  const connection = await connect(inboxPrefix === undefined ? options : { ...options, inboxPrefix });
  connections.push(connection);
  return connection;
};
const client = (name: string) => open(name, `${name}-password`, `_INBOX_${name}`);

beforeAll(async () => {
  const [accounts, template] = await Promise.all([deployed("accounts.conf"), deployed("client.template.conf")]);
  const names = ["acme", "globex"];
  // As the template says.
  const withClients = accounts
    .replace("accounts {", `accounts {\n${names.map((name) => template.replaceAll("NAME", name)).join("\n")}`)
    .replaceAll(/(\{ service: .*accounts: \[ CLIENTS)/g, `$1, ${names.map((name) => `CLIENT_${name}`).join(", ")}`);
  const passwords: Record<string, string> = { SYSTEM_PASSWORD: "s", SIGNALBOX_PASSWORD: "p", API_PASSWORD: "a" };
  for (const name of names) passwords[`PASSWORD_${name}`] = `${name}-password`;
  server = await startNatsServer({
    config: () => 'include "accounts.conf"',
    files: {
      "accounts.conf": withClients,
      "passwords.conf": Object.entries(passwords)
        .map(([name, password]) => `${name}: "${password}"\n`)
        .join(""),
    },
  });
  const program = await open("signalbox", "p");
  program.subscribe(ECHO, { queue: "q", callback: (_error, message) => message.respond(message.data) });
  program.subscribe("$SRV.PING", { callback: (_error, message) => message.respond(text.encode("one")) });
  await program.flush();
});
afterAll(async () => {
  await Promise.all(connections.map((connection) => connection.close()));
  await server.stop();
});

it("a client of the template calls the API and finds its service", async () => {
  const acme = await client("acme");
  expect(text.decode((await acme.request(ECHO, text.encode("mine"), { timeout: 5000 })).data)).toBe("mine");
  expect(text.decode((await acme.request("$SRV.PING", "", { timeout: 5000 })).data)).toBe("one");
});

it.each(["_INBOX_globex.>", "_INBOX.>", ">", "signalbox.v2.events.>", ECHO, "signalbox.log.>"])(
  "it cannot listen to %s",
  async (subject) => {
    const acme = await client("acme");
    let refusal = "taken";
    acme.subscribe(subject, {
      callback: (error) => {
        refusal = error?.code ?? refusal;
      },
    });
    await acme.flush();
    expect(refusal).toBe("PERMISSIONS_VIOLATION");
  },
);

it("what is sent to its inbox by another client does not arrive", async () => {
  const [acme, globex] = [await client("acme"), await client("globex")];
  const heard: string[] = [];
  acme.subscribe("_INBOX_acme.mine", { callback: (_error, message) => heard.push(text.decode(message.data)) });
  await acme.flush();
  // The answer goes where the asker says, in the asker's own account.
  globex.publish(ECHO, text.encode("forged"), { reply: "_INBOX_acme.mine" });
  await globex.flush();
  expect(text.decode((await globex.request(ECHO, text.encode("after"), { timeout: 5000 })).data)).toBe("after");
  acme.publish(ECHO, text.encode("mine"), { reply: "_INBOX_acme.mine" });
  await acme.request(ECHO, text.encode("after"), { timeout: 5000 });
  expect(heard).toEqual(["mine"]);
});
