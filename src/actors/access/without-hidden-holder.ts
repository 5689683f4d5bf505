import { SignalboxError } from "../../errors.ts";

const HOLDER = / is taken by (\w+) ([0-9A-Za-z-]+)/g;

/**
 * The refusal of a value that is taken, as somebody may read it who does not see all resources: that it is taken, and by whom only where
 * `sees` says that he sees that one.
 */
export async function withoutHiddenHolder(
  thrown: unknown,
  sees: (type: string, id: string) => Promise<boolean>,
): Promise<unknown> {
  if (!(thrown instanceof SignalboxError) || thrown.code !== "SB_UNIQUE_TAKEN") return thrown;
  const [, type, id] = [...thrown.message.matchAll(HOLDER)][0] ?? [];
  if (type === undefined || id === undefined || (await sees(type, id))) return thrown;
  const shown = (text: string) => text.replace(HOLDER, " is taken");
  return new SignalboxError(thrown.code, shown(thrown.message), {
    fields: thrown.fields.map(({ pointer, detail }) => ({ pointer, detail: shown(` ${detail}`).trim() })),
  });
}
