import { describe, expect, it } from "vitest";
import { failures, isMissing, operationError, rpcErrors } from "../../../src/adapters/netconf/rpc-errors.ts";
import { parseXml } from "../../../src/xml/element.ts";

const errorsOf = (body: string) =>
  rpcErrors(parseXml(`<rpc-reply xmlns:junos="http://xml.juniper.net/junos/16.1R1/junos">${body}</rpc-reply>`));
function typed(operation: string, body: string) {
  const [first, ...more] = failures(errorsOf(body));
  if (first === undefined) throw new Error("no error");
  return operationError(operation, [first, ...more], "mx-1");
}

describe("rpc-errors", () => {
  it("names session and user that hold the lock", () => {
    const error = typed(
      "lock",
      `<rpc-error><error-type>protocol</error-type><error-tag>lock-denied</error-tag><error-severity>error</error-severity>
       <error-message>
configuration database locked by:
  admin terminal p0 (pid 4711) on since 2017-03-01 10:00:00 UTC, idle 00:01:02
      exclusive [edit]
       </error-message><error-info><session-id>4711</session-id></error-info></rpc-error>`,
    );
    expect(error).toMatchObject({ code: "SB_LOCK_DENIED", device: "mx-1", transient: true });
    expect(error.message).toBe("mx-1: lock held by session 4711 (user admin)");
  });

  it("names a holder that has no NETCONF session by what the device says", () => {
    const body = (message: string) =>
      `<rpc-error><error-tag>lock-denied</error-tag><error-severity>error</error-severity><error-message>${message}</error-message><error-info><session-id>0</session-id></error-info></rpc-error>`;
    expect(typed("lock", body("configuration database locked by: root terminal (pid 99)")).message).toBe(
      "mx-1: lock held by process 99 (user root)",
    );
    expect(typed("lock", body("held by somebody")).message).toBe("mx-1: lock denied: held by somebody");
    expect(typed("lock", body("configuration database modified")).code).toBe("SB_LOCK_DENIED");
  });

  it("names line, token and path of a load that is rejected", () => {
    const error = typed(
      "load-configuration",
      `<load-configuration-results><rpc-error><error-type>protocol</error-type><error-tag>operation-failed</error-tag>
       <error-severity>error</error-severity><error-message>syntax error</error-message><line-number>12</line-number>
       <edit-path>[edit interfaces ae0]</edit-path><error-info><bad-element>untis</bad-element></error-info></rpc-error>
       <load-error-count>1</load-error-count></load-configuration-results>`,
    );
    expect(error.code).toBe("SB_LOAD_REJECTED");
    expect(error.message).toBe(
      'mx-1 rejects load-configuration: syntax error, line 12, at "untis", in [edit interfaces ae0]',
    );
    expect(error.statement).toBe("[edit interfaces ae0] untis");
  });

  it("names the statement that a commit check rejects, and counts the others", () => {
    const one = (message: string) =>
      `<rpc-error><error-severity>error</error-severity><error-path>[edit policy-options]</error-path><error-info><bad-element>from</bad-element></error-info><error-message>${message}</error-message></rpc-error>`;
    const error = typed(
      "commit-configuration",
      `<commit-results><routing-engine><name>re0</name>${one("Policy error")}${one("configuration check-out failed")}</routing-engine></commit-results>`,
    );
    expect(error).toMatchObject({ code: "SB_COMMIT_REJECTED", statement: "[edit policy-options] from" });
    expect(error.message).toContain("Policy error");
    expect(error.message).toContain("and 1 more error");
  });

  it("reads Junos's own error element, and leaves data alone that only looks like errors", () => {
    expect(
      errorsOf('<error xmlns="http://xml.juniper.net/xnm/1.1/xnm"><message>no such instance</message></error>'),
    ).toMatchObject([{ severity: "error", message: "no such instance" }]);
    expect(errorsOf("<data><rpc-error><error-tag>x</error-tag></rpc-error></data><error>5</error>")).toEqual([]);
  });

  it("tells a delete of nothing from a mandatory part that is missing", () => {
    const missing = (tags: string) =>
      errorsOf(`<rpc-error>${tags}<error-severity>error</error-severity></rpc-error>`).map(isMissing);
    expect(missing("<error-tag>data-missing</error-tag><error-app-tag>data-incomplete</error-app-tag>")).toEqual([
      true,
    ]);
    expect(missing("<error-tag>data-missing</error-tag><error-app-tag>instance-required</error-app-tag>")).toEqual([
      false,
    ]);
    expect(
      missing("<error-tag>operation-failed</error-tag><error-message>statement not found: x</error-message>"),
    ).toEqual([true]);
  });

  it("takes warnings for no failure, and anything else for a failed request", () => {
    const warning =
      "<rpc-error><error-severity>warning</error-severity><error-message>statement not found</error-message></rpc-error>";
    expect(failures(errorsOf(warning))).toEqual([]);
    expect(
      typed("get-vrrp-information", "<rpc-error><error-tag>operation-not-supported</error-tag></rpc-error>"),
    ).toMatchObject({
      code: "SB_RPC_FAILED",
      message: "mx-1 rejects get-vrrp-information: operation-not-supported",
    });
  });
});
