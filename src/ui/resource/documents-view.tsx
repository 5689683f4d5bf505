import { useState } from "preact/hooks";
import type { DocumentHistory, DocumentWrite } from "../api-types.ts";
import { clock } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { ProblemPanel } from "../problem-panel.tsx";
import { DiffView } from "./diff-view.tsx";

export interface DocumentsViewProps {
  readonly path: string;
  /** Position of the step that is looked at: what was written after it is not there yet. */
  readonly at: number;
  readonly last: number;
}

/** The documents of a resource as they were at a step, by version, with what each write changed. */
export function DocumentsView({ path, at, last }: DocumentsViewProps) {
  const { value, error } = useLoaded<{ documents: readonly DocumentHistory[] }>(`${path}/documents`, last);
  const [key, setKey] = useState("");
  const [seq, setSeq] = useState(0);
  if (value === undefined) return error === undefined ? <p class="faint">Loading</p> : <ProblemPanel error={error} />;
  const there = value.documents
    .map((document) => ({ ...document, writes: document.writes.filter((write) => write.seq <= at) }))
    .filter(({ writes }) => writes.length > 0);
  const main = there.filter((document) => !document.key.startsWith("/jobs/"));
  const jobs = there.filter((document) => document.key.startsWith("/jobs/"));
  const chosen = there.find((document) => document.key === key) ?? main[0] ?? there[0];
  if (chosen === undefined) return <p class="faint">There were no documents yet.</p>;
  const writes = chosen.writes;
  const found = writes.findIndex((write) => write.seq === seq);
  const index = found === -1 ? writes.length - 1 : found;
  const write = writes[index];
  const before = writes[index - 1];
  return (
    <>
      <div class="choices">
        <label>
          Document
          <select value={chosen.key} onChange={(event) => setKey(event.currentTarget.value)}>
            {main.map((document) => (
              <option key={document.key} value={document.key}>
                {document.key}
              </option>
            ))}
            {jobs.length > 0 && (
              <optgroup label="Jobs">
                {jobs.map((document) => (
                  <option key={document.key} value={document.key}>
                    {document.key}
                  </option>
                ))}
              </optgroup>
            )}
          </select>
        </label>
        <label>
          Written
          <select value={String(write?.seq ?? 0)} onChange={(event) => setSeq(Number(event.currentTarget.value))}>
            {writes.toReversed().map((each) => (
              <option key={each.seq} value={String(each.seq)}>
                version {each.version}, {clock(each.time)}
                {each.value === null ? ", deleted" : ""}
              </option>
            ))}
          </select>
        </label>
        <span class="faint">{before === undefined ? "Its first write" : "Against the write before it"}</span>
      </div>
      <DiffView before={before === undefined ? "" : textOf(before)} after={textOf(write)} label={chosen.key} />
    </>
  );
}

function textOf(write: DocumentWrite | undefined): string {
  if (write === undefined || write.value === null) return "(not there)";
  return JSON.stringify(write.value, null, 2);
}
