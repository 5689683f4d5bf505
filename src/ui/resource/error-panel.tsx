import { words } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { readReport } from "./read-report.ts";

interface ProblemPage {
  readonly title?: string;
  readonly advice?: string;
}

/** Why the resource failed: what, on which device, at which statement, and what to do. */
export function ErrorPanel({ report, devices, state }: { report: string; devices: readonly string[]; state: string }) {
  const code = /^(SB_[A-Z_]+):/.exec(report)?.[1] ?? "";
  const { value: page } = useLoaded<ProblemPage>(code === "" ? "" : `/problems/${code}`);
  const { message, device, statement } = readReport(report, devices, page?.advice ?? "");
  return (
    <section class="panel failure" aria-label="Error">
      <h2>
        {words(state)}: {page?.title ?? code}
      </h2>
      <p class="message">{message}</p>
      <dl>
        {device !== "" && (
          <>
            <dt>Device</dt>
            <dd data-error="device">{device}</dd>
          </>
        )}
        {statement !== "" && (
          <>
            <dt>Statement</dt>
            <dd data-error="statement">
              <code>{statement}</code>
            </dd>
          </>
        )}
        {page?.advice !== undefined && (
          <>
            <dt>What to do</dt>
            <dd data-error="advice">{page.advice}</dd>
          </>
        )}
        {code !== "" && (
          <>
            <dt>Code</dt>
            <dd>
              <a href={`/problems/${code}`}>{code}</a>
            </dd>
          </>
        )}
      </dl>
    </section>
  );
}
