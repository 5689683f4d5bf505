import { type DestinationStream, destination, type Logger as PinoLogger, pino } from "pino";
import type { Clock, Logger } from "../../actors/ports.ts";
import { prettyStream } from "./pretty-stream.ts";
import { redact, redactText } from "./redact.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Lines for people instead of JSON. */
  readonly pretty?: boolean;
  /** Where the lines go, default the standard output. */
  readonly destination?: DestinationStream;
  /** Gives the lines their time; the machine's clock by default. */
  readonly clock?: Pick<Clock, "now">;
}

/** A logger over pino: one JSON object per line with `level`, `time` (ISO 8601, UTC), the fields and `msg`, secrets redacted. */
export function createLogger(options: LoggerOptions): Logger {
  const lines = options.destination ?? destination(1);
  const { clock } = options;
  const logger = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(clock?.now() ?? Date.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // Errors are plain data by then; pino's own serializer would make other data of them.
      serializers: { err: (error: unknown) => error },
    },
    options.pretty === true ? prettyStream(lines) : lines,
  );
  return redacting(logger);
}

function redacting(logger: PinoLogger): Logger {
  const line = (level: "debug" | "info" | "warn" | "error") => (fields: object, message: string) => {
    // Nothing is copied for a line that is not written.
    if (logger.isLevelEnabled(level)) logger[level](redact(fields), redactText(message));
  };
  return {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    child: (fields) => redacting(logger.child(redact(fields) as object)),
  };
}
