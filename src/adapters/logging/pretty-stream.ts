import type { DestinationStream } from "pino";

/** Turns pino's JSON lines into lines for people: time of day, level, message, then `name=value`; a stack on lines of its own. */
export function prettyStream(lines: DestinationStream): DestinationStream {
  return { write: (line) => lines.write(prettyLine(line)) };
}

function prettyLine(line: string): string {
  const { level, time, msg, ...fields }: Record<string, unknown> = JSON.parse(line);
  let stack = "";
  const shown = Object.entries(fields).map(([name, value]) => {
    if (typeof value === "object" && value !== null && "stack" in value) {
      const { stack: trace, ...rest } = value;
      stack += `\n${String(trace)}`;
      return `${name}=${JSON.stringify(rest)}`;
    }
    return `${name}=${typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)}`;
  });
  const head = `${String(time).slice(11, 23)} ${String(level).toUpperCase().padEnd(5)} ${String(msg ?? "")}`;
  return `${[head, ...shown].join(" ")}${stack}\n`;
}
