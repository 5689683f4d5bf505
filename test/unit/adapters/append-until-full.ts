// A process of its own for the test of a full disk: appends until the store refuses, then reports what it has.
import { openEmbedded } from "../../../src/adapters/embedded/open.ts";
import { systemClock } from "../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { asSignalboxError } from "../../../src/errors.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

// The limit on the size of files then shows as a failed write, as a full disk does.
process.on("SIGXFSZ", () => undefined);

const directory = process.argv[2] ?? "";
const { log, close } = await openEmbedded({
  directory,
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
});

async function appendUntilRefused(name: string): Promise<string> {
  for (let n = 1; ; n += 1) {
    try {
      const data = Buffer.from(systemRandom.bytes(20_000)).toString("hex");
      await log.append(`${name}-${n}`, data, { expectedSeq: 0, messageId: "m" });
      process.stdout.write(`appended ${name}-${n}\n`);
    } catch (error) {
      return asSignalboxError(error).report;
    }
  }
}

for (const report of await Promise.all(["a", "b", "c"].map(appendUntilRefused))) {
  process.stdout.write(`refused ${report}\n`);
}
await close();
process.stdout.write("closed\n");
