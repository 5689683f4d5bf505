import { describe, expect, it } from "vitest";
import { ApiError, apiCode } from "../../../src/adapters/nats/api-error.ts";
import type { JetStream, Task, Try } from "../../../src/adapters/nats/jetstream.ts";
import { QueuePlaces } from "../../../src/adapters/nats/queue-places.ts";
import { systemRandom } from "../../../src/adapters/system/system-random.ts";
import { silentLogger } from "../../servers/silent-logger.ts";

/** A stream with one message per subject, of which the server cannot read some, as it was found after a kill. */
class Server {
  readonly stored = new Map<string, string>();
  readonly unreadable = new Set<string>();
  /** What is put next cannot be read. */
  loses = 0;
  asked: string[] = [];
  outage = 0;
  /** The stream is not there, from when it was asked about this subject on. */
  away = false;
  goesAfter = "";

  get jetstream(): JetStream {
    const link = { random: systemRandom, logger: silentLogger };
    Object.defineProperty(link, "outage", { get: () => this.outage });
    return {
      link,
      persist: <T>(_task: Task, attempt: Try<T>) => attempt({ inDoubt: false }),
      ask: async (subject: string, payload: string) => this.#put(subject, payload),
      api: async (subject: string, body: Record<string, string>) => this.#api(subject, body),
    } as unknown as JetStream;
  }

  #put(subject: string, payload: string): void {
    this.asked.push(`put ${subject}`);
    if (this.stored.has(subject)) {
      const description = "maximum messages per subject exceeded";
      throw new ApiError({ code: 503, err_code: apiCode.storeFailed, description });
    }
    this.stored.set(subject, payload);
    if (this.loses === 0) return;
    this.loses -= 1;
    this.unreadable.add(subject);
  }

  #api(request: string, { last_by_subj: wanted = "", subjects_filter: filter = "" }: Record<string, string>): unknown {
    this.asked.push(request.split(".").slice(0, -1).join("."));
    if (this.away) throw new ApiError({ code: 404, err_code: apiCode.streamNotFound, description: "stream not found" });
    if (request.startsWith("STREAM.INFO")) {
      this.away = filter === this.goesAfter;
      return { state: this.stored.has(filter) ? { subjects: { [filter]: 1 } } : {} };
    }
    if (!this.stored.has(wanted) || this.unreadable.has(wanted)) {
      throw new ApiError({ code: 404, err_code: apiCode.messageNotFound, description: "no message found" });
    }
    return {};
  }
}

const task = { doing: "The message was not queued", stream: "jobs" };
const put = (places: QueuePlaces, id: string) => places.put("body", task, (place) => `${id}~${place}`);

const never = async () => expect.unreachable("the stream is not to be made anew");

describe("a queue's places", () => {
  it("look at the first message after each loss of the connection, and at no other", async () => {
    const server = new Server();
    const places = new QueuePlaces(server.jetstream, never);
    for (const id of ["a", "b"]) await put(places, id);
    server.outage = 1;
    for (const id of ["c", "d"]) await put(places, id);
    expect(server.asked).toEqual(["put a~0", "STREAM.MSG.GET", "put b~0", "put c~0", "STREAM.MSG.GET", "put d~0"]);
  });

  it("put a message that the server cannot read at the next place, and go on looking until one can be read", async () => {
    const server = new Server();
    server.loses = 2;
    const places = new QueuePlaces(server.jetstream, never);
    await put(places, "a");
    expect([...server.stored.keys()]).toEqual(["a~0", "a~1", "a~2"]);
    expect([...server.unreadable]).toEqual(["a~0", "a~1"]);
    await put(places, "b");
    expect(server.asked.at(-1)).toBe("put b~0");
  });

  it("put a message again that another process has put and nobody can read", async () => {
    const server = new Server();
    server.loses = 1;
    await server.jetstream.ask("a~0", "body");
    await put(new QueuePlaces(server.jetstream, never), "a");
    expect([...server.stored.keys()]).toEqual(["a~0", "a~1"]);
    // It is there now, and is not put a third time.
    await put(new QueuePlaces(server.jetstream, never), "a");
    expect([...server.stored.keys()]).toEqual(["a~0", "a~1"]);
  });

  it("leave a message alone that is queued, or was taken and acked while it was looked at", async () => {
    const server = new Server();
    const places = new QueuePlaces(server.jetstream, never);
    await put(places, "a");
    await put(places, "a");
    expect([...server.stored.keys()]).toEqual(["a~0"]);
    const { jetstream } = server;
    const gone = Object.assign(Object.create(jetstream) as JetStream, {
      ask: async (subject: string) => void server.asked.push(`put ${subject}`),
    });
    await put(new QueuePlaces(gone, never), "b");
    expect(server.asked.slice(-3)).toEqual(["put b~0", "STREAM.MSG.GET", "STREAM.INFO"]);
  });

  it("have the stream made anew when the server can read none, once for all who put", async () => {
    const server = new Server();
    server.loses = 100;
    let renewed = 0;
    let late: Promise<void> | undefined;
    const renew = async () => {
      renewed += 1;
      // One more that finds nothing readable while the stream is away waits for it, and asks nothing of it.
      server.goesAfter = "d~15";
      late = put(places, "d");
      while (!server.away) await new Promise((resolve) => setImmediate(resolve));
      server.away = false;
      server.loses = 0;
      server.stored.clear();
      server.unreadable.clear();
    };
    const places = new QueuePlaces(server.jetstream, renew);
    await Promise.all(["a", "b", "c"].map((id) => put(places, id)));
    await late;
    expect(renewed).toBe(1);
    expect([...server.stored.keys()].sort()).toEqual(["a~0", "b~0", "c~0", "d~0"]);
    expect(server.unreadable.size).toBe(0);
  });

  it("leave a stream alone that another process has made anew", async () => {
    const server = new Server();
    server.loses = 16;
    const { jetstream } = server;
    const remade = Object.assign(Object.create(jetstream) as JetStream, {
      api: async (subject: string, body: Record<string, string>) => {
        const answer = jetstream.api(subject, body, task);
        if (server.stored.size === 16 && subject.startsWith("STREAM.INFO")) {
          server.stored.clear();
          server.unreadable.clear();
        }
        return answer;
      },
    });
    await put(new QueuePlaces(remade, never), "a");
    expect([...server.stored.keys()]).toHaveLength(1);
  });

  it("fail when the server can read none of the new stream either", async () => {
    const server = new Server();
    server.loses = 100;
    const places = new QueuePlaces(server.jetstream, async () => server.stored.clear());
    await expect(put(places, "a")).rejects.toThrow("cannot read any of 16 copies");
  });
});
