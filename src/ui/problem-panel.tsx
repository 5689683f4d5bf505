import { ApiError } from "./api.ts";

/** What the gateway refused, and what to do. */
export function ProblemPanel({ error }: { error: Error }) {
  const known = error instanceof ApiError;
  const away = !known;
  return (
    <section class="panel problem" role="alert">
      <h2>{known ? (error.problem.title ?? "The gateway refused") : "The gateway does not answer"}</h2>
      <p>{away ? "What is shown may be old. It is asked again." : error.message}</p>
      {known && error.problem.advice !== undefined && <p>{error.problem.advice}</p>}
    </section>
  );
}
