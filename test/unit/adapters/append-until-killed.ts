// A process of its own for the test of kills: appends without end and reports each seq after its append has resolved.
import { openEmbedded } from "../../../src/adapters/embedded/open.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

const directory = process.argv[2] ?? "";
const { log, queues, documents } = await openEmbedded({
  directory,
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
});
const queue = queues.queue("jobs");

async function writer(name: string): Promise<void> {
  let expectedSeq = 0;
  for (let n = 1; ; n += 1) {
    const text = `${name}-${n}`;
    const { seq } = await log.append(name, { text }, { expectedSeq, messageId: text });
    expectedSeq = seq;
    await queue.offer({ id: text, body: text });
    await documents.transaction({ writes: [{ key: `done/${text}`, value: seq }] });
    process.stdout.write(`${name} ${n} ${seq}\n`);
  }
}

const lease = await documents.lease(3_600_000);
await documents.transaction({ writes: [{ key: "lease/child", value: process.pid, lease: lease.id }] });
await Promise.all(["a", "b", "c", "d"].map(writer));
