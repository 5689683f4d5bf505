import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SnmpClient } from "../../../src/actors/ports.ts";

const SYS_UP_TIME = "1.3.6.1.2.1.1.3.0";
const SYS_NAME = "1.3.6.1.2.1.1.5.0";
const IF_NAME = "1.3.6.1.2.1.31.1.1.1.1";
const IF_OPER_STATUS = "1.3.6.1.2.1.2.2.1.8";
const IF_HC_IN_OCTETS = "1.3.6.1.2.1.31.1.1.1.6";

export interface SnmpSubject {
  readonly client: SnmpClient;
  readonly device: string;
  /** A community that the agent answers, and one that is configured and that it does not know. */
  readonly community: string;
  readonly wrongCommunity: string;
  /** An interface that is up, and its index. */
  readonly interface: { readonly name: string; readonly index: number };
  stop(): Promise<void>;
}

/** What every SnmpClient does with every agent. */
export function snmpClientContract(name: string, start: () => Promise<SnmpSubject>): void {
  describe(`SnmpClient: ${name}`, () => {
    let subject: SnmpSubject;
    beforeAll(async () => {
      subject = await start();
    });
    afterAll(() => subject.stop());
    const get = (...oids: string[]) => subject.client.get(subject.device, subject.community, oids);
    const column = (oid: string) => subject.client.column(subject.device, subject.community, oid);

    it("reads a scalar as a number", async () => {
      const [uptime] = await get(SYS_UP_TIME);
      expect(typeof uptime).toBe("number");
      expect(uptime).toBeGreaterThanOrEqual(0);
    });

    it("reads an octet string as text", async () => {
      const [text] = await get(SYS_NAME);
      expect(typeof text).toBe("string");
      expect(text).not.toBe("");
    });

    it("reads several instances in the order asked", async () => {
      const { name: ifName, index } = subject.interface;
      const values = await get(`${IF_OPER_STATUS}.${index}`, `${IF_NAME}.${index}`, `${IF_OPER_STATUS}.${index}`);
      expect(values).toEqual([1, ifName, 1]);
    });

    it("reads a Counter64 as bigint", async () => {
      const [octets] = await get(`${IF_HC_IN_OCTETS}.${subject.interface.index}`);
      expect(typeof octets).toBe("bigint");
    });

    it("gives undefined in the place of what does not exist, and the rest all the same", async () => {
      const { name: ifName, index } = subject.interface;
      const values = await get("1.3.6.1.4.1.99999.1.0", `${IF_NAME}.${index}`, `${IF_NAME}.999999`);
      expect(values).toEqual([undefined, ifName, undefined]);
    });

    it("answers nothing for no instances", async () => {
      expect(await get()).toEqual([]);
    });

    it("reads a column from index to value and stops at its end", async () => {
      const names = await column(IF_NAME);
      expect(names.get(String(subject.interface.index))).toBe(subject.interface.name);
      expect([...names.values()].every((value) => typeof value === "string")).toBe(true);
      const states = await column(IF_OPER_STATUS);
      expect([...states.keys()]).toEqual([...names.keys()]);
      expect([...states.values()].every((value) => typeof value === "number")).toBe(true);
    });

    it("reads a column that does not exist as empty", async () => {
      expect(await column("1.3.6.1.4.1.99999.1")).toEqual(new Map());
    });

    it("keeps answers apart when many ask at once", async () => {
      const { name: ifName, index } = subject.interface;
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, turn) =>
          turn % 2 === 0 ? get(`${IF_NAME}.${index}`) : get(`${IF_OPER_STATUS}.${index}`, `${IF_NAME}.9999${turn}`),
        ),
      );
      for (const [turn, answer] of answers.entries())
        expect(answer).toEqual(turn % 2 === 0 ? [ifName] : [1, undefined]);
    });

    it("names device and address when a community gets no answer", async () => {
      const asked = subject.client.get(subject.device, subject.wrongCommunity, [SYS_UP_TIME]);
      await expect(asked).rejects.toMatchObject({
        code: "SB_SNMP_TIMEOUT",
        device: subject.device,
        message: expect.stringMatching(new RegExp(`${subject.device} at 127\\.0\\.0\\.1:\\d+`)),
      });
    });

    it("refuses a community that is not configured, by name", async () => {
      const asked = subject.client.get(subject.device, "NO_SUCH_COMMUNITY", [SYS_UP_TIME]);
      await expect(asked).rejects.toMatchObject({
        code: "SB_CONFIG_INVALID",
        message: expect.stringContaining("NO_SUCH_COMMUNITY"),
      });
    });

    it("refuses what is no object identifier", async () => {
      await expect(get("ifName.1")).rejects.toMatchObject({ code: "SB_SNMP_FAILED" });
    });
  });
}
