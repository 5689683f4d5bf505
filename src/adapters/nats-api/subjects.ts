import { SignalboxError } from "../../errors.ts";

/** What can be asked of a collection, each on a subject of its own. */
export const verbs = ["create", "get", "list", "update", "delete", "retry"] as const;
export type Verb = (typeof verbs)[number];

/** Names of everything that the API has in NATS. */
export class Subjects {
  readonly namespace: string;
  /** What all subjects start with, such as `signalbox.v2`. */
  readonly root: string;

  /**
   * @param namespace first token of all subjects, name of the service, start of the names of the streams
   * @throws SB_CONFIG_INVALID when it has other characters than letters, digits, _ and -
   */
  constructor(namespace = "signalbox") {
    if (!/^[A-Za-z0-9_-]+$/.test(namespace)) {
      throw new SignalboxError(
        "SB_CONFIG_INVALID",
        `the NATS namespace "${namespace}" has other characters than letters, digits, _ and -`,
      );
    }
    this.namespace = namespace;
    this.root = `${namespace}.v2`;
  }

  /** Where requests for a collection go. */
  request(collection: string, verb: Verb): string {
    return `${this.root}.${collection}.${verb}`;
  }

  /** All subjects of the form of a request, also those of no collection. */
  get requests(): string {
    return `${this.root}.*.*`;
  }

  /** Where pages of past transitions are asked for. */
  get replay(): string {
    return `${this.root}.events.replay`;
  }

  /** Where it is asked who did what. */
  get audit(): string {
    return `${this.root}.audit.query`;
  }

  /** Where a resource's transitions are told; `*` for all types or ids. */
  event(type: string, id: string): string {
    return `${this.root}.events.${token(type)}.${token(id)}`;
  }

  /**
   * Where a transition is given to the stream, which tells it on `event` once it is stored. Were it published on `event`, those who
   * listen would also hear what the stream refuses: repetitions, and what another publisher has been faster with.
   */
  stored(type: string, id: string): string {
    return `${this.root}.feed.${token(type)}.${token(id)}`;
  }

  /** The stream of transitions. */
  get stream(): string {
    return `${this.namespace.toUpperCase()}_EVENTS`;
  }

  /** The stream that keeps the last transition when the other one's have all expired. */
  get lastStream(): string {
    return `${this.stream}_LAST`;
  }
}

/** Letters, digits, _ and - as they are, other bytes as =XX. */
function token(text: string): string {
  if (text === "*") return text;
  return text.replace(/[^A-Za-z0-9_-]/gu, (character) =>
    [...Buffer.from(character)].map((byte) => `=${byte.toString(16).padStart(2, "0")}`).join(""),
  );
}
