import { SignalboxError } from "../../errors.ts";
import { clientStatus } from "../../machines/resource/resource-status.ts";
import type { AppliedObject, ResourceContext } from "../../machines/resource/resource-types.ts";
import { parseXml, type XmlElement } from "../../xml/element.ts";
import type { EventLog, Json, StoredRecord } from "../ports.ts";
import { parseRecord, type ResourceRecord, subjectOf, transitionView } from "../resource-record.ts";
import { MASK } from "../sealed-form.ts";
import { nameOf, tenantOf } from "./fleet-row.ts";
import type {
  ConfigurationVersion,
  DocumentHistory,
  DocumentVersion,
  HistoryStep,
  ReadAccess,
  ResourceHistory,
} from "./inspection-api.ts";
import type { SecretMask } from "./mask-secrets.ts";

interface Ref {
  readonly type: string;
  readonly id: string;
}
interface PastRecord {
  readonly stored: StoredRecord;
  readonly record: ResourceRecord;
}

/** Writes of one document that are shown at most. */
const KEPT_WRITES = 200;

/** What a resource was, from its own records in the log: nothing else is asked. Secrets are masked. */
export class ResourcePast {
  readonly #log: EventLog;
  readonly #mask: SecretMask;

  constructor(log: EventLog, mask: SecretMask) {
    this.#log = log;
    this.#mask = mask;
  }

  /** @throws SB_NOT_FOUND */
  async history(
    access: ReadAccess,
    ref: Ref,
    { after, limit }: { after: number; limit: number },
  ): Promise<ResourceHistory> {
    const steps: HistoryStep[] = [];
    let more = false;
    const last = await this.#each(access, ref, ({ stored, record }) => {
      if (stored.seq <= after) return;
      steps.push(this.#step(stored, record));
      if (steps.length > limit) {
        steps.shift();
        more = true;
      }
    });
    const { context, value } = last.record.snapshot;
    return {
      resource: {
        ...ref,
        tenant: tenantOf(context.body),
        name: nameOf(context.body),
        deleted: isGone(value.lifecycle),
      },
      steps,
      more,
      last: last.stored.seq,
    };
  }

  /** Each document with what was written to it, in key order. @throws SB_NOT_FOUND */
  async documents(access: ReadAccess, ref: Ref): Promise<DocumentHistory[]> {
    const byKey = new Map<string, DocumentVersion[]>();
    await this.#each(access, ref, ({ stored, record }) => {
      for (const { key, value } of record.documents) {
        const writes = byKey.get(key) ?? [];
        if (!isShown(access, key)) continue;
        // A document that is not there cannot go.
        if (value === null && (writes.at(-1)?.value ?? null) === null) continue;
        const { version } = record.snapshot.context;
        writes.push({
          seq: stored.seq,
          time: stored.time,
          version: versionIn(value) ?? version,
          value: this.#mask.value(value),
        });
        if (writes.length > KEPT_WRITES) writes.shift();
        byKey.set(key, writes);
      }
    });
    return [...byKey].map(([key, writes]) => ({ key, writes })).sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** What it owned on routers and on the controller, whenever that changed. @throws SB_NOT_FOUND */
  async configuration(access: ReadAccess, ref: Ref): Promise<ConfigurationVersion[]> {
    const versions: ConfigurationVersion[] = [];
    let before = "null";
    await this.#each(access, ref, ({ stored, record }) => {
      const { applied, version } = record.snapshot.context;
      const now = JSON.stringify(applied);
      if (now === before) return;
      before = now;
      versions.push({ seq: stored.seq, time: stored.time, version, ...this.#owned(applied) });
    });
    return versions;
  }

  #owned(applied: ResourceContext["applied"]): Pick<ConfigurationVersion, "routers" | "objects"> {
    if (applied === null) return { routers: [], objects: [] };
    return {
      routers: applied.routers.map(({ host, configuration, password }) => {
        const text = this.#mask.text(indented(configuration));
        return { host, text: password.length < 4 ? text : text.replaceAll(password, MASK) };
      }),
      objects: applied.objects.map(textOf),
    };
  }

  #step(stored: StoredRecord, record: ResourceRecord): HistoryStep {
    const { value, context } = record.snapshot;
    const { jobs } = transitionView(stored, record);
    return {
      seq: stored.seq,
      time: stored.time,
      event: record.event,
      before: record.before as HistoryStep["before"],
      after: value.lifecycle,
      operational: value.operational,
      version: context.version,
      action: context.action,
      status: clientStatus(value, context).status,
      error: this.#mask.text(context.error),
      jobs: jobs.map((job) => (job.error === undefined ? job : { ...job, error: this.#mask.text(job.error) })),
      queued: context.queue.length,
    };
  }

  /** Calls back with each record; answers the last. @throws SB_NOT_FOUND when there is none, or none that may be read */
  async #each(access: ReadAccess, ref: Ref, callback: (past: PastRecord) => void): Promise<PastRecord> {
    const last = await this.#log.last(subjectOf(ref));
    const record = last === undefined ? undefined : parseRecord(last);
    if (last === undefined || record === undefined || !access.mayRead(ref.type, record.snapshot.context.body)) {
      throw new SignalboxError("SB_NOT_FOUND", `There is no ${ref.type} ${ref.id}, and there never was.`);
    }
    for await (const stored of this.#log.history(subjectOf(ref))) {
      const each = parseRecord(stored);
      if (each !== undefined) callback({ stored, record: each });
    }
    return { stored: last, record };
  }
}

function isGone(lifecycle: string): boolean {
  return lifecycle === "deleted" || lifecycle === "absent";
}

function versionIn(value: Json): number | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { version } = value as { readonly version?: Json };
  return typeof version === "number" ? version : undefined;
}

/** One element per line, without the marks of what is owned. */
function indented(configuration: string): string {
  const lines: string[] = [];
  const write = ({ name, attributes, children, text }: XmlElement, depth: number) => {
    const space = "  ".repeat(depth);
    const shown = Object.entries(attributes).filter(([attribute]) => attribute !== "own");
    const opening = [name, ...shown.map(([attribute, value]) => `${attribute}="${value}"`)].join(" ");
    if (children.length > 0) {
      lines.push(`${space}<${opening}>`);
      for (const child of children) write(child, depth + 1);
      lines.push(`${space}</${name}>`);
    } else lines.push(text === "" ? `${space}<${opening}/>` : `${space}<${opening}>${text}</${name}>`);
  };
  write(parseXml(configuration), 0);
  return lines.join("\n");
}

/** The documents of jobs say how devices are reached, which is not the tenants' business; the program's own are nobody's. */
function isShown({ everything }: ReadAccess, key: string): boolean {
  return !key.startsWith("/signalbox/") && (everything || !/^\/(jobs|esi-worker)\//.test(key));
}

function textOf(object: AppliedObject): string {
  const { kind } = object;
  switch (object.action) {
    case "ensure":
      return `${kind} ${object.uuid}${object.unconfirmed === true ? ", if it was made" : ""}`;
    case "named":
      return `${kind} ${object.fqName.join(":")}, if it was made`;
    case "reference":
      return `${object.fromKind} ${object.fromUuid}: ${object.list} ${object.key} ${object.keyValue} of ${kind} ${object.uuid}`;
    default:
      return object satisfies never;
  }
}
