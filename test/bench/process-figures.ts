import { readFileSync } from "node:fs";

/** Memory of a process in MB (10^6 bytes), by /proc/PID/smaps_rollup. */
export interface ProcessMemory {
  /** All of its pages that are in RAM. */
  readonly rss: number;
  /** What only it has: heaps and stacks. */
  readonly anonymous: number;
  /** Pages of files: Node itself, libraries and the mapped store. They are in the kernel's cache, which takes them back when it needs them. */
  readonly file: number;
}

export function memoryOf(pid: number): ProcessMemory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const megabytes = (name: string) => (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]) * 1024) / 1e6;
  const rss = megabytes("Rss");
  const anonymous = megabytes("Anonymous");
  return { rss, anonymous, file: rss - anonymous };
}

/** Processes that this one has started, by the name of their program. */
export function childProcesses(): Map<number, string> {
  const pids = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ").filter(Boolean);
  return new Map(pids.map((pid) => [Number(pid), readFileSync(`/proc/${pid}/comm`, "utf8").trim()]));
}

/** Clock ticks of /proc are hundredths of a second on Linux (proc(5), USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time, of all its threads, that a process has used. */
export function processorSeconds(pid: number): number {
  // The name, which may contain spaces, is in parentheses; utime and stime are fields 14 and 15 of the line.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
