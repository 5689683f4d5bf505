import { describe, expect, it } from "vitest";
import { asCallError, EtcdCallError } from "../../../src/adapters/etcd/call-error.ts";
import { asStoreError, isUnreachable } from "../../../src/adapters/etcd/store-error.ts";

// Status and text as etcd 3.4 and @grpc/grpc-js 1.14 give them.
const seen: ReadonlyArray<readonly [number, string, string, "never made" | "perhaps made"]> = [
  [14, "No connection established. Last error: Error: connect ECONNREFUSED", "SB_STORE_UNREACHABLE", "never made"],
  [14, "Name resolution failed for target dns:etcd.invalid:2379", "SB_STORE_UNREACHABLE", "never made"],
  [14, "Channel closed before call started", "SB_STORE_UNREACHABLE", "never made"],
  [4, "Deadline exceeded after 1.000s,Waiting for LB pick", "SB_STORE_UNREACHABLE", "never made"],
  [14, "etcdserver: no leader", "SB_STORE_UNREACHABLE", "never made"],
  [12, "Received HTTP status code 404", "SB_STORE_UNREACHABLE", "never made"],
  [
    4,
    "Deadline exceeded after 1.000s,LB pick: 0.002s,remote_addr=192.0.2.1:2379",
    "SB_STORE_UNREACHABLE",
    "perhaps made",
  ],
  [
    4,
    "Deadline exceeded after 1.000s,previous attempts: 1,Waiting for LB pick",
    "SB_STORE_UNREACHABLE",
    "perhaps made",
  ],
  [14, "Connection dropped", "SB_STORE_UNREACHABLE", "perhaps made"],
  [14, "read ECONNRESET", "SB_STORE_UNREACHABLE", "perhaps made"],
  [14, "etcdserver: request timed out", "SB_STORE_UNREACHABLE", "perhaps made"],
  [14, "etcdserver: leader changed", "SB_STORE_UNREACHABLE", "perhaps made"],
  [13, "Received RST_STREAM with code 2", "SB_STORE_UNREACHABLE", "perhaps made"],
  [1, "Cancelled on client", "SB_STORE_UNREACHABLE", "perhaps made"],
  [2, "context deadline exceeded", "SB_STORE_UNREACHABLE", "perhaps made"],
  [8, "etcdserver: mvcc: database space exceeded", "SB_STORE_FULL", "never made"],
  [8, "etcdserver: too many requests", "SB_STORE_FAILED", "never made"],
  [8, "grpc: received message larger than max (20000018 vs. 2097152)", "SB_TRANSACTION_TOO_LARGE", "never made"],
  [3, "etcdserver: request is too large", "SB_TRANSACTION_TOO_LARGE", "never made"],
  [3, "etcdserver: too many operations in txn request", "SB_TRANSACTION_TOO_LARGE", "never made"],
  [5, "etcdserver: requested lease not found", "SB_TIMEOUT", "never made"],
  [3, "etcdserver: authentication failed, invalid user ID or password", "SB_STORE_AUTH", "never made"],
  [3, "etcdserver: user name is empty", "SB_STORE_AUTH", "never made"],
  [9, "etcdserver: authentication is not enabled", "SB_STORE_AUTH", "never made"],
  [7, "etcdserver: permission denied", "SB_STORE_AUTH", "never made"],
  [16, "etcdserver: invalid auth token", "SB_STORE_AUTH", "never made"],
  [15, "etcdserver: corrupt cluster", "SB_STORE_FAILED", "perhaps made"],
];

describe("a failed request", () => {
  it.each(seen)("with status %i, %j is %s and was %s", (status, details, code, made) => {
    const error = asCallError(Object.assign(new Error(`${status} NAME: ${details}`), { code: status, details }));
    expect(error.mayHaveHappened ? "perhaps made" : "never made").toBe(made);
    const shown = asStoreError("The documents were not written", error, "http://192.0.2.1:2379");
    expect(shown.code).toBe(code);
    expect(shown.message).toBe(`The documents were not written: ${details} (http://192.0.2.1:2379)`);
    expect(shown.advice).not.toBe("");
    expect(shown.cause).toBe(error);
    // What is transient at one endpoint is tried at the next; a refusal is not.
    expect(isUnreachable(error)).toBe(code === "SB_STORE_UNREACHABLE" || details.includes("too many requests"));
  });

  it("counts as perhaps made when its text is not known", () => {
    expect(new EtcdCallError(14, "a text of a later version").mayHaveHappened).toBe(true);
    expect(asCallError("no error at all")).toMatchObject({ code: 2, mayHaveHappened: true });
  });

  it("names the certificate as a cause when TLS fails", () => {
    const error = new EtcdCallError(14, "No connection established. Last error: Error: self-signed certificate");
    expect(asStoreError("The revision could not be read", error, "https://192.0.2.1:2379").advice).toContain("CA");
  });
});
