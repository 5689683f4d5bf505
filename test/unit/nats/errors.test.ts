import { ErrorCode, NatsError } from "nats";
import { describe, expect, it } from "vitest";
import { ApiError, isTemporary, storeError } from "../../../src/adapters/nats/api-error.ts";
import { connectError } from "../../../src/adapters/nats/connect-error.ts";
import { type Silence, Unanswered } from "../../../src/adapters/nats/requests.ts";
import { SignalboxError } from "../../../src/errors.ts";

// As nats-server 2.9 answers them (server/errors.json), with one that newer servers have.
const api = (code: number, errCode: number, description: string) =>
  new ApiError({ code, err_code: errCode, description });
const full = api(503, 10077, "maximum bytes exceeded");
const taken = api(503, 10077, "maximum messages per subject exceeded");

describe("errors of JetStream", () => {
  it.each<[string, unknown, boolean]>([
    ["no leader", api(503, 10008, "JetStream system temporarily unavailable"), true],
    ["no room in the account", api(400, 10002, "resource limits exceeded for account"), true],
    ["no room in the store", api(500, 10047, "insufficient storage resources available"), true],
    ["a stream that is full", full, true],
    ["a disk that is full", api(503, 10077, "write /data/1.blk: no space left on device"), true],
    ["a queue that has the message", taken, false],
    ["a wrong expectation", api(400, 10071, "wrong last sequence: 5"), false],
    ["an unknown stream", api(404, 10059, "stream not found"), false],
    ["silence", new Unanswered("timeout", "s"), true],
    ["a lost connection", new Unanswered("lost", "s"), true],
    ["nobody there", new Unanswered("no-responders", "s"), true],
    ["no permission", new Unanswered("refused", "s"), false],
    ["a closed connection", new Unanswered("closed", "s"), false],
    ["something else", new Error("else"), false],
  ])("%s: trying again helps: %s", (_, error, helps) => {
    expect(isTemporary(error)).toBe(helps);
  });

  it.each<[string, unknown, boolean, string, boolean]>([
    ["no leader", api(503, 10008, "JetStream system temporarily unavailable"), false, "SB_STORE_UNREACHABLE", true],
    ["a full stream", full, false, "SB_STORE_FULL", true],
    ["a full account", api(400, 10002, "resource limits exceeded for account"), false, "SB_STORE_FULL", true],
    ["a bad request", api(400, 10025, "bad request"), false, "SB_STORE_FAILED", false],
    ["silence before anything was sent", new Unanswered("no-responders", "s"), false, "SB_STORE_UNREACHABLE", true],
    ["silence after a write", new Unanswered("timeout", "s"), true, "SB_STORE_IN_DOUBT", true],
    ["no permission", new Unanswered("refused", "s"), false, "SB_STORE_AUTH", false],
    ["a closed connection after a write", new Unanswered("closed", "s"), true, "SB_STORE_IN_DOUBT", true],
    ["a closed connection", new Unanswered("closed", "s"), false, "SB_NOT_READY", true],
    [
      "a message that is too large",
      new NatsError("MAX_PAYLOAD_EXCEEDED", "MAX_PAYLOAD_EXCEEDED"),
      false,
      "SB_STORE_FAILED",
      false,
    ],
  ])("%s becomes the table's", (_, error, inDoubt, code, transient) => {
    const made = storeError("It was not done", error, inDoubt);
    expect(made).toMatchObject({ code, transient, cause: error });
    expect(made.message).toMatch(/^It was not done: ./);
  });

  it("leaves an error of the table as it is", () => {
    const error = new SignalboxError("SB_SEQUENCE_CONFLICT", "somebody else");
    expect(storeError("It was not done", error)).toBe(error);
  });

  it.each<[Silence, boolean]>([
    ["timeout", true],
    ["lost", true],
    ["no-responders", false],
    ["refused", false],
    ["closed", false],
  ])("a request that ends with %s may have been carried out: %s", (silence, mayHave) => {
    expect(new Unanswered(silence, "s").inDoubt).toBe(mayHave);
  });
});

describe("errors of the connection", () => {
  const refused = NatsError.errorForCode(ErrorCode.ConnectionRefused, new Error("connect ECONNREFUSED 127.0.0.1:1"));
  const tls = Object.assign(new Error("self-signed certificate in certificate chain"), {
    code: "SELF_SIGNED_CERT_IN_CHAIN",
  });

  it.each<[string, unknown, string, boolean, string]>([
    ["nobody listens", refused, "SB_STORE_UNREACHABLE", true, "ECONNREFUSED"],
    ["no such name", new Error("getaddrinfo ENOTFOUND a"), "SB_STORE_UNREACHABLE", true, "ENOTFOUND"],
    ["a wrong login", NatsError.errorForCode(ErrorCode.AuthorizationViolation), "SB_STORE_AUTH", false, "login"],
    ["an unknown certificate", tls, "SB_STORE_UNREACHABLE", false, "over TLS"],
    ["no TLS there", new NatsError("tls", ErrorCode.ServerOptionNotAvailable), "SB_CONFIG_INVALID", false, "TLS"],
    ["no credentials", NatsError.errorForCode(ErrorCode.BadCreds), "SB_CONFIG_INVALID", false, "credentials"],
  ])("%s", (_, thrown, code, transient, text) => {
    const error = connectError(["nats://u:secret@a:4222", "b:4222"], thrown);
    expect(error).toMatchObject({ code, transient, cause: thrown });
    expect(error.message).toContain(text);
    expect(error.message).toContain("nats://a:4222, b:4222");
    expect(error.message).not.toContain("secret");
  });
});
