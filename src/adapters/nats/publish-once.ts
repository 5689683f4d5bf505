import { headers } from "nats";
import type { JetStream, Task } from "./jetstream.ts";
import { messageIdHeader } from "./stored-message.ts";

/**
 * Stores a message in a stream, once, however often it is sent over an outage.
 * @throws ApiError, as of a subject that is full; SignalboxError
 */
export async function publishOnce(
  jetstream: JetStream,
  message: { subject: string; payload: string },
  task: Task,
): Promise<void> {
  const made = headers();
  made.append(messageIdHeader, jetstream.link.random.uuid());
  await jetstream.persist(task, () => jetstream.ask(message.subject, message.payload, made));
}
