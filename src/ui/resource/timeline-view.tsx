import { clock, duration, handlerWord, jobParts, short } from "../format.ts";
import { onLink, resourcePath } from "../location.ts";
import { StateChip } from "../state-chip.tsx";
import type { JobRow, Span, Timeline, VersionRow } from "./job-timeline.ts";

export interface TimelineViewProps {
  readonly timeline: Timeline;
  readonly now: number;
  /** By key `type/id`: names of other resources. */
  readonly names: ReadonlyMap<string, string>;
}

/** What was done for the resource, version by version, the latest first. */
export function TimelineView({ timeline, now, names }: TimelineViewProps) {
  const { versions, changes } = timeline;
  return (
    <section class="panel timeline" aria-label="Timeline">
      <h2>Timeline</h2>
      {changes.length > 0 && (
        <details class="changes" open={changes.length <= 3}>
          <summary>Monitoring changed {changes.length === 1 ? "once" : `${changes.length} times`}</summary>
          <ol>
            {changes
              .slice(-20)
              .toReversed()
              .map(({ seq, time, before, after }) => (
                <li key={seq}>
                  <time>{clock(time, now)}</time> <StateChip state={before} /> → <StateChip state={after} />
                </li>
              ))}
          </ol>
        </details>
      )}
      {versions.length === 0 && <p class="faint">No jobs: nothing had to be done on any device.</p>}
      {versions.toReversed().map((version, at) => (
        <Version key={`${version.version}/${version.from}`} version={version} now={now} names={names} isOpen={at < 2} />
      ))}
    </section>
  );
}

interface VersionProps {
  readonly version: VersionRow;
  readonly now: number;
  readonly names: ReadonlyMap<string, string>;
  readonly isOpen: boolean;
}

function Version({ version, now, names, isOpen }: VersionProps) {
  const { from, to, action, outcome, jobs } = version;
  const end = to ?? now;
  return (
    <details class="version" open={isOpen}>
      <summary>
        <span class="title">
          Version {version.version}: {action}
        </span>
        <StateChip state={outcome} />
        <span class="took">
          {duration(end - from)} from {clock(from, now)}
        </span>
      </summary>
      {jobs.map((job) => (
        <JobLine key={job.id} job={job} from={from} end={end} now={now} names={names} />
      ))}
    </details>
  );
}

interface JobLineProps {
  readonly job: JobRow;
  readonly from: number;
  readonly end: number;
  readonly now: number;
  readonly names: ReadonlyMap<string, string>;
}

function JobLine({ job, from, end, now, names }: JobLineProps) {
  const { action, handler } = jobParts(job.id);
  const worked = total(job.spans, "working", now);
  const waited = total(job.spans, "waiting", now);
  const queued = total(job.spans, "ready", now);
  const worker = job.spans.findLast(({ worker }) => worker !== "")?.worker ?? "";
  const waits = job.waitsFor.length > 0 ? job.waitsFor : job.waitedFor;
  return (
    <div class="job-line">
      <div class="job-head">
        <b>
          {action} {handlerWord(handler)}
        </b>
        <StateChip state={job.outcome} />
        {job.attempts > 1 && <span class="retries">{job.attempts} tries</span>}
      </div>
      <Bar job={job} from={from} end={end} now={now} />
      <dl>
        <dt>Planned</dt>
        <dd>{clock(job.planned, now)}</dd>
        {waits.length > 0 && (
          <>
            <dt>{job.waitsFor.length > 0 ? "Waits for" : "Waited for"}</dt>
            <dd>
              {waits.map((id) => (
                <WaitedFor key={id} id={id} names={names} />
              ))}
              {waited > 0 && ` ${duration(waited)}`}
            </dd>
          </>
        )}
        {queued > 0 && (
          <>
            <dt>Ready</dt>
            <dd>{duration(queued)} until a worker took it</dd>
          </>
        )}
        {(worker !== "" || job.devices.length > 0) && (
          <>
            <dt>{job.outcome === "working" ? "Runs" : "Ran"}</dt>
            <dd>
              {worked > 0 && `${duration(worked)} `}
              {job.devices.length > 0 && `on ${job.devices.join(" and ")}`}
              {worker !== "" && <span class="faint"> by {worker}</span>}
            </dd>
          </>
        )}
      </dl>
      {job.spans
        .filter(({ error }) => error !== "")
        .map((span) => (
          <p key={span.from} class="try-error">
            Try {span.attempt}, {duration((span.to ?? now) - span.from)}: {span.error}
          </p>
        ))}
    </div>
  );
}

function WaitedFor({ id, names }: { id: string; names: ReadonlyMap<string, string> }) {
  const { action, handler, type, resource } = jobParts(id);
  const name = names.get(`${type}/${resource}`);
  return (
    <a class="waited" href={resourcePath(type, resource)} onClick={onLink} title={id}>
      {action} {handlerWord(handler)} of {type} {name === undefined || name === "" ? short(resource) : name}
    </a>
  );
}

/** The job's life over that of its version. */
function Bar({ job, from, end, now }: { job: JobRow; from: number; end: number; now: number }) {
  const whole = Math.max(1, end - from);
  const left = (time: number) => (100 * (time - from)) / whole;
  return (
    <svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" x="0" y="0" width="100" height="8" />
      {job.spans.map((span) => {
        const width = Math.max(0.6, left(span.to ?? now) - left(span.from));
        const failed = span.error !== "" || (span.to === job.ended && job.outcome === "failed");
        return (
          <rect
            key={`${span.phase}${span.from}`}
            class={`span-${span.phase}${failed ? " span-failed" : ""}`}
            x={left(span.from)}
            y="0"
            width={width}
            height="8"
          />
        );
      })}
    </svg>
  );
}

function total(spans: readonly Span[], phase: Span["phase"], now: number): number {
  return spans.filter((each) => each.phase === phase).reduce((sum, { from, to }) => sum + ((to ?? now) - from), 0);
}
