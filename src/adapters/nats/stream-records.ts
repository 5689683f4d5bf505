import { ApiError, apiCode, storeError } from "./api-error.ts";
import { goneError, streamInfo } from "./ensure-stream.ts";
import type { JetStream, Task } from "./jetstream.ts";
import { parseStored, type StoredMessage } from "./stored-message.ts";

/** Single records of the log's stream. All is asked of the stream's leader: another server of a cluster may be behind. */
export class StreamRecords {
  readonly #jetstream: JetStream;
  readonly #stream: string;
  readonly #prefix: string;

  /** @param options.prefix in front of the log's subjects */
  constructor(jetstream: JetStream, options: { stream: string; prefix: string }) {
    this.#jetstream = jetstream;
    this.#stream = options.stream;
    this.#prefix = options.prefix;
  }

  last(subject: string): Promise<StoredMessage | undefined> {
    return this.#get({ last_by_subj: this.#prefix + subject });
  }

  /** The subject's first record after that seq. */
  after(subject: string, seq: number): Promise<StoredMessage | undefined> {
    return this.#get({ seq: seq + 1, next_by_subj: this.#prefix + subject });
  }

  at(seq: number): Promise<StoredMessage | undefined> {
    return this.#get({ seq });
  }

  /** seq of the last record that the stream has had. */
  async position(patience: Pick<Task, "patienceMs" | "signal"> = {}): Promise<number> {
    const task = { ...this.#task("The position of the log was not read"), ...patience };
    const info = await streamInfo(this.#jetstream, task);
    if (info === undefined) throw goneError(this.#stream);
    return info.state.last_seq;
  }

  /** Removes one record; one that is gone is no error. The server overwrites it at once, so that it does not come back. */
  async remove(seq: number): Promise<void> {
    const task = this.#task(`The record ${seq} was not removed`);
    try {
      await this.#jetstream.api(`STREAM.MSG.DELETE.${this.#stream}`, { seq }, task);
    } catch (error) {
      if (error instanceof ApiError && error.errCode === apiCode.messageDeleteFailed) return;
      throw storeError(task.doing, error);
    }
  }

  async #get(which: object): Promise<StoredMessage | undefined> {
    const task = this.#task("The log was not read");
    try {
      const answer = await this.#jetstream.api<Parameters<typeof parseStored>[0]>(
        `STREAM.MSG.GET.${this.#stream}`,
        which,
        task,
      );
      return parseStored(answer, this.#prefix);
    } catch (error) {
      if (error instanceof ApiError && error.errCode === apiCode.messageNotFound) return undefined;
      if (error instanceof ApiError && error.errCode === apiCode.streamNotFound) throw goneError(this.#stream, error);
      throw storeError(task.doing, error);
    }
  }

  #task(doing: string): Task {
    return { doing, stream: this.#stream };
  }
}
