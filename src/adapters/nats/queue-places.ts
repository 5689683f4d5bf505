import { ApiError, apiCode, storeError } from "./api-error.ts";
import type { JetStream, Task } from "./jetstream.ts";
import { publishOnce } from "./publish-once.ts";

/** More than a server was ever seen to have lost of one message. */
const MOST_PLACES = 16;

/**
 * Puts messages into the stream of a queue, each at a subject of its own, and sees to it that the server can read them.
 *
 * After a kill nats-server 2.9.10 can give the position of a message that was acked and deleted to a new one, and then takes the new one
 * for deleted: it counts it, refuses another one of its subject, and never delivers it; nothing removes it. So what is put first after the
 * connection was lost, and what is refused because its subject is taken, is looked at; a message that cannot be read is put at its next place.
 * Once in some hundred kills it was seen to read nothing of a stream ever again: then the stream is made anew.
 */
export class QueuePlaces {
  readonly #jetstream: JetStream;
  readonly #renew: (task: Task) => Promise<void>;
  #renewals = 0;
  #renewing: Promise<void> | undefined;
  /** Since this loss of the connection a message was put and read. */
  #readableSince = -1;

  /** @param renew removes the stream and makes it anew; whoever offered what was in it offers it again */
  constructor(jetstream: JetStream, renew: (task: Task) => Promise<void>) {
    this.#jetstream = jetstream;
    this.#renew = renew;
  }

  /**
   * Resolves when the message is in the stream, put there now or before.
   * @param subjectOf the subject of a place, from 0 on
   * @throws SignalboxError as `JetStream.persist`
   */
  async put(payload: string, task: Task, subjectOf: (place: number) => string): Promise<void> {
    const renewals = this.#renewals;
    if (await this.#putSomewhere(payload, task, subjectOf)) return;
    // Others have put it in vain at the same time, here or in another process: it is made anew once.
    const isStillLost = () => this.#isLost(subjectOf(MOST_PLACES - 1), task);
    if (renewals === this.#renewals && (this.#renewing !== undefined || (await isStillLost()))) {
      await this.#renewOnce(task);
    }
    if (await this.#putSomewhere(payload, task, subjectOf)) return;
    throw storeError(task.doing, new Error(`the NATS server cannot read any of ${MOST_PLACES} copies of it`));
  }

  #renewOnce(task: Task): Promise<void> {
    this.#renewing ??= this.#renew(task).finally(() => {
      this.#renewals += 1;
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #putSomewhere(payload: string, task: Task, subjectOf: (place: number) => string): Promise<boolean> {
    for (let place = 0; place < MOST_PLACES; place += 1) {
      const subject = subjectOf(place);
      const isNew = await this.#publish(subject, payload, task);
      const { outage } = this.#jetstream.link;
      if (isNew && this.#readableSince === outage) return true;
      if (!(await this.#isLost(subject, task))) {
        if (isNew) this.#readableSince = outage;
        return true;
      }
      const { logger } = this.#jetstream.link;
      logger.warn({ stream: task.stream, subject }, "the NATS server cannot read a message it has; it is queued again");
    }
    return false;
  }

  /** False: the subject has its message. */
  async #publish(subject: string, payload: string, task: Task): Promise<boolean> {
    try {
      await publishOnce(this.#jetstream, { subject, payload }, task);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.subjectTaken) return false;
      throw storeError(task.doing, error);
    }
  }

  /** It is counted and cannot be read. One that was taken and acked meanwhile is not counted. */
  async #isLost(subject: string, task: Task): Promise<boolean> {
    const { stream, doing } = task;
    try {
      await this.#jetstream.api(`STREAM.MSG.GET.${stream}`, { last_by_subj: subject }, { stream, doing });
      return false;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.errCode !== apiCode.messageNotFound) throw storeError(doing, error);
    }
    const { state } = await this.#jetstream.api<{ state: { subjects?: Readonly<Record<string, number>> } }>(
      `STREAM.INFO.${stream}`,
      { subjects_filter: subject },
      { stream, doing },
    );
    return (state.subjects?.[subject] ?? 0) > 0;
  }
}
