import { SignalboxError } from "../errors.ts";
import type { AddressBook, ListeningAt } from "../lab/address-book.ts";

type Book = Readonly<Record<string, ListeningAt>> | undefined;

/**
 * Where routers are really reached: the lab's own first, then as the configuration's address book says, else at their own address. With a
 * lab there is no "else": a demo must not log in to a device that happens to have the address.
 * @returns undefined for a router that is reached at its own address
 * @throws SB_DEVICE_NOT_IN_LAB
 */
export function routerAddresses(
  lab: AddressBook | undefined,
  book: Book,
): (router: { readonly host: string; readonly port: number }) => ListeningAt | undefined {
  return ({ host, port }) => {
    const found = lab?.netconf(host, port) ?? entryOf(book, host);
    if (found === undefined && lab !== undefined) throw notInLab(lab, "router", host, "netconf");
    return found;
  };
}

/**
 * The same for SNMP agents, which are at port 161 of their own address when nothing else is said.
 * @throws SB_DEVICE_NOT_IN_LAB
 */
export function agentAddresses(lab: AddressBook | undefined, book: Book): (device: string) => ListeningAt {
  return (device) => {
    const found = lab?.snmp(device) ?? entryOf(book, device);
    if (found !== undefined) return found;
    if (lab !== undefined) throw notInLab(lab, "SNMP agent", device, "snmp");
    return { host: device, port: 161 };
  };
}

function entryOf(book: Book, device: string): ListeningAt | undefined {
  return book !== undefined && Object.hasOwn(book, device) ? book[device] : undefined;
}

function notInLab({ devices }: AddressBook, what: string, device: string, section: "netconf" | "snmp"): SignalboxError {
  const own = devices
    .filter((each) => each[section] !== undefined)
    .map(({ name, address }) => `${name} (${address})`)
    .join(", ");
  const key = section === "netconf" ? " and its host key under netconf.host_keys" : "";
  return new SignalboxError("SB_DEVICE_NOT_IN_LAB", `the lab has no ${what} ${device}`, {
    device,
    advice:
      `The lab has ${own}. To give it another one, let a server play the device and say under address_book.${section} in the ` +
      `configuration file where ${device} listens${key}; without --lab the real ${device} is contacted.`,
  });
}
