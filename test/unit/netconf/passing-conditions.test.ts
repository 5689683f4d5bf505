import { describe, expect, it } from "vitest";
import { passingCondition, passingConditions } from "../../../src/adapters/netconf/passing-conditions.ts";
import { failures, operationError, rpcErrors } from "../../../src/adapters/netconf/rpc-errors.ts";
import { parseXml } from "../../../src/xml/element.ts";

/** What devices say, by the row of the table that it is a case of. */
const examples: Readonly<Record<string, readonly string[]>> = {
  "the candidate is locked": [
    "\nconfiguration database locked by:\n  root terminal p0 (pid 4711) on since 2017-03-01 10:00:00 UTC, idle 00:01:02\n      exclusive [edit]\n",
    "configuration database is already locked",
    "configuration database locked by: root terminal p1 (pid 99) on re1",
    "Candidate db is locked by 1677721",
    "Operation failed, lock is already held",
    "exclusively locked by user admin",
  ],
  "the other routing engine's candidate is locked": [
    "remote lock-configuration failed on re1",
    "error: remote lock-configuration failed on other routing engine",
    "remote unlock-configuration failed on re0",
    "could not lock configuration on re1",
    "cannot lock the configuration of backup routing engine",
  ],
  "somebody left changes in the candidate": [
    "configuration database modified",
    "error: configuration database has been modified",
    "database modified by another user",
    "shared configuration has uncommitted changes",
  ],
  "another commit is under way": [
    "commit is in progress",
    "commit operation is already in progress",
    "error: another commit operation is pending",
    "another commit is running",
    "a commit operation is pending",
  ],
  "the other routing engine does not take part": [
    "remote load-configuration failed on re1",
    "remote commit-configuration failed on re0",
    "remote open-configuration failed on re1",
    "error: could not open the configuration database on re1",
    "error: connection to other routing engine failed",
    "could not connect to re1",
    "backup routing engine is not responding",
    "re1 is not ready for commit",
    "configuration check-out failed on re0",
    "commit failed: (re1) could not be done",
    "commit synchronize failed on re1",
  ],
  "the configuration database cannot be opened": [
    "could not open configuration database during configuration save",
    "unable to access the candidate configuration database",
  ],
  "resources are short": [
    "out of memory",
    "mgd: cannot allocate memory",
    "virtual memory exhausted",
    "insufficient memory to load the configuration",
    "/var: write failed, filesystem is full",
    "No space left on device",
    "could not fork",
    "error: fork failed: Resource temporarily unavailable",
    "too many open files",
    "kernel: proc: table is full",
    "no buffer space available",
  ],
  "the device takes no more sessions": [
    "too many sessions",
    "Too many concurrent NETCONF sessions",
    "maximum number of sessions reached",
    "max sessions exceeded",
    "error: connection limit exceeded",
    "session limit has been reached",
    "Exceeded MaxStartups",
    "Not allowed at this time",
    "no more sessions",
    "(SSH) Channel open failure: resource shortage",
  ],
  "a process of the device does not answer": [
    "mgd: routing process is not running",
    "error: could not connect to snmp daemon",
    "could not open user interface connection: management daemon not responding",
    "mgd is not running",
    "error: the routing subsystem is not running",
    "communication with rpd timed out",
    "request to the mib2d process failed",
    "timeout waiting for the dcd daemon",
    "configuration check-out timed out",
    "commit timed out",
  ],
  "the device is starting or changing over": [
    "system is not ready",
    "chassis is rebooting",
    "mastership switch in progress",
  ],
};

/** What a device says that is there next time too. */
const lasting: readonly string[] = [
  "",
  "syntax error",
  "statement not found",
  "configuration check-out failed",
  "commit failed",
  "permission denied",
  "missing mandatory statement: 'peer-as'",
  "must define local autonomous system when enabling BGP",
  "error: The mime-pattern junos-default-bypass-mime does not exist!",
  "VRRP group conflict: group 1 is configured on two interfaces",
  "invalid value 'full-duplexx' in speed",
  "number of units exceeds the limit of the platform",
  "interface-range must be defined before it is used",
  "operation-not-supported",
  "unknown capability urn:example:x",
];

const complaint = (message: string, more = "") =>
  `<rpc-error><error-tag>operation-failed</error-tag><error-severity>error</error-severity>${more}<error-message>${message}</error-message></rpc-error>`;
