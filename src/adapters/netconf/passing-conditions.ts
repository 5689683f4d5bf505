import type { ErrorCode } from "../../errors.ts";

/** What a device said when it did not do what it was asked to: an rpc-error, or text in place of a session. */
export interface Said {
  readonly message: string;
  /** error-tag and error-app-tag of an rpc-error (RFC 6241 appendix A); "" where there is none. */
  readonly tag?: string;
  readonly appTag?: string;
}

/** A reason that is gone after a while without anybody correcting a resource: the same request may succeed then. */
export interface PassingCondition {
  readonly name: string;
  /** Code of an rpc-error that says so; before a session is up it is SB_DEVICE_REFUSED. */
  readonly code: Extract<ErrorCode, "SB_LOCK_DENIED" | "SB_DEVICE_BUSY">;
  readonly tags: readonly string[];
  readonly texts: readonly RegExp[];
  readonly advice: string;
}

const ENGINE = /(?:re\d|other|backup|remote|master|primary|standby)(?: routing[ -]engine)?/.source;
/** Junos's processes that take part in a check or a commit, or answer an operational request. */
const DAEMON =
  /(?:daemon|process|subsystem|mgd|rpd|dcd|chassisd|snmpd|ppmd|bfdd|vrrpd|pfed|dfwd|cosd|lacpd|eventd|authd|jdhcpd|l2ald|l2cpd|auditd|mib2d|cfmd|kmd|nsd|alarmd|sampled|rmopd|ffp)/
    .source;
const any = (source: string): RegExp => new RegExp(source, "i");

/**
 * The table of what passes by itself, the first that fits wins. Texts are those of Junos (its own messages and those of FreeBSD
 * and OpenSSH below it) and of other NETCONF servers; a test has an example for each row and each text.
 */
