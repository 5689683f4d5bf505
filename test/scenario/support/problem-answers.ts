import type { TestSystem } from "./running-system.ts";

/** An answer with what matters of a problem document (RFC 9457); members that are not there are empty. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly headers: Headers;
  readonly code: string;
  readonly detail: string;
  readonly advice: string;
  readonly instance: string;
  readonly pointers: readonly string[];
  /** `pointer detail` of each. */
  readonly errors: readonly string[];
  readonly text: string;
}

interface ProblemBody {
  status?: number;
  code?: string;
  detail?: string;
  advice?: string;
  instance?: string;
  errors?: ReadonlyArray<{ pointer: string; detail: string }>;
}

/** Sends a request as it is: a text body is not touched, anything else becomes JSON. */
export async function ask(
  system: TestSystem,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = { "content-type": "application/json" },
): Promise<Answer> {
  const sent = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${system.url}${path}`, {
    method,
    ...(method === "GET" ? {} : { headers }),
    ...(sent === undefined ? {} : { body: sent }),
  });
  const text = await response.text();
  const contentType = response.headers.get("content-type") ?? "";
  const problem: ProblemBody = contentType.includes("json") && text !== "" ? JSON.parse(text) : {};
  const errors = problem.errors ?? [];
  return {
    status: response.status,
    contentType: contentType.split(";")[0] ?? "",
    headers: response.headers,
    code: problem.code ?? "",
    detail: problem.detail ?? "",
    advice: problem.advice ?? "",
    instance: problem.instance ?? "",
    pointers: errors.map(({ pointer }) => pointer),
    errors: errors.map(({ pointer, detail }) => `${pointer} ${detail}`),
    text,
  };
}

export interface Trial {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
  readonly status: number;
  readonly code: string;
  /** The fields that the answer must name, each once. */
  readonly pointers: readonly string[];
  /** The answer must say this of each of them. */
  readonly says?: string;
}

const AT_ONCE = 8;

/** Makes all trials and answers, for each that was not answered as it must be, a line that says what came instead. */
export async function failures(system: TestSystem, trials: readonly Trial[]): Promise<string[]> {
  const wrong: string[] = [];
  const rest = [...trials];
  const work = async () => {
    for (let trial = rest.pop(); trial !== undefined; trial = rest.pop()) {
      const answer = await ask(system, trial.method, trial.path, trial.body);
      if (!fits(answer, trial)) wrong.push(lineOf(answer, trial));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return wrong;
}

function fits(answer: Answer, { status, code, pointers, says = "" }: Trial): boolean {
  const [first = ""] = pointers;
  return (
    answer.status === status &&
    answer.contentType === "application/problem+json" &&
    answer.code === code &&
    pointers.every((pointer) => {
      const named = answer.errors.filter((error) => error.startsWith(`${pointer} `));
      return named.length === 1 && named.every((error) => error.includes(says));
    }) &&
    answer.advice !== "" &&
    // Who reads only the one line must find a field as well.
    (pointers.length > 1 || answer.detail.includes(first.split("/").at(-1) ?? ""))
  );
}

function lineOf({ status, code, errors, detail }: Answer, trial: Trial): string {
  const sent = `${trial.method} ${trial.path} ${JSON.stringify(trial.body).slice(0, 300)}`;
  return `${sent} wanted ${trial.pointers.join(" ")} ${trial.says ?? ""}: ${status} ${code} ${detail} | ${errors.join("; ")}`.slice(
    0,
    1000,
  );
}
