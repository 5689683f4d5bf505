const LONGEST = 300;
const MASK = "***";
/** Sequences by which terminals are told colours and positions (ECMA-48). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const ESCAPE_SEQUENCE = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)?|[ -/]*[0-~])/g;
/** Whatever is not shown, or changes how the rest is shown. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\uFFFE\uFFFF]+/gu;
/** Passwords as Junos writes them: `$9$` can be read back, `$1$`, `$5$`, `$6$` can be guessed at. */
const CRYPTED = /\$(?:[1-9]|sha1|2[aby])\$[^\s"'<>;]+/g;

/**
 * What a device said, fit to be shown in a message: one line without control characters, bounded, without secrets.
 * @param hidden values that are masked where the device repeats them
 */
export function deviceWords(text: string, hidden: readonly (string | undefined)[] = [], longest = LONGEST): string {
  let shown = text.replace(ESCAPE_SEQUENCE, "").replace(UNSEEN, " ").replace(/\s+/g, " ").trim();
  for (const value of hidden) if (value !== undefined && value !== "") shown = shown.replaceAll(value, MASK);
  shown = shown.replace(CRYPTED, MASK);
  if (shown.length <= longest) return shown;
  return `${shown.slice(0, longest).replace(/[\uD800-\uDBFF]$/, "")}...`;
}
