export interface ServerEvent {
  readonly name: string;
  /** By which a reader resumes after it. */
  readonly id: string | undefined;
  readonly data: unknown;
}

/** One block of a stream of server-sent events (WHATWG HTML, section 9.2.6); undefined for a heartbeat. */
export function parseEvent(block: string): ServerEvent | undefined {
  let name = "message";
  let id: string | undefined;
  let data = "";
  for (const line of block.split("\n")) {
    if (line.startsWith("data: ")) data += line.slice(6);
    else if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("id: ")) id = line.slice(4);
  }
  return data === "" ? undefined : { name, id, data: JSON.parse(data) as unknown };
}