function answer(operation: string, body: string) {
  const [first, ...more] = failures(rpcErrors(parseXml(`<rpc-reply>${body}</rpc-reply>`)));
  if (first === undefined) throw new Error("no error");
  return operationError(operation, [first, ...more], "mx-1");
}
const operations = [
  "lock",
  "edit-config",
  "load-configuration",
  "validate",
  "commit-configuration",
  "commit",
  "unlock",
  "get",
];
const objection = complaint("Policy error", "<error-path>[edit policy-options]</error-path>");

describe("what passes by itself", () => {
  it("has an example for each text of each row, and each example is a case of its row alone", () => {
    expect(Object.keys(examples)).toEqual(passingConditions.map(({ name }) => name));
    for (const { name, texts } of passingConditions) {
      for (const text of texts)
        expect(
          examples[name]?.some((said) => text.test(said)),
          String(text),
        ).toBe(true);
      for (const message of examples[name] ?? []) expect(passingCondition({ message })?.name, message).toBe(name);
    }
  });

  describe.each(passingConditions.map((row) => [row.name, row] as const))("%s", (name, { code, advice }) => {
    it.each(examples[name] ?? [])("is tried again, whatever was asked: %s", (message) => {
      for (const operation of operations) {
        const error = answer(operation, complaint(message));
        expect(error).toMatchObject({ code, transient: true, advice, device: "mx-1" });
        // The lines that only say what comes of it do not make it last.
        const more = answer(operation, `${complaint(message)}${complaint("configuration check-out failed")}`);
        expect(more).toMatchObject({ code, transient: true });
      }
    });

    it("does not hide an objection to a statement in the same reply", () => {
      for (const message of examples[name] ?? []) {
        const error = answer("commit-configuration", `${complaint(message)}${objection}`);
        expect(error, message).toMatchObject({ transient: false });
      }
    });

    it("is no error as a warning", () => {
      for (const message of examples[name] ?? []) {
        const warning = complaint(message).replace(">error</error-severity", ">warning</error-severity");
        expect(failures(rpcErrors(parseXml(`<rpc-reply>${warning}</rpc-reply>`)))).toEqual([]);
      }
    });
  });

  it.each([
    ["lock-denied", "SB_LOCK_DENIED"],
    ["in-use", "SB_LOCK_DENIED"],
    ["resource-denied", "SB_DEVICE_BUSY"],
  ])("knows the error-tag %s without any text, and as an error-app-tag", (tag, code) => {
    for (const operation of operations) {
      for (const element of ["error-tag", "error-app-tag"]) {
        const body = `<rpc-error><${element}>${tag}</${element}><error-severity>error</error-severity></rpc-error>`;
        expect(answer(operation, body)).toMatchObject({ code, transient: true });
      }
    }
  });

  it("is found inside what Junos says of each routing engine", () => {
    const engines = ["re0", "re1"].map(
      (name) =>
        `<routing-engine><name>${name}</name>${complaint("remote lock-configuration failed on re1")}</routing-engine>`,
    );
    for (const wrapper of ["commit-results", "multi-routing-engine-results"]) {
      expect(answer("commit-configuration", `<${wrapper}>${engines.join("")}</${wrapper}>`)).toMatchObject({
        code: "SB_LOCK_DENIED",
        transient: true,
      });
    }
    const xnm = `<xnm:error xmlns:xnm="http://xml.juniper.net/xnm/1.1/xnm"><message>remote load-configuration failed on re1</message></xnm:error>`;
    expect(answer("commit-configuration", `<commit-results>${xnm}</commit-results>`)).toMatchObject({
      code: "SB_DEVICE_BUSY",
      transient: true,
    });
  });
});

describe("what does not pass by itself", () => {
  it.each(lasting)("is not tried again: %s", (message) => {
    expect(passingCondition({ message })).toBeUndefined();
    for (const operation of operations) {
      expect(answer(operation, complaint(message)).transient, operation).toBe(false);
    }
  });

  it("is an objection to a statement, though it sounds like a row of the table", () => {
    const path = "<error-path>[edit system services]</error-path>";
    for (const message of ["maximum number of sessions must be below 251", "too many users configured"]) {
      expect(answer("commit-configuration", complaint(message, path))).toMatchObject({
        code: "SB_COMMIT_REJECTED",
        transient: false,
        statement: "[edit system services]",
      });
    }
  });

  it("says that the login lacks a permission, and what to do", () => {
    const body = "<rpc-error><error-tag>access-denied</error-tag><error-severity>error</error-severity></rpc-error>";
    for (const operation of operations) {
      expect(answer(operation, body)).toMatchObject({
        transient: false,
        advice: expect.stringContaining("login class"),
      });
    }
  });
});
