import { deviceWords } from "./device-words.ts";

/** What a device asks at a login by keyboard-interactive (RFC 4256 section 3.2). */
export interface PromptRequest {
  readonly name: string;
  readonly instructions: string;
  readonly prompts: ReadonlyArray<{ readonly prompt: string; readonly echo?: boolean | undefined }>;
}

/** The password may be given, or why it is not, with what to do about it. */
export type PromptVerdict =
  | { readonly kind: "password" }
  | { readonly kind: "refuse"; readonly why: string; readonly advice: string };

/** Whose password it is, as servers write it: `(lab@mx-1)`, `lab@mx-1's`, `for user lab@mx-1`. */
const WHOSE_BEFORE = /^(?:\(([^()\s]+)\)|([^\s()]+)'s)\s+/;
const WHOSE_BEHIND = /\s+(?:for|of)\s+(?:user\s+)?['"`]?([^\s'"`]+)['"`]?$/i;
/** A prompt that asks for the password and nothing else. */
const PASSWORD =
  /^(?:please\s+)?(?:enter\s+|type\s+)?(?:your\s+|the\s+)?(?:(?:login|user|account|system|local|unix|ldap|radius|tacacs\+?|ssh)\s+)?password$/i;
const CHANGE = /\b(?:new|old|current|change|changed|expired|again|re-?enter|re-?type|confirm|repeat|verify)\b/i;
const SECOND_FACTOR =
  /\b(?:one[- ]?time|otp|totp|token|pass-?code|passcode|pin|code|verification|second factor|2fa|mfa|duo|challenge|s\/key|skey|yubikey|authenticator|response)\b/i;
/** The same in what goes with a prompt, where words stand in sentences. */
const TOLD_CHANGE =
  /\bpassword\b[^.]*\bexpired\b|\b(?:change|choose|new)\s+(?:an?\s+|your\s+|the\s+)?(?:new\s+)?password|\bmust\s+(?:be\s+)?chang/i;
const TOLD_FACTOR =
  /\b(?:one[- ]?time|otp|token|pass-?code|verification code|authenticator|second factor|2fa|mfa|challenge)\b/i;

const CHANGE_ADVICE =
  "Log in to the device by hand, set a password that does not have to be changed, and create the edge_router anew with it, then retry.";
const CODE_ADVICE =
  "Let the device accept this login by password alone (NETCONF logins cannot type a code), or use another login, then retry.";
const OTHER_ADVICE = "Let the device ask this login for its password alone, or use another login, then retry.";

/**
 * Decides about one round of questions. Only a single hidden prompt that asks for the password is answered with it, and only
 * once in a login: whatever else the device asks for would learn the password, or would show it.
 * @param answered the password was given in an earlier round of this login
 */
export function judgePrompts(
  { name, instructions, prompts }: PromptRequest,
  { username, answered }: { readonly username: string; readonly answered: boolean },
): PromptVerdict {
  const said = [name, instructions].map((text) => deviceWords(text)).filter((text) => text !== "");
  const texts = prompts.map(({ prompt }) => bare(prompt, username));
  const told = said.join(" ");
  const asked = prompts.map(({ prompt }) => `"${deviceWords(prompt)}"`).join(" and ");
  const refuse = (why: string, advice: string): PromptVerdict => ({
    kind: "refuse",
    why: `${why}: it asks ${asked}${told !== "" ? ` and says "${told}"` : ""}`,
    advice,
  });
  const [only, ...others] = prompts;
  if (only === undefined) return refuse("it asks for nothing", OTHER_ADVICE);
  if (TOLD_CHANGE.test(told) || texts.some((text) => CHANGE.test(text)))
    return refuse("it wants the password changed", CHANGE_ADVICE);
  if (TOLD_FACTOR.test(told) || texts.some((text) => SECOND_FACTOR.test(text)))
    return refuse("it wants more than the password", CODE_ADVICE);
  if (others.length > 0) return refuse("it wants several answers", OTHER_ADVICE);
  // Absent means hidden to no client: RFC 4256 has the field in every prompt.
  if (only.echo !== false) return refuse("it would show what is typed", OTHER_ADVICE);
  if (!PASSWORD.test(bare(only.prompt, username))) return refuse("it does not ask for the password", OTHER_ADVICE);
  if (answered) return refuse("it does not take the password", "Correct the login of the edge_router, then retry.");
  return { kind: "password" };
}

/** The prompt without whose password it is, and without what ends it. A name of the login or with a host may hold any word. */
function bare(prompt: string, username: string): string {
  const line = deviceWords(prompt).replace(/[\s:>?.]+$/, "");
  const isWhose = (name = "") => name.includes("@") || name.toLowerCase() === username.toLowerCase();
  const drop = (whole: string, one?: string, other?: string) => (isWhose(one ?? other) ? "" : whole);
  return line
    .replace(WHOSE_BEFORE, drop)
    .replace(WHOSE_BEHIND, (whole: string, name: string) => drop(whole, name))
    .trim();
}

/** What is said when the device wants a new password by the method `password` (RFC 4252 section 8). */
export function passwordChange(prompt: string): Extract<PromptVerdict, { kind: "refuse" }> {
  const why = `it wants the password changed: it asks "${deviceWords(prompt)}"`;
  return { kind: "refuse", why, advice: CHANGE_ADVICE };
}