export const passingConditions: readonly PassingCondition[] = [
  {
    name: "the candidate is locked",
    code: "SB_LOCK_DENIED",
    tags: ["lock-denied", "in-use"],
    texts: [
      /configuration database (?:is )?(?:already )?locked/i,
      /(?:lock|candidate|datastore) (?:db )?is (?:already )?(?:held|locked) by/i,
      /lock is already held/i,
      /exclusive(?:ly)? (?:locked|lock held) by/i,
    ],
    advice: "End the session that holds it, or wait for it, then retry.",
  },
  {
    name: "the other routing engine's candidate is locked",
    code: "SB_LOCK_DENIED",
    tags: [],
    texts: [
      /remote (?:un)?lock-configuration failed/i,
      any(`(?:could not|cannot|unable to|failed to) lock .*\\b${ENGINE}\\b`),
    ],
    advice:
      "End the configuration session on the other routing engine (`request routing-engine login`), or wait for it, then retry.",
  },
  {
    name: "somebody left changes in the candidate",
    code: "SB_LOCK_DENIED",
    tags: [],
    texts: [/(?:configuration )?database (?:has been |is |was )?modified/i, /uncommitted changes/i],
    advice: "Commit them on the device or take them back there (`rollback 0`), then retry.",
  },
  {
    name: "another commit is under way",
    code: "SB_DEVICE_BUSY",
    tags: [],
    texts: [
      /\bcommit(?: operation| process)? (?:is |already |is already )?(?:in progress|under ?way|running|ongoing)/i,
      /another commit\b/i,
      /commit .*\b(?:is|operation) pending/i,
    ],
    advice: "Wait for the other commit (`show system commit`), then retry.",
  },
  {
    name: "the other routing engine does not take part",
    code: "SB_DEVICE_BUSY",
    tags: [],
    texts: [
      /remote (?:open|close|load|commit|check|discard|rollback)[a-z-]* failed/i,
      any(`(?:could not|cannot|unable to|failed to) open (?:the )?configuration database (?:on|of) (?:the )?${ENGINE}`),
      any(`(?:connect\\w*|communicat\\w+) (?:to|with) (?:the )?${ENGINE}`),
      any(`\\b${ENGINE}\\b.* (?:is )?not (?:responding|reachable|ready|present|available)`),
      /configuration check-out failed on re\d/i,
      /commit (?:synchroni[sz]e )?failed:? (?:on )?\(?re\d\)?/i,
    ],
    advice:
      "Look at the other routing engine (`show chassis routing-engine`) and its configuration sessions, then retry.",
  },
  {
    name: "the configuration database cannot be opened",
    code: "SB_DEVICE_BUSY",
    tags: [],
    texts: [
      /(?:could not|cannot|unable to|failed to) (?:open|access|read|write) (?:the )?(?:shared |candidate )?configuration database/i,
    ],
    advice: "Look at the device's disk and at its management process (mgd), then retry.",
  },
  {
    name: "resources are short",
    code: "SB_DEVICE_BUSY",
    tags: ["resource-denied"],
    texts: [
      /out of (?:memory|swap|disk|space|resources|file descriptors)/i,
      /(?:cannot|could not|unable to|failed to) allocate/i,
      /memory (?:is )?exhausted|insufficient (?:memory|resources|space|disk)|not enough (?:memory|space|resources)/i,
      /no space left|(?:disk|file ?system|partition|\/[a-z/]+)(?:: write failed,)? (?:file ?system )?(?:is )?full/i,
      /(?:could not|cannot|can't|unable to|failed to) fork|fork(?:ing)? failed|resource temporarily unavailable/i,
      /too many open files|(?:file|proc(?:ess)?):? table (?:is full|overflow)|no buffer space/i,
    ],
    advice: "Free what the message names on the device (`show system storage`, `show system memory`), then retry.",
  },
  {
    name: "the device takes no more sessions",
    code: "SB_DEVICE_BUSY",
    tags: [],
    texts: [
      /too many (?:(?:concurrent|simultaneous|active|open|netconf|ssh|user|login|client)[ -])*(?:sessions|connections|users|logins)/i,
      /max(?:imum|\.)?(?: allowed)?(?: number of)? (?:(?:concurrent|netconf|ssh|user|client|login)[ -])*(?:sessions|connections|users|logins)/i,
      /(?:session|connection|user|login)s?[ -]limit (?:has been |is |was )?(?:exceeded|reached)/i,
      /exceeded maxstartups|not allowed at this time|rate limit (?:exceeded|reached)/i,
      /no (?:more|free) (?:sessions|connections|ptys)|resource shortage/i,
    ],
    advice:
      "End sessions that are not needed (`show system users`), or raise connection-limit and rate-limit of `system services netconf ssh`, then retry.",
  },
  {
    name: "a process of the device does not answer",
    code: "SB_DEVICE_BUSY",
    tags: [],
    texts: [
      any(
        `(?:could not|cannot|unable to|failed to) (?:connect|communicate|talk|send|open (?:user interface )?connection).*\\b${DAEMON}\\b`,
      ),
      /could not open user interface connection/i,
      any(`\\b${DAEMON}(?:: .*)? (?:is )?not (?:running|responding|ready|started|available)`),
      any(`(?:connection|communication|request) (?:to|with) .*\\b${DAEMON}\\b.*(?:failed|refused|timed out|lost)`),
      any(`(?:time-?out|timed out)\\b.*\\b(?:${DAEMON}|check-out|commit)\\b`),
      any(`\\b(?:${DAEMON}|check-?out|commit)\\b.* timed out`),
    ],
    advice: "Look at the process that the message names (`show system processes`), then retry.",
  },
  {
    name: "the device is starting or changing over",
    code: "SB_DEVICE_BUSY",
    tags: [],
    texts: [
      /(?:system|device|router|switch|chassis) is (?:not ready|booting|starting|initiali[sz]ing|rebooting|shutting down|going down)/i,
      /(?:mastership|switchover|upgrade|issu|reboot|shutdown) .*in progress/i,
    ],
    advice: "Wait until the device is up, then retry.",
  },
];

/** Lines that only say that the line above them is why nothing was done. */
const FOLLOW_UP = /^(?:error: )?(?:configuration check-out failed|commit failed|load failed|\d+ errors?)\b/i;

/** The first condition that this is a case of. */
export function passingCondition(said: Said): PassingCondition | undefined {
  return passingConditions.find(
    ({ tags, texts }) =>
      tags.includes(said.tag ?? "") ||
      tags.includes(said.appTag ?? "") ||
      texts.some((text) => text.test(said.message)),
  );
}

/**
 * Why all that a reply complains of passes by itself; undefined when something in it does not. An objection to a statement or a second complaint of
 * its own would be there next time too, and would make every job fail that is committed together with it.
 * @param complaints the errors of a reply; `statement` where one names what it objects to
 */
export function passingReason(
  complaints: ReadonlyArray<Said & { readonly statement?: string | undefined }>,
): { readonly condition: PassingCondition; readonly index: number } | undefined {
  const conditions = complaints.map((said) => {
    const condition = passingCondition(said);
    // What a statement is rejected for may sound like it: "maximum number of sessions must be less than ...".
    const byTag = condition?.tags.some((tag) => tag === said.tag || tag === said.appTag) ?? false;
    return condition?.code === "SB_LOCK_DENIED" || byTag || !said.statement ? condition : undefined;
  });
  const lock = conditions.findIndex((condition) => condition?.code === "SB_LOCK_DENIED");
  const index = lock >= 0 ? lock : conditions.findIndex((condition) => condition !== undefined);
  const condition = conditions[index];
  if (condition === undefined) return undefined;
  const lasting = complaints.some((said, at) => {
    if (conditions[at] !== undefined) return false;
    return said.statement ? true : lock < 0 && !FOLLOW_UP.test(said.message);
  });
  return lasting ? undefined : { condition, index };
}
