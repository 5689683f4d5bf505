/** A run that did not come to an end; what was killed and what was written is with it. */
export class RunFailed<Kill> extends Error {
  readonly lines: readonly string[];
  readonly kills: readonly Kill[];

  constructor(cause: unknown, kills: readonly Kill[], lines: readonly string[]) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.kills = kills;
    this.lines = lines;
  }
}
