import { useRef, useState } from "preact/hooks";
import type { DeviceReport, LaneJob, Machine } from "../api-types.ts";
import { edgeId } from "../chart/chart-graph.ts";
import { Statechart } from "../chart/statechart.tsx";
import { clock, duration, handlerWord, jobParts, short, words } from "../format.ts";
import { onLink, resourcePath } from "../location.ts";
import { ScrollRegion } from "../scroll-region.tsx";
import { StateChip } from "../state-chip.tsx";

interface DeviceCardProps {
  readonly device: DeviceReport;
  readonly machine: Machine | undefined;
  readonly isOpen: boolean;
}

export function DeviceCard({ device, machine, isOpen }: DeviceCardProps) {
  const { host, known, session, error, lockHolder, lanes, commits, jobs } = device;
  const lane = lanes.find(({ phase }) => phase !== "idle") ?? lanes[0];
  const inHand = lanes.flatMap((each) => each.inHand);
  const waiting = lanes.flatMap((each) => each.waiting);
  const laneJobs = new Set([...inHand, ...waiting].map(({ id }) => id));
  const queued = jobs.filter(({ id }) => !laneJobs.has(id));
  const errors = lanes.flatMap(({ lastError }) => lastError ?? []);
  return (
    <section class="panel device-card" data-device={host} aria-label={`Device ${host}`}>
      <header>
        <h2>{host}</h2>
        {known.map(({ type, id, name }) => (
          <a key={id} href={resourcePath(type, id)} onClick={onLink}>
            {type} {name === "" ? short(id) : name}
          </a>
        ))}
        <StateChip state={session} title="Its session" />
      </header>
      <dl class="facts">
        <dt>Lock holder</dt>
        <dd>{lockHolder === "" ? <span class="faint">nobody</span> : lockHolder}</dd>
        <dt>Lane</dt>
        <dd>
          {lane === undefined ? (
            <span class="faint">not used since its process started</span>
          ) : (
            <>
              <StateChip state={lane.phase} /> {lane.hosts.join(" + ")}
              {lane.process !== "" && <span class="faint"> in {lane.process}</span>}
            </>
          )}
        </dd>
        <dt>Running</dt>
        <dd>
          <Jobs jobs={inHand} none="nothing" />
        </dd>
        <dt>Waiting</dt>
        <dd>
          <Jobs jobs={[...waiting, ...queued]} none="nothing" />
        </dd>
      </dl>
      {error !== "" && <p class="try-error">Session: {error}</p>}
      {errors.map((each) => (
        <div key={each.code + each.message} class="lane-error">
          <b>{each.code}</b> {each.message}
          {each.statement !== undefined && <code>{each.statement}</code>}
          <p>{each.advice}</p>
        </div>
      ))}
      {machine !== undefined && <SessionChart machine={machine} session={session} isOpen={isOpen} />}
      <Commits commits={commits} />
    </section>
  );
}

/** The machine of the session, with the way that it took since the page was opened. */
function SessionChart({ machine, session, isOpen }: { machine: Machine; session: string; isOpen: boolean }) {
  const [isShown, setShown] = useState(isOpen);
  const before = useRef(session);
  const taken = useRef(new Map<string, string[]>());
  const last = useRef("");
  if (before.current !== session) {
    const id = edgeId(before.current, session);
    taken.current = new Map(taken.current).set(id, ["seen"]);
    last.current = id;
    before.current = session;
  }
  return (
    <details open={isShown} onToggle={(event) => setShown(event.currentTarget.open)}>
      <summary>Session machine: {words(session)}</summary>
      {isShown && <Statechart machine={machine} current={[session]} taken={taken.current} last={last.current} />}
    </details>
  );
}

function Jobs({ jobs, none }: { jobs: readonly LaneJob[]; none: string }) {
  if (jobs.length === 0) return <span class="faint">{none}</span>;
  return (
    <ul class="jobs">
      {jobs.slice(0, 20).map((job) => (
        <li key={job.id}>
          <JobLink job={job} />
        </li>
      ))}
      {jobs.length > 20 && <li class="faint">and {jobs.length - 20} more</li>}
    </ul>
  );
}

function JobLink({ job }: { job: LaneJob }) {
  const { action, handler } = jobParts(job.id);
  return (
    <a href={resourcePath(job.type, job.resource)} onClick={onLink} title={job.id}>
      {action} {handlerWord(handler)} of {job.type} {job.name === "" ? short(job.resource) : job.name}
    </a>
  );
}

function Commits({ commits }: Pick<DeviceReport, "commits">) {
  if (commits.length === 0) return <p class="faint">Nothing was committed yet.</p>;
  const longest = Math.max(1, ...commits.map(({ durationMs }) => durationMs ?? 0));
  return (
    <ScrollRegion class="commits" label="Commits">
      <table>
        <caption>Last commits</caption>
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Took</th>
            <th scope="col">Outcome</th>
            <th scope="col">Jobs</th>
          </tr>
        </thead>
        <tbody>
          {commits.map(({ time, tag, durationMs, outcome, jobs }) => (
            <tr key={tag} title={tag}>
              <td>{clock(time)}</td>
              <td class="took">
                <svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={(100 * (durationMs ?? 0)) / longest} height="8" />
                </svg>
                {durationMs === null ? "goes on" : duration(durationMs)}
              </td>
              <td>
                <StateChip state={outcome} />
              </td>
              <td>
                {jobs.map((job) => (
                  <JobLink key={job.id} job={job} />
                ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollRegion>
  );
}
