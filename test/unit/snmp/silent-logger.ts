import type { Logger } from "../../../src/actors/ports.ts";

/** A logger for what needs one and is not tested for it. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
