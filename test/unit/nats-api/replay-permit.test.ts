import { afterEach, beforeEach, expect, it } from "vitest";
import type { StreamPermit } from "../../../src/actors/access/stream-permits.ts";
import { type ApiEndpoint, type EndpointCall, endpointsOf } from "../../../src/adapters/nats-api/endpoints.ts";
import { Subjects } from "../../../src/adapters/nats-api/subjects.ts";
import { SignalboxError } from "../../../src/errors.ts";
import { FakeGateway } from "../http/fake-gateway.ts";

let gateway: FakeGateway;
let replay: ApiEndpoint;
let ending: AbortController;
let open: number;
beforeEach(async () => {
  gateway = new FakeGateway();
  await gateway.create("edge_router", { name: "r1" });
  const found = endpointsOf(gateway.types, new Subjects(), "").find(({ name }) => name === "replay_events");
  if (found === undefined) throw new Error("there is no replay");
  replay = found;
  ending = new AbortController();
  open = 0;
});
afterEach(() => expect(open).toBe(0));

const permit = (): StreamPermit => {
  open += 1;
  return {
    signal: ending.signal,
    release: () => {
      open -= 1;
    },
  };
};
const call = (openStream: EndpointCall["openStream"]) =>
  replay.call({
    body: {},
    key: () => ({}),
    versions: () => ({}),
    tag: () => {},
    answerBytes: 10_000,
    api: gateway,
    openStream,
  });

it("a replay is one stream for as long as it takes", async () => {
  expect(await call(permit)).toMatchObject({ more: false });
  const tooMany = () => {
    throw new SignalboxError("SB_TOO_MANY_STREAMS", "as many as one caller may have");
  };
  await expect(call(tooMany)).rejects.toMatchObject({ code: "SB_TOO_MANY_STREAMS" });
});

it("it ends with the right to it, and tells nothing of what it has read", async () => {
  const reason = new SignalboxError("SB_UNAUTHENTICATED", "the token is not known");
  const transitions = gateway.transitions.bind(gateway);
  gateway.transitions = async function* (options) {
    ending.abort(reason);
    yield* transitions(options);
  };
  await expect(call(permit)).rejects.toBe(reason);
});
