/** An error's one-line report, taken apart. */
export interface ErrorReport {
  /** Such as SB_COMMIT_REJECTED; "" when there is none. */
  readonly code: string;
  readonly message: string;
  readonly device: string;
  readonly statement: string;
}

const DEVICE = / \[device ([^\]]+)\]/;
const STATEMENT = / \[statement: (.+)\](?=[. ]|$)/s;

/**
 * Reads `CODE: message [device X] [statement: Y]. advice`. A device or a statement that the message names itself is not repeated in brackets:
 * the device is then looked for among those that the resource works on, the statement in quotes.
 * @param advice the end of the report when it is what the gateway advises for the code; it is left out of the message
 */
export function readReport(report: string, devices: readonly string[], advice: string): ErrorReport {
  const [, code = "", rest = report] = /^(SB_[A-Z_]+): (.*)$/s.exec(report) ?? [];
  const plain = rest.replace(DEVICE, "").replace(STATEMENT, "");
  const message = advice !== "" && plain.endsWith(advice) ? plain.slice(0, -advice.length).trim() : plain;
  const device = DEVICE.exec(rest)?.[1] ?? named(rest, devices);
  const quoted = /"([^"]+)"|'([^']+)'/.exec(message);
  const statement = STATEMENT.exec(rest)?.[1] ?? quoted?.[1] ?? quoted?.[2] ?? "";
  return { code, message, device, statement };
}

/** The longest: the address of one device may be the start of another's. */
function named(text: string, devices: readonly string[]): string {
  const found = devices.filter((device) => text.includes(device));
  return found.sort((a, b) => b.length - a.length)[0] ?? "";
}
