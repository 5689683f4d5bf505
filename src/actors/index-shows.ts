import type { Clock } from "./ports.ts";
import type { ResourceIndex } from "./resource-index.ts";

/** How long an answer waits for what belongs to its resource, milliseconds. */
const PATIENCE_MS = 2_000;

/** Resolves when the index fulfils the condition, or when it has had time enough for that. */
export async function indexShows(
  index: Pick<ResourceIndex, "onChange">,
  clock: Clock,
  condition: () => boolean,
): Promise<void> {
  if (condition()) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      cancel();
      unsubscribe();
      resolve();
    };
    const cancel = clock.after(PATIENCE_MS, done);
    const unsubscribe = index.onChange(() => {
      if (condition()) done();
    });
  });
}
