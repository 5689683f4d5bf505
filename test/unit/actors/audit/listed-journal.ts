import type { JournalledRequest, RequestJournal } from "../../../../src/actors/audit/audit-journal.ts";
import type { ErrorCode } from "../../../../src/errors.ts";

/** Lists what it is given to keep. */
export class ListedJournal implements RequestJournal {
  readonly entries: Array<
    JournalledRequest & { readonly kept: "refused" | "read" | "done"; readonly error?: ErrorCode }
  > = [];

  refused(request: JournalledRequest, error: ErrorCode): void {
    this.entries.push({ ...request, kept: "refused", error });
  }

  read(request: JournalledRequest): void {
    this.entries.push({ ...request, kept: "read" });
  }

  async act(request: JournalledRequest): Promise<void> {
    this.entries.push({ ...request, kept: "done" });
  }
}
