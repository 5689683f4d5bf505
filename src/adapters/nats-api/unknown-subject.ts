import { SignalboxError } from "../../errors.ts";
import { type Subjects, verbs } from "./subjects.ts";

/** What a request gets that no endpoint serves, as over HTTP: a verb that a collection does not take, or no collection at all. */
export function unknownSubject(subject: string, subjects: Subjects, collections: ReadonlySet<string>): SignalboxError {
  const [collection = "", verb = ""] = subject.slice(subjects.root.length + 1).split(".");
  if (collections.has(collection)) {
    return new SignalboxError(
      "SB_METHOD_NOT_ALLOWED",
      `${collection} does not take ${verb}, only ${verbs.join(", ")}.`,
      {
        advice: "Use one of these as the last token of the subject.",
      },
    );
  }
  return new SignalboxError("SB_NO_SUCH_ROUTE", `There is nothing at ${subject}.`, {
    advice: `The subjects are listed by $SRV.INFO.${subjects.namespace}.`,
  });
}
