import { SignalboxError } from "../../errors.ts";
import { ApiError, apiCode, storeError } from "./api-error.ts";
import type { JetStream, Task } from "./jetstream.ts";
import { type ConsumerConfig, layoutVersion, type StreamConfig } from "./layout.ts";

export interface StreamInfo {
  readonly config: Readonly<Record<string, unknown>>;
  readonly state: { readonly messages: number; readonly bytes: number; readonly last_seq: number };
  /** Only in a cluster. */
  readonly cluster?: { readonly leader?: string };
}

interface ConsumerInfo {
  readonly config: Readonly<Record<string, unknown>>;
}

/** What the server takes no change of. */
const fixed = ["subjects", "retention", "storage"] as const;

/**
 * Makes the stream, or changes its settings to these, if need be. Any number of processes may do so at the same time.
 * @param options.mayCreate false: one that is not there is not made
 * @throws SB_LOG_REPLACED when it is not there and may not be made; SB_STORE_INCOMPATIBLE naming the stream when it cannot be made so; SB_DATA_VERSION; as `JetStream.persist`
 */
export async function ensureStream(
  jetstream: JetStream,
  wanted: StreamConfig,
  { patienceMs, mayCreate = true }: { patienceMs?: number | undefined; mayCreate?: boolean } = {},
): Promise<void> {
  const { name } = wanted;
  const task = taskOf(`The stream ${name} was not made ready`, name, patienceMs);
  // A second round when another process has made or changed it meanwhile.
  for (let round = 1; ; round += 1) {
    const info = await streamInfo(jetstream, task);
    if (info !== undefined) requireCompatible(info, wanted);
    const changes = info === undefined ? [] : differences(info.config, wanted);
    if (info !== undefined && changes.length === 0) return;
    if (info === undefined && !mayCreate) throw goneError(name);
    try {
      if (info === undefined) await jetstream.api(`STREAM.CREATE.${name}`, wanted, task);
      else {
        await jetstream.api(`STREAM.UPDATE.${name}`, { ...info.config, ...wanted }, task);
        jetstream.link.logger.info({ stream: name, changed: changes }, "settings of a NATS stream changed");
      }
      return;
    } catch (error) {
      if (round < 3 && info === undefined && madeMeanwhile(error)) continue;
      throw refused(error, name, changes);
    }
  }
}

/** Whether the stream may be there after all. Subjects overlap with the very stream, too, while another process makes it. */
function madeMeanwhile(error: unknown): boolean {
  return error instanceof ApiError && (error.errCode === apiCode.streamNameExists || overlaps(error));
}

/** The error for the log's stream that was there and is not any more. An empty one in its place would look like a system without resources. */
export function goneError(name: string, cause?: unknown): SignalboxError {
  return new SignalboxError(
    "SB_LOG_REPLACED",
    `the stream ${name} is gone, and with it the event log`,
    cause === undefined ? {} : { cause },
  );
}

/** The stream as it is; undefined when there is none. */
export async function streamInfo(jetstream: JetStream, task: Task): Promise<StreamInfo | undefined> {
  try {
    return await jetstream.api<StreamInfo>(`STREAM.INFO.${task.stream}`, undefined, task);
  } catch (error) {
    if (error instanceof ApiError && error.errCode === apiCode.streamNotFound) return undefined;
    throw storeError(task.doing, error);
  }
}

