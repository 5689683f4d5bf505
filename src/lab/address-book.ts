/** Where a device's server really listens. */
export interface ListeningAt {
  readonly host: string;
  readonly port: number;
}

/** Says where the devices of a lab are really reached; undefined for what is no device of it. */
export interface AddressBook {
  /** All that are in it, for whoever has to say which those are. */
  readonly devices: readonly BookedDevice[];
  /**
   * @param host address or name of the router as the resources know it
   * @param port whatever the resources say: a lab router has one NETCONF server
   */
  netconf(host: string, port: number): ListeningAt | undefined;
  /** @param device address or name of the device as the resources know it */
  snmp(device: string): ListeningAt | undefined;
}

/** A device with the ports that the lab found for it; they stay the same for as long as the lab runs. */
export interface BookedDevice {
  readonly name: string;
  readonly address: string;
  readonly netconf?: ListeningAt;
  readonly snmp?: ListeningAt;
}

/** Makes the address book of these devices; each is found by its address and by its name. */
export function addressBookOf(devices: readonly BookedDevice[]): AddressBook {
  const known = new Map(
    devices.flatMap((device) => [[device.name, device] as const, [device.address, device] as const]),
  );
  return {
    devices,
    netconf: (host) => known.get(host)?.netconf,
    snmp: (device) => known.get(device)?.snmp,
  };
}
