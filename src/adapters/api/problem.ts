import { type ErrorCode, errorTable, type FieldProblem, type SignalboxError } from "../../errors.ts";

/** Media type of an error answer (RFC 9457 section 6.1). */
export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/** An error answer: RFC 9457's members, then what Signalbox adds. */
export interface Problem {
  /** Relative URI of the page about this kind of error. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What happened to which thing. */
  readonly detail: string;
  /** Path of the request. */
  readonly instance: string;
  readonly code: ErrorCode;
  readonly advice: string;
  readonly request_id: string;
  readonly errors?: readonly FieldProblem[];
  readonly device?: string;
  readonly statement?: string;
}

/**
 * The error as a client sees it. An unexpected error (SB_INTERNAL) shows nothing of its cause: that is in the log,
 * under the request id.
 */
export function problemOf(error: SignalboxError, options: { instance: string; requestId: string }): Problem {
  const internal = error.code === "SB_INTERNAL";
  return {
    type: `/problems/${error.code}`,
    title: error.title,
    status: error.status,
    detail: internal ? `Something went wrong inside; the log has it under ${options.requestId}.` : error.message,
    instance: options.instance,
    code: error.code,
    advice: error.advice,
    request_id: options.requestId,
    ...(error.fields.length > 0 && !internal ? { errors: error.fields } : {}),
    ...(error.device === undefined ? {} : { device: error.device }),
    ...(error.statement === undefined || internal ? {} : { statement: error.statement }),
  };
}

/** What the page about one kind of error says: its row of the table. */
export interface ProblemPage {
  readonly code: ErrorCode;
  readonly title: string;
  readonly status: number;
  readonly exit_code: number;
  readonly transient: boolean;
  readonly advice: string;
}

/** The pages about all kinds of errors, by code. */
export function problemPages(): ReadonlyMap<string, ProblemPage> {
  return new Map(
    errorTable().map(({ code, title, status, exit, transient, advice }) => [
      code,
      { code, title, status, exit_code: exit, transient, advice },
    ]),
  );
}

/** The page as plain text. */
export function problemText(page: ProblemPage): string {
  const again = page.transient ? "Trying again later can help." : "Trying the same again does not help.";
  return `${page.code}: ${page.title}\n\nHTTP status ${page.status}, exit code ${page.exit_code}. ${again}\n${page.advice}\n`;
}
