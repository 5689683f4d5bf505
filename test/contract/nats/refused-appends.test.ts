import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startNatsProcess, startNatsServer } from "../../servers/nats-server.ts";
import { all, BACK, LOST, LogBook, Opened } from "./opened.ts";

/** What a caller waits at most: its patience, and the time of a busy machine. */
const PATIENCE_MS = 800;

describe("an append for somebody who waits", () => {
  const opened = new Opened();
  let book: LogBook;
  beforeEach(() => {
    book = new LogBook();
  });
  afterEach(() => opened.close());

  it("is refused by a full stream, and is not stored when there is room again", async () => {
    const server = await startNatsServer();
    opened.later(() => server.stop());
    const { log } = await opened.stores(server.address, { maxBytes: 1_000_000 });
    const text = "x".repeat(200_000);
    for (let n = 0; n < 4; n += 1) await log.append(`s${n}`, text, { expectedSeq: 0, messageId: `m${n}` });
    const append = () => log.append("late", text, { expectedSeq: 0, messageId: "late", patienceMs: PATIENCE_MS });
    await expect(append()).rejects.toMatchObject({ code: "SB_STORE_FULL", transient: true });
    await log.purge("s0");
    await log.append("small", 1, { expectedSeq: 0, messageId: "small" });
    expect(await log.last("late")).toBeUndefined();
    await append();
    expect(await log.last("late")).toBeDefined();
  });

  it("is refused while the server is away, and is not stored when it is back", async () => {
    const server = await startNatsProcess();
    opened.later(() => server.stop());
    const { log } = await opened.stores(server.address, { logger: book.logger });
    await log.append("first", 1, { expectedSeq: 0, messageId: "first" });
    await server.kill();
    await book.wrote(LOST);
    const append = (n: number) =>
      log.append(`late${n}`, n, { expectedSeq: 0, messageId: `late${n}`, patienceMs: PATIENCE_MS });
    const refused = await Promise.allSettled([append(1), append(2), append(3)]);
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "SB_STORE_UNREACHABLE" } });
    }
    await server.start();
    await book.wrote(BACK);
    await append(4);
    expect((await all(log.read(1))).map(({ subject }) => subject)).toEqual(["first", "late4"]);
    expect(book.told).toEqual([LOST, BACK]);
  });
});
