/** Parameters that name the devices a job works on. */
const DEVICE_PARAMETERS = new Set(["primary_device_ip", "secondary_device_ip", "device_ip"]);

/** Addresses of the devices that a job works on, sorted. */
export function devicesOf(
  params: ReadonlyArray<{ readonly param: string; readonly type: string; readonly value: unknown }>,
): string[] {
  const hosts = params
    .filter(({ param, type }) => DEVICE_PARAMETERS.has(param) && type === "value")
    .map(({ value }) => String(value));
  return [...new Set(hosts)].sort();
}