/** The same for the consumer that the takers of a queue share. */
export async function ensureConsumer(
  jetstream: JetStream,
  stream: string,
  wanted: ConsumerConfig,
  patienceMs?: number,
): Promise<void> {
  const name = wanted.durable_name;
  const task = taskOf(`The consumer ${name} of the stream ${stream} was not made ready`, stream, patienceMs);
  let info: ConsumerInfo | undefined;
  try {
    info = await jetstream.api<ConsumerInfo>(`CONSUMER.INFO.${stream}.${name}`, undefined, task);
  } catch (error) {
    if (!(error instanceof ApiError && error.errCode === apiCode.consumerNotFound)) throw storeError(task.doing, error);
  }
  // What the server takes no change of stays as it is found: it changes nothing of what the queue promises.
  const { max_waiting: _, ...changeable } = wanted;
  const changes = info === undefined ? [] : differences(info.config, changeable);
  if (info !== undefined && changes.length === 0) return;
  const body = { stream_name: stream, config: info === undefined ? wanted : { ...info.config, ...changeable } };
  try {
    await jetstream.api(`CONSUMER.DURABLE.CREATE.${stream}.${name}`, body, task);
    if (info !== undefined) {
      jetstream.link.logger.info({ stream, consumer: name, changed: changes }, "settings of a NATS consumer changed");
    }
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw incompatible(
      `The consumer ${name} of the stream ${stream} has other settings (${changes.join(", ")}): ${error.message}`,
      `Stop all processes and remove it: nats consumer rm ${stream} ${name}. It is made anew; what is in delivery is delivered again.`,
      error,
    );
  }
}

function requireCompatible(info: StreamInfo, wanted: StreamConfig): void {
  const { name } = wanted;
  const layout = /^Signalbox .*, layout (\d+)$/.exec(String(info.config["description"] ?? ""))?.[1];
  if (layout !== undefined && Number(layout) !== layoutVersion) {
    throw new SignalboxError(
      "SB_DATA_VERSION",
      `The stream ${name} is of layout ${layout}, this program knows ${layoutVersion}`,
    );
  }
  for (const key of fixed) {
    if (same(info.config[key], wanted[key])) continue;
    throw incompatible(
      `The stream ${name} has ${key} ${JSON.stringify(info.config[key])}, not ${JSON.stringify(wanted[key])}`,
      key === "storage"
        ? `Set the storage back, or move it: stop all processes, nats stream backup ${name} DIR, nats stream rm ${name}, nats stream restore DIR with the other storage in its configuration.`
        : "It is somebody else's: give Signalbox another namespace, or remove the stream.",
    );
  }
  if (wanted.num_replicas > 1 && info.cluster === undefined) throw noCluster(name, wanted.num_replicas);
}

function refused(error: unknown, name: string, changes: readonly string[]): unknown {
  if (!(error instanceof ApiError)) return error;
  if (/replicas/.test(error.message)) {
    return incompatible(
      `The stream ${name} cannot have its replicas: ${error.message}`,
      "Give as many replicas as the cluster has servers at most; 1 without a cluster.",
      error,
    );
  }
  if (overlaps(error)) {
    return incompatible(
      `The subjects of the stream ${name} belong to another stream already`,
      "Give Signalbox another namespace, or remove the other stream.",
      error,
    );
  }
  const what = changes.length === 0 ? "cannot be made" : `cannot be changed (${changes.join(", ")})`;
  return incompatible(
    `The stream ${name} ${what}: ${error.message}`,
    "Correct the setting, or the limits of the NATS account.",
    error,
  );
}

function overlaps(error: ApiError): boolean {
  return error.message.includes("overlap");
}

function noCluster(name: string, replicas: number): SignalboxError {
  // Before 2.10 the server takes such a change and ignores it.
  return incompatible(
    `The stream ${name} cannot have ${replicas} replicas: the NATS server is in no cluster`,
    "Set the replicas to 1, or make the server a member of a cluster.",
  );
}

function incompatible(message: string, advice: string, cause?: unknown): SignalboxError {
  return new SignalboxError("SB_STORE_INCOMPATIBLE", message, { advice, cause });
}

/** Names of the settings that differ. */
function differences(found: Readonly<Record<string, unknown>>, wanted: object): string[] {
  return Object.entries(wanted).flatMap(([key, value]) => (same(found[key], value) ? [] : [key]));
}

/** The server leaves out what is false or 0. */
function same(found: unknown, wanted: unknown): boolean {
  const plain = (value: unknown) => (value === undefined || value === false || value === 0 ? null : value);
  return JSON.stringify(plain(found)) === JSON.stringify(plain(wanted));
}

function taskOf(doing: string, stream: string, patienceMs: number | undefined): Task {
  return { doing, stream, ...(patienceMs === undefined ? {} : { patienceMs }) };
}
