import type { ConfigurationVersion } from "../api-types.ts";
import { clock } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { ProblemPanel } from "../problem-panel.tsx";
import { DiffView } from "./diff-view.tsx";

/** What a resource owned on each router at a step, and what its version had changed. */
export function ConfigurationView({ path, at, last }: { path: string; at: number; last: number }) {
  const { value, error } = useLoaded<{ versions: readonly ConfigurationVersion[] }>(`${path}/configuration`, last);
  if (value === undefined) return error === undefined ? <p class="faint">Loading</p> : <ProblemPanel error={error} />;
  const versions = value.versions.filter((version) => version.seq <= at);
  const now = versions.at(-1);
  const before = versions.at(-2);
  const hosts = [...new Set([...(now?.routers ?? []), ...(before?.routers ?? [])].map(({ host }) => host))].sort();
  if (now === undefined || (hosts.length === 0 && now.objects.length === 0)) {
    return <p class="faint">It owned nothing on any device.</p>;
  }
  const textOf = (version: ConfigurationVersion | undefined, host: string) =>
    version?.routers.find((router) => router.host === host)?.text ?? "";
  return (
    <>
      <p class="faint">
        In effect since {clock(now.time)}, with version {now.version}
      </p>
      <div class="routers">
        {hosts.map((host) => (
          <section key={host}>
            <h3>{host}</h3>
            <DiffView
              before={textOf(before, host)}
              after={textOf(now, host) === "" ? "(nothing any more)" : textOf(now, host)}
              label={`Configuration on ${host}`}
            />
          </section>
        ))}
        {now.objects.length > 0 && (
          <section>
            <h3>Controller</h3>
            <ul class="objects">
              {now.objects.map((object) => (
                <li key={object}>
                  <code>{object}</code>
                </li>
              ))}
            </ul>
          </section>
        )}
      </div>
    </>
  );
}
