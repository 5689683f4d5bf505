import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import type { DependencyGraph, Machine } from "../api-types.ts";
import { Statechart } from "../chart/statechart.tsx";
import { TransitionTable } from "../chart/transition-table.tsx";
import { short } from "../format.ts";
import { tellStreamState } from "../frame/live-state.tsx";
import { useLoaded, useNow } from "../loaded.ts";
import { onLink, setQuery, useLocation } from "../location.ts";
import { ProblemPanel } from "../problem-panel.tsx";
import { StateChip } from "../state-chip.tsx";
import { ConfigurationView } from "./configuration-view.tsx";
import { DocumentsView } from "./documents-view.tsx";
import { ErrorPanel } from "./error-panel.tsx";
import { GraphView } from "./graph-view.tsx";
import { timelineOf } from "./job-timeline.ts";
import { ResourceStore } from "./resource-store.ts";
import { stepView } from "./step-view.ts";
import { StepsView } from "./steps-view.tsx";
import { TimeTravel } from "./time-travel.tsx";
import { TimelineView } from "./timeline-view.tsx";

const TABS = [
  ["documents", "Documents"],
  ["configuration", "Configuration"],
  ["graph", "Graph"],
  ["transitions", "Transitions"],
] as const;

/** Why a resource is as it is, and how it came there. */
export function ResourcePage({ type, id }: { type: string; id: string }) {
  const { query } = useLocation();
  const [, setTurn] = useState(0);
  const [store, setStore] = useState<ResourceStore>();
  useEffect(() => {
    const opened = new ResourceStore({
      type,
      id,
      onChange: () => setTurn((turn) => turn + 1),
      onState: tellStreamState,
    });
    setStore(opened);
    return () => opened.close();
  }, [type, id]);
  const { value: machines } = useLoaded<{ machines: readonly Machine[] }>("/signalbox/v1/machines");
  if (store?.resource === undefined) {
    return store?.error === undefined ? <p class="faint">Loading</p> : <ProblemPanel error={store.error} />;
  }
  const machine = machines?.machines.find(({ name }) => name === "resource");
  return (
    <Loaded store={store} machine={machine} at={Number(query.get("at") ?? 0)} tab={query.get("tab") ?? "documents"} />
  );
}

interface LoadedProps {
  readonly store: ResourceStore;
  readonly machine: Machine | undefined;
  /** Position of the step that is looked at; 0 for the latest. */
  readonly at: number;
  readonly tab: string;
}

function Loaded({ store, machine, at, tab }: LoadedProps) {
  const { steps, resource } = store;
  const found = at === 0 ? -1 : steps.findIndex(({ seq }) => seq === at);
  const index = found === -1 ? steps.length - 1 : found;
  const isLive = found === -1;
  const upTo = useMemo(() => steps.slice(0, index + 1), [steps, index]);
  const step = upTo.at(-1);
  const chart = useMemo(() => stepView(upTo), [upTo]);
  const timeline = useMemo(() => timelineOf(upTo), [upTo]);
  const isWorking = isLive && timeline.versions.at(-1)?.to === undefined;
  const ticking = useNow(isWorking ? 500 : 60_000);
  const now = isLive ? Math.max(ticking, step?.time ?? 0) : (step?.time ?? 0);
  const [chosen, setChosen] = useState<string>();
  const onStep = useCallback(
    (next: number | undefined) => setQuery({ at: next === undefined ? "" : String(steps[next]?.seq ?? "") }),
    [steps],
  );
  const path = `/signalbox/v1/resources/${encodeURIComponent(resource?.type ?? "")}/${encodeURIComponent(resource?.id ?? "")}`;
  const { value: graph } = useLoaded<DependencyGraph>(resource?.deleted === true ? "" : `${path}/graph`, store.last);
  const names = useMemo(
    () => new Map((graph?.nodes ?? []).map((node) => [`${node.type}/${node.id}`, node.name])),
    [graph],
  );
  if (resource === undefined || step === undefined) return <p class="faint">It has no history.</p>;
  const selected = chosen ?? chart.current[0] ?? "";
  const devices = [...new Set(upTo.flatMap(({ jobs }) => jobs.flatMap((job) => job.devices)))];
  return (
    <>
      <div class="resource-head">
        <p class="crumbs">
          <a href="/ui/" onClick={onLink}>
            Fleet
          </a>{" "}
          /{" "}
          <a href={`/ui/?type=${encodeURIComponent(resource.type)}`} onClick={onLink}>
            {resource.type}
          </a>
        </p>
        <h1>{resource.name === "" ? short(resource.id) : resource.name}</h1>
        <p class="facts">
          <StateChip state={step.after} />
          <StateChip state={step.operational} title="What monitoring says" />
          {step.status !== null && <span>{step.status}</span>}
          <span>version {step.version}</span>
          {step.queued > 0 && <span>{step.queued} more waiting</span>}
          <code>{resource.id}</code>
          {resource.tenant !== "" && <span class="faint">tenant {short(resource.tenant)}</span>}
        </p>
      </div>
      <TimeTravel steps={steps} index={index} isLive={isLive} onStep={onStep} />
      {step.error !== "" && <ErrorPanel report={step.error} devices={devices} state={step.after} />}
      <div class="two">
        <section class="panel" aria-label="Statechart">
          <h2>State machine</h2>
          {machine !== undefined && (
            <>
              <Statechart machine={machine} {...chart} selected={selected} onSelect={setChosen} />
              <TransitionTable machine={machine} path={selected} taken={chart.taken} />
            </>
          )}
        </section>
        <TimelineView timeline={timeline} now={now} names={names} />
      </div>
      <section class="panel tabs">
        <div role="tablist" aria-label="Details">
          {TABS.map(([name, title]) => (
            <button
              key={name}
              type="button"
              role="tab"
              id={`tab-${name}`}
              aria-selected={tab === name}
              aria-controls="tab-content"
              tabIndex={tab === name ? 0 : -1}
              onClick={() => setQuery({ tab: name })}
              onKeyDown={onTabKey}
            >
              {title}
            </button>
          ))}
        </div>
        <div role="tabpanel" id="tab-content" aria-labelledby={`tab-${tab}`}>
          {tab === "documents" && <DocumentsView path={path} at={step.seq} last={store.last} />}
          {tab === "configuration" && <ConfigurationView path={path} at={step.seq} last={store.last} />}
          {tab === "graph" &&
            (graph === undefined ? <p class="faint">What is gone waits for nothing.</p> : <GraphView graph={graph} />)}
          {tab === "transitions" && <StepsView steps={steps} index={index} more={store.more} onStep={onStep} />}
        </div>
      </section>
    </>
  );
}

function onTabKey(event: KeyboardEvent): void {
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const tab = event.currentTarget;
  if (by === undefined || !(tab instanceof HTMLElement)) return;
  const all = [...(tab.parentElement?.querySelectorAll<HTMLElement>("[role=tab]") ?? [])];
  const next = all[(all.indexOf(tab) + by + all.length) % all.length];
  event.preventDefault();
  next?.focus();
  next?.click();
}
