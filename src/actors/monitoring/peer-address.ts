/**
 * A peer's address in one spelling: without the port that Junos appends after a plus sign while there is a connection, without what follows
 * it after a space ("(not configured)"), and with IPv6 in lower case and compressed (RFC 5952). The interface of a link-local address
 * (`%ge-0/0/0.0`) stays.
 */
export function canonicalPeer(text: string): string {
  const [first = ""] = text.trim().split(/[\s+]/);
  const [address = "", scope] = first.split("%");
  const name = compressed(address);
  return scope === undefined ? name : `${name}%${scope}`;
}

function compressed(address: string): string {
  const url = `http://[${address}]/`;
  return address.includes(":") && URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : address.toLowerCase();
}

/** Whether a peer as a router lists it is the one that is asked for, which may be named without its interface. */
export function isSamePeer(listed: string, wanted: string): boolean {
  const [found, asked] = [canonicalPeer(listed), canonicalPeer(wanted)];
  return found === asked || (!asked.includes("%") && found.split("%")[0] === asked);
}
