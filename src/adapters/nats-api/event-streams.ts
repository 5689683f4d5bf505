import {
  DiscardPolicy,
  type JetStreamManager,
  NatsError,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from "nats";
import { SignalboxError } from "../../errors.ts";
import type { Subjects } from "./subjects.ts";

export interface EventStreamLimits {
  /** How long a transition can be replayed from the stream, default 7 days; at least 1000 ms. */
  readonly maxAgeMs: number;
  /** Size of the stream, above which the oldest go first; default 256 MiB. The server sets it aside. */
  readonly maxBytes: number;
  /** Servers that hold a copy, default 1. */
  readonly replicas: number;
  readonly storage: "file" | "memory";
}

export const defaultStreamLimits = {
  maxAgeMs: 7 * 24 * 60 * 60 * 1000,
  maxBytes: 256 * 1024 * 1024,
  replicas: 1,
  storage: "file",
} satisfies EventStreamLimits;

const NANOS_PER_MS = 1_000_000;
const WINDOW_MS = 120_000;
/** Start of the description of every stream of ours: others' are left alone. */
const OURS = "Signalbox:";
const STREAM_NOT_FOUND = 10059;
const NAME_IN_USE = 10058;

/**
 * Makes the streams, or changes their limits to these. Any number of processes may do so at the same time.
 * @throws SB_CONFIG_INVALID when a stream of that name is somebody else's or the server refuses the settings
 */
export async function ensureEventStreams(
  manager: JetStreamManager,
  subjects: Subjects,
  limits: EventStreamLimits,
): Promise<void> {
  const storage = limits.storage === "file" ? StorageType.File : StorageType.Memory;
  const common = {
    retention: RetentionPolicy.Limits,
    storage,
    num_replicas: limits.replicas,
    discard: DiscardPolicy.Old,
  };
  // A copy of what is gone would be taken for a copy of what is made now.
  if ((await infoOf(manager, subjects.stream)) === undefined) await removeOurs(manager, subjects.lastStream);
  await ensure(manager, {
    ...common,
    name: subjects.stream,
    description: `${OURS} transitions of resources`,
    subjects: [subjects.stored("*", "*")],
    republish: { src: `${subjects.root}.feed.>`, dest: `${subjects.root}.events.>` },
    max_age: limits.maxAgeMs * NANOS_PER_MS,
    max_bytes: limits.maxBytes,
    duplicate_window: Math.min(WINDOW_MS, limits.maxAgeMs) * NANOS_PER_MS,
  });
  await ensure(manager, {
    ...common,
    name: subjects.lastStream,
    description: `${OURS} the last transition of ${subjects.stream}`,
    mirror: { name: subjects.stream },
    max_msgs: 1,
  });
}

/** Removes the streams: what they carry is of a log that is gone. */
export async function removeEventStreams(manager: JetStreamManager, subjects: Subjects): Promise<void> {
  await removeOurs(manager, subjects.lastStream);
  await removeOurs(manager, subjects.stream);
}

type Wanted = Partial<StreamConfig> & { name: string };

async function ensure(manager: JetStreamManager, wanted: Wanted): Promise<void> {
  const { name } = wanted;
  // A second round when another process has made it meanwhile.
  for (let round = 1; ; round += 1) {
    const found = await infoOf(manager, name);
    if (found !== undefined && !isOurs(found)) {
      throw new SignalboxError("SB_CONFIG_INVALID", `the NATS stream ${name} is somebody else's`, {
        advice: "Give Signalbox another namespace, or remove the stream.",
      });
    }
    try {
      if (found === undefined) await manager.streams.add(wanted);
      else if (!covers(found.config, wanted)) await manager.streams.update(name, { ...found.config, ...wanted });
      return;
    } catch (cause) {
      const code = apiCode(cause);
      if (code === NAME_IN_USE && round < 3) continue;
      if (code === undefined || !(cause instanceof NatsError)) throw cause;
      throw new SignalboxError("SB_CONFIG_INVALID", `the NATS stream ${name} cannot be made so: ${cause.message}`, {
        cause,
        advice: "Correct its limits, or those of the NATS account.",
      });
    }
  }
}

async function infoOf(manager: JetStreamManager, name: string): Promise<StreamInfo | undefined> {
  try {
    return await manager.streams.info(name);
  } catch (error) {
    if (apiCode(error) === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
}

function isOurs({ config }: StreamInfo): boolean {
  return config.description?.startsWith(OURS) === true;
}

async function removeOurs(manager: JetStreamManager, name: string): Promise<void> {
  const found = await infoOf(manager, name);
  if (found === undefined || !isOurs(found)) return;
  await manager.streams.delete(name).catch((error: unknown) => {
    // Another process was faster.
    if (apiCode(error) !== STREAM_NOT_FOUND) throw error;
  });
}

/** Everything that is wanted is there; the server adds members of its own. */
function covers(found: unknown, wanted: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return found === wanted;
  if (typeof found !== "object" || found === null) return false;
  if (Array.isArray(wanted) && (!Array.isArray(found) || found.length !== wanted.length)) return false;
  const members = found as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([name, value]) => covers(members[name], value));
}

/** JetStream's own number of an error. */
export function apiCode(error: unknown): number | undefined {
  return error instanceof NatsError ? error.api_error?.err_code : undefined;
}
