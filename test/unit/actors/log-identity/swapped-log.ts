import type { EventLog } from "../../../../src/actors/ports.ts";
import { MemoryStore } from "../../../../src/adapters/embedded/memory-store.ts";
import { openMemory } from "../../../../src/adapters/embedded/open.ts";
import { systemClock } from "../../../../src/adapters/system/system-clock.ts";
import { systemRandom } from "../../../../src/adapters/system/system-random.ts";
import { silentLogger } from "../../../servers/silent-logger.ts";

/** A log in memory, on a store of its own. */
export async function openLog(): Promise<{ log: EventLog; close: () => Promise<void> }> {
  const options = { clock: systemClock, random: systemRandom, logger: silentLogger, store: new MemoryStore() };
  const { log, close } = await openMemory(options);
  return { log, close };
}

/** An event log behind which another one can be put, as a server does that has lost its stream. Who follows it goes on with the first one. */
export class SwappedLog implements EventLog {
  current: EventLog;

  constructor(log: EventLog) {
    this.current = log;
  }

  append: EventLog["append"] = (...given) => this.current.append(...given);
  last: EventLog["last"] = (...given) => this.current.last(...given);
  lastOfEach: EventLog["lastOfEach"] = (...given) => this.current.lastOfEach(...given);
  read: EventLog["read"] = (...given) => this.current.read(...given);
  history: EventLog["history"] = (...given) => this.current.history(...given);
  position: EventLog["position"] = () => this.current.position();
  purge: EventLog["purge"] = (...given) => this.current.purge(...given);
}
