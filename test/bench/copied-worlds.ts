import type { Json } from "../../src/actors/ports.ts";
import { withStore } from "../fault/read-store.ts";

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const AT_ONCE = 500;

/**
 * Adds copies of all resources to the store of an orchestrator that is stopped: each copy is a world of its own, with ids
 * of its own throughout, so that it takes its numbers from pools of its own and refers only to itself.
 * @returns how many resources there are then
 */
export function copyWorlds(directory: string, copies: number): Promise<number> {
  return withStore(directory, async ({ log }) => {
    const originals: Array<{ subject: string; text: string }> = [];
    for await (const { subject, data } of log.lastOfEach("resource.")) {
      // What the record asked for is done in the original.
      originals.push({ subject, text: JSON.stringify({ ...(data as object), documents: [], outbox: [] }) });
    }
    for (let copy = 1; copy <= copies; copy += 1) {
      // No id begins with a w.
      const prefix = `w${copy.toString(16).padStart(3, "0")}`;
      const renamed = (text: string) => text.replace(UUID, (id) => `${prefix}${id.slice(4)}`);
      for (let from = 0; from < originals.length; from += AT_ONCE) {
        await Promise.all(
          originals.slice(from, from + AT_ONCE).map(({ subject, text }) => {
            const options = { expectedSeq: 0, messageId: `copy-${copy}` };
            return log.append(renamed(subject), JSON.parse(renamed(text)) as Json, options);
          }),
        );
      }
    }
    return originals.length * (copies + 1);
  });
}
