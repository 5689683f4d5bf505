import type { TransitionView } from "../actors/gateway-api.ts";
import { cell, currentJob } from "./render-output.ts";
import { outcomeOf } from "./resource-tracker.ts";
import type { Terminal } from "./terminal.ts";

/** Shows how a replay goes. */
export interface Progress {
  note(text: string): void;
  add(transition: TransitionView): void;
  end(): void;
}

interface Row {
  readonly key: string;
  readonly resource: string;
  readonly state: string;
  readonly job: string;
  readonly devices: string;
  readonly settled: boolean;
  readonly since: number;
}

/** A live table where a person looks on, else a line for every change. */
export function progressOn(terminal: Terminal): Progress {
  return terminal.live ? new LiveTable(terminal) : new PlainLines(terminal);
}

class Rows {
  readonly rows = new Map<string, Row>();
  /** The row after a transition; undefined when it looks as before. */
  add(transition: TransitionView): Row | undefined {
    const before = this.rows.get(transition.id);
    const { name, devices } = currentJob(transition);
    const outcome = outcomeOf(transition);
    const label = transition.name === "" ? transition.id : transition.name;
    const states = [transition.state, transition.status ?? "", outcome === "done" ? transition.operationalState : ""];
    const row: Row = {
      key: transition.id,
      resource: cell(`${transition.type} ${label}`),
      state: cell(states.filter((text) => text !== "" && text !== "NO_STATE").join(" ")),
      job: name,
      devices,
      settled: outcome !== "pending",
      since: before?.since ?? performance.now(),
    };
    this.rows.set(transition.id, row);
    return before !== undefined && textOf(before, "") === textOf(row, "") ? undefined : row;
  }
}

function elapsed(row: Row): string {
  return `${((performance.now() - row.since) / 1000).toFixed(1)}s`;
}

function textOf(row: Row, time: string): string {
  return [row.resource.padEnd(46), row.state.padEnd(38), row.job.padEnd(26), row.devices.padEnd(24), time]
    .join(" ")
    .trimEnd();
}

class PlainLines implements Progress {
  readonly #terminal: Terminal;
  readonly #rows = new Rows();
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }
  note(text: string): void {
    this.#terminal.out(`${text}\n`);
  }
  add(transition: TransitionView): void {
    const row = this.#rows.add(transition);
    if (row !== undefined) this.#terminal.out(`  ${textOf(row, elapsed(row))}\n`);
  }
  end(): void {}
}

/** What is settled scrolls up; what is under way stays below and is drawn again. */
class LiveTable implements Progress {
  readonly #terminal: Terminal;
  readonly #rows = new Rows();
  readonly #redraw: NodeJS.Timeout;
  #drawn = 0;
  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#redraw = setInterval(() => this.#draw(""), 200);
    this.#redraw.unref();
  }
  note(text: string): void {
    this.#draw(`${text}\n`);
  }
  add(transition: TransitionView): void {
    const row = this.#rows.add(transition);
    if (row?.settled === true) this.#draw(`  ${this.#fit(textOf(row, elapsed(row)))}\n`);
  }
  end(): void {
    clearInterval(this.#redraw);
    this.#draw("");
  }
  #draw(above: string): void {
    const open = [...this.#rows.rows.values()].filter((row) => !row.settled);
    const lines = open.map((row) => `  ${this.#fit(textOf(row, elapsed(row)))}\n`);
    const wipe = this.#drawn === 0 ? "" : `\u001b[${this.#drawn}A\u001b[0J`;
    if (wipe !== "" || above !== "" || lines.length > 0) this.#terminal.out(`${wipe}${above}${lines.join("")}`);
    this.#drawn = lines.length;
  }
  #fit(text: string): string {
    return text.slice(0, Math.max(20, this.#terminal.columns - 3));
  }
}
