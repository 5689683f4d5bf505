/** 340 ms, 4.2 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1_440)} d ${Math.floor((minutes % 1_440) / 60)} h`;
}

/** The same with its largest unit only: for columns. */
export function age(ms: number): string {
  if (ms < 60_000) return `${Math.max(0, Math.floor(ms / 1_000))} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

/** Time of day with milliseconds; the day too when it is not today. */
export function clock(time: number, now: number = Date.now()): string {
  const date = new Date(time);
  const two = (number: number, digits = 2) => String(number).padStart(digits, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const at = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${two(date.getMilliseconds(), 3)}`;
  return new Date(now).toDateString() === date.toDateString() ? at : `${day} ${at}`;
}

/** The start of an id, where the whole would be noise. */
export function short(id: string): string {
  return id.length > 13 ? `${id.slice(0, 8)}…` : id;
}

/** `pending_create` as words. */
export function words(name: string): string {
  return name.replaceAll("_", " ");
}

/** What a job is about, from its id: action, handler, type, resource, version, suffix. */
export function jobParts(id: string): { action: string; handler: string; type: string; resource: string } {
  const [action = "", handler = "", type = "", resource = ""] = id.split(":");
  return { action, handler, type, resource };
}

/** What a handler does, in a word. */
export function handlerWord(handler: string): string {
  return handler === "heat_worker" ? "configuration" : handler === "monitoring_worker" ? "monitoring" : handler;
}
