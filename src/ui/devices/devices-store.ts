import type { DeviceReport } from "../api-types.ts";
import { followEvents, type StreamState } from "../event-stream.ts";

/** All devices, by host, kept live: the stream tells all of them first, after each loss again. */
export function followDevices(
  onDevices: (devices: readonly DeviceReport[]) => void,
  onState: (state: StreamState) => void,
): () => void {
  const byHost = new Map<string, DeviceReport>();
  let isFirst = true;
  return followEvents({
    path: "/signalbox/v1/devices/events",
    onState: (state) => {
      if (state === "live") isFirst = true;
      onState(state);
    },
    onEvent: ({ name, data }) => {
      if (name !== "devices") return;
      if (isFirst) byHost.clear();
      isFirst = false;
      for (const device of (data as { readonly devices: readonly DeviceReport[] }).devices)
        byHost.set(device.host, device);
      onDevices([...byHost.values()].sort((a, b) => (a.host < b.host ? -1 : 1)));
    },
  });
}
