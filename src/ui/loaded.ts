import { useEffect, useState } from "preact/hooks";
import { getJson } from "./api.ts";

export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: Error | undefined;
}

/**
 * What a path answers. It is asked again when the path or `turn` changes; until the new answer is there the old one stays, so that nothing
 * jumps. "" asks nothing.
 */
export function useLoaded<T>(path: string, turn: unknown = 0): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T> & { readonly path: string }>({
    value: undefined,
    error: undefined,
    path: "",
  });
  // A turn asks again.
  useEffect(() => {
    if (path === "") return;
    const leaving = new AbortController();
    getJson<T>(path, leaving.signal).then(
      (value) => setLoaded({ value, error: undefined, path }),
      (error: unknown) => {
        if (!leaving.signal.aborted) setLoaded((before) => ({ ...before, error: error as Error }));
      },
    );
    return () => leaving.abort();
  }, [path, turn]);
  return loaded;
}

/** The time, looked at every so often, milliseconds. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
