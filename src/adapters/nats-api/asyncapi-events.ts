import type { Subjects } from "./subjects.ts";

type Part = { readonly [word: string]: unknown };

const parameters = {
  type: { description: "Type of the resource, such as gw_interface" },
  id: { description: "Id of the resource" },
};

/** Where transitions are told, and where past ones are asked for. */
export function eventChannels(subjects: Subjects): Part {
  return {
    events: {
      address: `${subjects.root}.events.{type}.{id}`,
      title: "Transitions, live",
      description:
        "Each committed transition, once and in the order of the log, as soon as the stream has stored it. " +
        "Subscribe with * for all types or ids.",
      parameters,
      messages: { transition: { $ref: "#/components/messages/live_transition" } },
    },
    stored_events: {
      address: `${subjects.root}.feed.{type}.{id}`,
      title: `Transitions, in the stream ${subjects.stream}`,
      description:
        `The subjects of the JetStream stream ${subjects.stream}, for consumers that begin at a sequence or a time. ` +
        "Only the gateway publishes here.",
      parameters,
      messages: { transition: { $ref: "#/components/messages/transition" } },
    },
    replay_events: {
      address: subjects.replay,
      title: "Transitions, in pages",
      description: "Past transitions from the log itself, for clients without JetStream.",
      messages: { request: { $ref: "#/components/messages/replay_events" } },
    },
  };
}

export function eventOperations(subjects: Subjects): Part {
  const send = (channel: string, summary: string): Part => ({
    action: "send",
    summary,
    tags: [{ name: "events" }],
    channel: { $ref: `#/channels/${channel}` },
    messages: [{ $ref: `#/channels/${channel}/messages/transition` }],
  });
  return {
    tell_events: send("events", "Tell each committed transition"),
    store_events: send("stored_events", "Keep each committed transition for a while"),
    replay_events: {
      action: "receive",
      summary: "Show past transitions from a position of the log on",
      tags: [{ name: "events" }],
      channel: { $ref: "#/channels/replay_events" },
      messages: [{ $ref: "#/channels/replay_events/messages/request" }],
      bindings: { nats: { queue: `${subjects.namespace}-gateway` } },
      reply: {
        channel: { $ref: "#/channels/replies" },
        messages: [{ $ref: "#/channels/replies/messages/replay" }, { $ref: "#/channels/replies/messages/problem" }],
      },
    },
  };
}

export function eventMessages(): Part {
  return {
    transition: {
      title: "A committed transition of a resource",
      headers: { $ref: "#/components/schemas/StoredHeaders" },
      payload: { $ref: "#/components/schemas/Transition" },
    },
    live_transition: {
      title: "A committed transition of a resource",
      headers: { $ref: "#/components/schemas/LiveHeaders" },
      payload: { $ref: "#/components/schemas/Transition" },
    },
    replay_events: {
      title: "Which transitions",
      headers: { $ref: "#/components/schemas/RequestHeaders" },
      payload: { $ref: "#/components/schemas/ReplayRequest" },
    },
    answer_replay: {
      title: "A page of transitions",
      headers: { $ref: "#/components/schemas/AnswerHeaders" },
      payload: { $ref: "#/components/schemas/ReplayPage" },
    },
  };
}

export function eventSchemas(): Part {
  const stored = {
    "Signalbox-Seq": { type: "string", pattern: "^[0-9]+$", description: "Position in the log" },
    "Nats-Msg-Id": { type: "string", pattern: "^transition-[0-9]+$" },
  };
  return {
    StoredHeaders: { type: "object", properties: stored, required: Object.keys(stored) },
    LiveHeaders: {
      type: "object",
      properties: {
        ...stored,
        "Nats-Stream": { type: "string", description: "Name of the stream" },
        "Nats-Subject": { type: "string", description: "Subject in the stream" },
        "Nats-Sequence": { type: "string", description: "Sequence in the stream: a replay begins after it" },
        "Nats-Last-Sequence": { type: "string", description: "Sequence of the one before it on its subject" },
      },
      required: [...Object.keys(stored), "Nats-Stream", "Nats-Sequence"],
    },
    ReplayRequest: {
      type: "object",
      properties: {
        from: { type: "integer", minimum: 0, default: 1, description: "Position in the log of the first one" },
        limit: { type: "integer", minimum: 1, maximum: 1000, default: 100, description: "Most transitions to answer" },
      },
      additionalProperties: false,
    },
    ReplayPage: {
      type: "object",
      required: ["transitions", "next", "more"],
      properties: {
        transitions: { type: "array", items: { $ref: "#/components/schemas/Transition" } },
        next: { type: "integer", description: "The `from` of the next page" },
        more: { type: "boolean", description: "There is more already" },
      },
    },
  };
}
