import closeWithGrace from "close-with-grace";
import { showError, type Terminal } from "./terminal.ts";

/**
 * From now on SIGINT, SIGTERM, SIGHUP (unless there is something to `reload` then) and errors that nobody caught run `stop` and end the process: with what
 * `exitCode` says after a signal (0 unless given), with 1 after an error, when `stop` takes longer than 15 s, or at a second
 * signal. The function that comes back undoes this.
 */
export function stopGracefully(
  terminal: Terminal,
  stop: () => Promise<void>,
  exitCode: () => number = () => 0,
  reload?: () => Promise<void>,
): () => void {
  if (reload !== undefined) process.on("SIGHUP", reload);
  const skip = reload === undefined ? [] : (["SIGHUP"] as const);
  const { uninstall } = closeWithGrace({ delay: 15_000, logger: false, skip: [...skip] }, async ({ err }) => {
    if (err !== undefined) showError(terminal, err);
    await stop();
    if (err === undefined && exitCode() !== 0) process.exit(exitCode());
  });
  return () => {
    if (reload !== undefined) process.removeListener("SIGHUP", reload);
    uninstall();
  };
}

/** Waits for the end of the process, which comes by a signal. */
export async function untilStopped(): Promise<never> {
  return await new Promise<never>(() => {});
}
