import { describe, expect, it } from "vitest";
import { ApiError, apiCode } from "../../../src/adapters/nats/api-error.ts";
import { ensureStream } from "../../../src/adapters/nats/ensure-stream.ts";
import type { JetStream } from "../../../src/adapters/nats/jetstream.ts";
import type { StreamConfig } from "../../../src/adapters/nats/layout.ts";

const wanted: StreamConfig = {
  name: "signalbox-log",
  description: "Signalbox event log, layout 1",
  subjects: ["signalbox.log.>"],
  retention: "limits",
  storage: "file",
  num_replicas: 1,
  max_msgs_per_subject: 10,
  max_bytes: -1,
  max_msgs: -1,
  max_age: 0,
  discard: "new",
  discard_new_per_subject: false,
  duplicate_window: 1,
};

/** A server where the stream is not there when it is asked for and `refusal` answers its creation, as seen in a race. */
function racing(refusal: ApiError, thereAfterwards: boolean): { jetstream: JetStream; asked: string[] } {
  const asked: string[] = [];
  const api = (subject: string) => {
    asked.push(subject.split(".")[1] ?? "");
    if (subject.startsWith("STREAM.CREATE")) return Promise.reject(refusal);
    return thereAfterwards && asked.length > 1
      ? Promise.resolve({ config: wanted, state: { messages: 0, bytes: 0, last_seq: 0 } })
      : Promise.reject(new ApiError({ code: 404, err_code: apiCode.streamNotFound }));
  };
  return { jetstream: { api } as unknown as JetStream, asked };
}

const overlap = new ApiError({ code: 400, err_code: 10065, description: "subjects overlap with an existing stream" });
const nameTaken = new ApiError({ code: 400, err_code: apiCode.streamNameExists, description: "name in use" });

describe("a stream that two processes make at the same time", () => {
  it.each([overlap, nameTaken])("is there for both, when the server tells the second: $message", async (refusal) => {
    const { jetstream, asked } = racing(refusal, true);
    await ensureStream(jetstream, wanted);
    expect(asked).toEqual(["INFO", "CREATE", "INFO"]);
  });

  it("is told from one whose subjects are another's", async () => {
    const { jetstream } = racing(overlap, false);
    await expect(ensureStream(jetstream, wanted)).rejects.toThrow(
      "The subjects of the stream signalbox-log belong to another stream already",
    );
  });
});
