import { SignalboxError } from "../errors.ts";

/** What a command writes to and reads from. Data go out, errors go to `err`. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** True when a person looks at `out`. */
  readonly live: boolean;
  /** Width of a line, when there is one. */
  readonly columns: number;
  /** Asks a person for a secret, which is not shown; undefined where nobody sits at the standard input. */
  readonly password?: (prompt: string) => Promise<string>;
  /** All of the standard input. */
  input(): Promise<string>;
}

/** Shows an error to a person: what happened, where, what to do. Never a stack. */
export function showError(terminal: Terminal, thrown: unknown): void {
  if (!(thrown instanceof SignalboxError)) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    terminal.err(`signalbox: unexpected error: ${message}\n`);
    return;
  }
  const lines = [`signalbox: ${thrown.message} (${thrown.code})`];
  for (const field of thrown.fields)
    lines.push(`  ${field.pointer === "" ? "the body" : field.pointer}: ${field.detail}`);
  if (thrown.device !== undefined && !thrown.message.includes(thrown.device)) lines.push(`  device: ${thrown.device}`);
  if (thrown.statement !== undefined && !thrown.message.includes(thrown.statement)) {
    lines.push(`  statement: ${thrown.statement}`);
  }
  lines.push(`  ${thrown.advice}`);
  terminal.err(`${lines.join("\n")}\n`);
}

/** The exit code that belongs to what was thrown; 1 for what nobody foresaw. */
export function exitCodeOf(thrown: unknown): number {
  return thrown instanceof SignalboxError ? thrown.exitCode : 1;
}
