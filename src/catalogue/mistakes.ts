import { type FieldProblem, SignalboxError } from "../errors.ts";

/** Mistakes that an answer lists at most: who makes more than that has sent something else altogether. */
const LISTED = 50;
/** Mistakes that the one-line message lists at most, and the length of a name in it. */
const IN_MESSAGE = 10;
const NAME_IN_MESSAGE = 64;
/** Longest pointer of an answer: a longer one is of a name that no field has, and its beginning says which. */
const LONGEST_POINTER = 512;

/**
 * The mistakes of one request, in the order in which they are found. When there are fifty it is full and takes no more: whoever looks for
 * them stops then, so that a wrong request costs no more than its first fifty mistakes.
 */
export class Mistakes {
  readonly #found: FieldProblem[] = [];
  #more = false;

  /** Nothing that is added from now on is kept. */
  get full(): boolean {
    return this.#more;
  }

  get none(): boolean {
    return this.#found.length === 0;
  }

  add(pointer: string, detail: string): void {
    if (this.#found.length < LISTED) this.#found.push({ pointer: cut(pointer, LONGEST_POINTER), detail });
    else this.#more = true;
  }

  get listed(): readonly FieldProblem[] {
    return this.#found;
  }

  /** All of it in one line, as far as that is short. */
  get summary(): string {
    const shown = this.#found.slice(0, IN_MESSAGE);
    const left = this.#found.length - shown.length;
    const more = this.#more ? `; and at least ${left + 1} more` : left > 0 ? `; and ${left} more` : "";
    return `${shown.map(({ pointer, detail }) => `${cut(pointer, NAME_IN_MESSAGE)} ${detail}`).join("; ")}${more}`;
  }
}

/** The refusal of a body that has mistakes. */
export function invalidBody(type: string, problems: readonly FieldProblem[] | Mistakes): SignalboxError {
  const mistakes = problems instanceof Mistakes ? problems : mistakesOf(problems);
  return new SignalboxError("SB_INVALID_BODY", `the ${type} is not valid: ${mistakes.summary}`, {
    fields: mistakes.listed,
  });
}

export function mistakesOf(problems: readonly FieldProblem[]): Mistakes {
  const mistakes = new Mistakes();
  for (const { pointer, detail } of problems) mistakes.add(pointer, detail);
  return mistakes;
}

/** The beginning of a text that may be very long. */
export function cut(text: string, longest = NAME_IN_MESSAGE): string {
  return text.length > longest ? `${text.slice(0, longest)}...` : text;
}
