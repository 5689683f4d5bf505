import type { Problem } from "./api-types.ts";

const TOKEN = "signalbox-token";
const wanting = new Set<() => void>();

/** An answer that is no success; `message` is for the reader. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.detail ?? problem.title ?? `The gateway answered ${status}.`);
    this.status = status;
    this.problem = problem;
  }
}

/** Headers by which the gateway knows the reader: none until it has asked. The token lives as long as the tab. */
export function credentials(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN);
  return token === null ? {} : { authorization: `Bearer ${token}`, "x-auth-token": token };
}

/** Keeps a token for this tab; empty forgets it. */
export function keepToken(token: string): void {
  if (token === "") sessionStorage.removeItem(TOKEN);
  else sessionStorage.setItem(TOKEN, token);
}

export function hasToken(): boolean {
  return sessionStorage.getItem(TOKEN) !== null;
}

/** Calls back whenever the gateway wants a token, or another one. */
export function onTokenWanted(listener: () => void): () => void {
  wanting.add(listener);
  return () => wanting.delete(listener);
}

/** @throws ApiError for the gateway's refusals, TypeError when nobody answers */
export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await fetch(path, {
    headers: { accept: "application/json", ...credentials() },
    ...(signal && { signal }),
  });
  await checked(answer);
  return (await answer.json()) as T;
}

/** @throws ApiError when the answer is no success */
export async function checked(answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  if (answer.status === 401) for (const tell of wanting) tell();
  const problem = await answer.json().catch(() => ({}));
  throw new ApiError(answer.status, problem as Problem);
}
