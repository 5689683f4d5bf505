import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { NetconfConnector } from "../../src/adapters/netconf/connector.ts";
import { childText, element } from "../../src/xml/element.ts";
import { silentLogger } from "../servers/silent-logger.ts";
import { startSshd } from "../servers/sshd.ts";

const SUBSYSTEM = fileURLToPath(new URL("../servers/long-reply-subsystem.mjs", import.meta.url));
const LENGTH = 600_000;

/** What the subsystem fills a reply with. */
function pieces(length: number): string {
  let body = "";
  for (let line = 0; body.length < length; line += 1) body += `${line}-of-${length};`;
  return body.slice(0, length);
}

/** What OpenSSH's sshd does to a session whose keys it renews again and again while a reply is on its way. */
describe("new SSH keys in the middle of a reply", () => {
  const cleanups: Array<() => Promise<void>> = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  it("loses nothing and stays on one session, with requests as long as the replies", async () => {
    const server = await startSshd({
      subsystem: `${process.execPath} ${SUBSYSTEM}`,
      config: ["RekeyLimit 64K", "LogLevel DEBUG1"],
    });
    cleanups.push(server.stop);
    const connector = new NetconfConnector({
      addressBook: ({ port }) => ({ host: server.host, port }),
      hostKeys: { mode: "insecure" },
      logger: silentLogger,
    });
    const { port, username, privateKey } = server;
    const session = await connector.connect({ host: "mx-1.example", port, username, privateKey });
    cleanups.push(() => session.close());
    const replies = await Promise.all([
      session.rpc(element("fill", String(LENGTH))),
      session.rpc(element("long-request", "x".repeat(LENGTH))),
      session.rpc(element("fill", String(LENGTH + 1))),
    ]);
    const [first, second, third] = replies.map((reply) => childText(reply, "data") ?? childText(reply, "length"));
    expect(first).toBe(pieces(LENGTH));
    expect(Number(second)).toBeGreaterThan(LENGTH);
    expect(third?.length).toBe(LENGTH + 1);
    const rekeys = server.output().match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
    // 1.8 MB went over the wire; the first exchange is that of the login.
    expect(rekeys).toBeGreaterThan(5);
  });
});
