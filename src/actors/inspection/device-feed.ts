import type { Clock } from "../ports.ts";
import type { DeviceReport } from "./inspection-api.ts";

/** Between two looks while somebody watches, milliseconds: a phase that is shorter than this may go unseen. */
const LOOK_MS = 200;

/** All devices first, then those that differ from the look before, until aborted. Sessions are not in the log: they are looked at. */
export async function* deviceFeed(
  look: () => Promise<DeviceReport[]>,
  clock: Clock,
  signal: AbortSignal,
): AsyncIterable<DeviceReport[]> {
  const seen = new Map<string, string>();
  for (let first = true; !signal.aborted; first = false) {
    const changed = (await look()).filter((device) => {
      const text = JSON.stringify(device);
      const isNew = seen.get(device.host) !== text;
      seen.set(device.host, text);
      return isNew;
    });
    if (first || changed.length > 0) yield changed;
    await clock.sleep(LOOK_MS, signal).catch(() => undefined);
  }
}
