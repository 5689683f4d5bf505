import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Terminal } from "./terminal.ts";

/** The terminal of this process. A reader that goes away early, as `head` does, is no error. */
export function processTerminal(): Terminal {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  return {
    out: (words) => void process.stdout.write(words),
    err: (words) => void process.stderr.write(words),
    live: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 100,
    input: () => text(process.stdin),
    ...(process.stdin.isTTY === true ? { password: askHidden } : {}),
  };
}

/** What is typed goes nowhere: only the question is written. */
async function askHidden(prompt: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const line = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  process.stderr.write(prompt);
  try {
    return await line.question("");
  } finally {
    line.close();
    process.stderr.write("\n");
  }
}
