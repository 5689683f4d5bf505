import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { AddressRefusal } from "../actors/devices/device-address-fields.ts";
import type { DeviceNetworks } from "../catalogue/device-networks.ts";
import { SignalboxError } from "../errors.ts";
import type { AddressBook, ListeningAt } from "../lab/address-book.ts";

type Book = Readonly<Record<string, ListeningAt>> | undefined;

export interface DeviceReach {
  readonly lab: AddressBook | undefined;
  readonly book: Book;
  /** Where devices may be that neither the lab nor the address book has. */
  readonly networks: DeviceNetworks;
  /** The addresses of a name; those of the system's resolver by default. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
}

/**
 * Where routers are really reached: the lab's own first, then as the configuration's address book says, else at their own address. With a
 * lab there is no "else": a demo must not log in to a device that happens to have the address.
 * @throws SB_DEVICE_NOT_IN_LAB, SB_DEVICE_ADDRESS
 */
export function routerAddresses(
  reach: DeviceReach,
): (router: { readonly host: string; readonly port: number }) => Promise<ListeningAt> {
  const { lab, book } = reach;
  return async ({ host, port }) => {
    const found = lab?.netconf(host, port) ?? entryOf(book, host);
    if (found !== undefined) return found;
    if (lab !== undefined) throw notInLab(lab, "router", host, "netconf");
    return { host: await allowedAddress(host, reach), port };
  };
}

/**
 * The same for SNMP agents, which are at port 161 of their own address when nothing else is said.
 * @throws SB_DEVICE_NOT_IN_LAB, SB_DEVICE_ADDRESS
 */
export function agentAddresses(reach: DeviceReach): (device: string) => Promise<ListeningAt> {
  const { lab, book } = reach;
  return async (device) => {
    const found = lab?.snmp(device) ?? entryOf(book, device);
    if (found !== undefined) return found;
    if (lab !== undefined) throw notInLab(lab, "SNMP agent", device, "snmp");
    return { host: await allowedAddress(device, reach), port: 161 };
  };
}

/** What is refused when a resource is given the address of its device: what the lab or the address book has is sent where they say. */
export function addressRefusal({ lab, book, networks }: DeviceReach, agents: Book): AddressRefusal {
  const labs = new Set(lab?.devices.map(({ address }) => address));
  return (address) => {
    const isMapped =
      labs.has(address) || entryOf(book, address) !== undefined || entryOf(agents, address) !== undefined;
    return isMapped ? undefined : networks.refusal(address);
  };
}

/**
 * The address itself, or that of a name: the very one that was looked at is connected to, so that the name cannot mean another one by then.
 * Every address of a name must be allowed.
 */
async function allowedAddress(device: string, { networks, resolve = addressesOf }: DeviceReach): Promise<string> {
  const addresses = isIP(device) === 0 ? await resolve(device).catch((cause) => unresolved(device, cause)) : [device];
  for (const address of addresses) {
    const refused = networks.refusal(address);
    if (refused === undefined) continue;
    const which = address === device ? device : `${device} (${address})`;
    throw new SignalboxError("SB_DEVICE_ADDRESS", `${which} is not contacted as a device: it ${refused}`, { device });
  }
  const [first] = addresses;
  return first ?? unresolved(device, undefined);
}

async function addressesOf(name: string): Promise<string[]> {
  return (await lookup(name, { all: true })).map(({ address }) => address);
}

function unresolved(device: string, cause: unknown): never {
  throw new SignalboxError("SB_DEVICE_UNREACHABLE", `the name ${device} has no address`, { device, cause });
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
